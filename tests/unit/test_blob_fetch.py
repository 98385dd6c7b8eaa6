"""Sharing the chunks of a blob among the peers that have it."""

import hashlib
from pathlib import Path

import pytest
import trio

from p2pnode.network import blob_fetch
from p2pnode.network.blob_fetch import Description, Fetch
from p2pnode.network.blob_store import BlobStore

BODY = b"a model of one chunk"
DIGEST = hashlib.sha256(BODY).digest()


async def fetch(folder: Path, silent: set[str], peers: list[str]) -> list[str]:
    """Fetch `BODY` from `peers`, of which the `silent` never send a chunk; whom a chunk was asked of."""
    asked: list[str] = []

    async def describe(peer: str) -> Description:
        return Description(len(BODY), (DIGEST,))

    async def get_chunk(peer: str, index: int) -> tuple[int, bytes]:
        asked.append(peer)
        if peer in silent:
            await trio.sleep_forever()
        return len(BODY), BODY

    async def make_room(size: int) -> None: ...

    store = BlobStore(folder, 1 << 20)
    failures: dict[str, str] = {}
    fetching = Fetch(DIGEST, 1 << 20, store, describe, get_chunk, make_room, lambda *_: None, failures)
    with trio.fail_after(5):
        assert await fetching.run(peers)
    assert store.path(DIGEST).read_bytes() == BODY
    assert not failures
    return asked


@pytest.mark.parametrize("silent", [{"one"}, {"one", "two", "three"}])
async def test_a_chunk_that_does_not_come_is_asked_of_each_other_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: set[str]
) -> None:
    monkeypatch.setattr(blob_fetch, "SLOW_SECONDS", 0.03)
    # Which of the peers' workers goes first is left to chance: many rounds, so that each order occurs.
    for number in range(25):
        asked = await fetch(tmp_path / str(number), silent, [*sorted(silent), "quick"])
        assert asked[-1] == "quick"
        assert len(asked) == len(set(asked))


async def test_a_peer_that_sends_in_time_is_the_only_one_asked(tmp_path: Path) -> None:
    assert len(await fetch(tmp_path, set(), ["one", "two"])) == 1
