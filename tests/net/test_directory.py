"""Provider records: every one is kept by somebody, and providers that join later are found."""

import hashlib

import pytest
import trio

from p2pnode.network import open_network
from tests.net.conftest import Settings


async def test_provider_that_joins_later_is_found(settings: Settings) -> None:
    digest = hashlib.sha256(b"content").digest()
    async with (
        open_network(settings("boot")) as boot,
        open_network(settings("alice", bootstrap=boot.addresses)) as alice,
        open_network(settings("bob", bootstrap=boot.addresses)) as bob,
    ):
        with trio.fail_after(30):
            await alice.wait_connected(boot.peer_id)
            await alice.blobs.put(b"content")
            while await bob.directory.find(digest) != [alice.peer_id]:  # noqa: ASYNC110
                await trio.sleep(0.05)
            async with open_network(settings("carol", bootstrap=boot.addresses)) as carol:
                await carol.wait_connected(boot.peer_id)
                await carol.blobs.put(b"content")
                while set(await bob.directory.find(digest)) != {alice.peer_id, carol.peer_id}:  # noqa: ASYNC110
                    await trio.sleep(0.05)


@pytest.mark.deep
async def test_every_record_of_many_is_kept(settings: Settings) -> None:
    contents = [b"content %d" % number for number in range(25)]
    async with (
        open_network(settings("alice")) as alice,
        open_network(settings("bob", bootstrap=alice.addresses)) as bob,
    ):
        with trio.fail_after(90):
            await bob.wait_connected(alice.peer_id)
            digests = [await alice.blobs.put(content) for content in contents]
            for digest in digests:
                while await bob.directory.find(digest) != [alice.peer_id]:  # noqa: ASYNC110
                    await trio.sleep(0.2)
