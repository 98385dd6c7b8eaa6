"""`p2pnode content`: what this node keeps on disk for itself and for its peers."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import trio

from p2pnode.cli.models_owner import ModelId
from p2pnode.cli.output import Printer, config_option, json_option
from p2pnode.config import Config
from p2pnode.control import ControlClient
from p2pnode.errors import BlobError
from p2pnode.protocol.cid import to_cid

if TYPE_CHECKING:
    from p2pnode.network.blob_store import BlobStore

MIB = 1 << 20


@click.group()
def command() -> None:
    """See, pin and remove the content that this node keeps: models, by CID.

    Works whether the node runs or not. What is not pinned is thrown out, the longest unused first, when
    network.blob_quota_mib is full.
    """


@command.command("list")
@config_option
@json_option
def list_content(config: Config, printer: Printer) -> None:
    """List what is kept, the one used last first."""
    from p2pnode.cli.node import moment

    store = _store(config)
    kept, used, quota = store.kept(), store.used(), config.network.blob_quota_mib * MIB
    found = [
        {"cid": to_cid(blob.digest), "size": blob.size, "pinned": blob.pinned, "used": int(blob.used)}
        for blob in kept
    ]
    lines = [
        f"{to_cid(blob.digest)}  {blob.size / MIB:>10.2f} MiB  {'pinned' if blob.pinned else '      '}"
        f"  used {moment(int(blob.used))}"
        for blob in kept
    ]
    total = f"{used / MIB:.2f} of {config.network.blob_quota_mib} MiB used"
    printer.result({"content": found, "used": used, "quota": quota}, [*lines, total])


@command.command()
@click.argument("cid", type=ModelId())
@config_option
@json_option
def pin(cid: bytes, config: Config, printer: Printer) -> None:
    """Never throw out CID; the running node fetches it first when it is not here."""
    store = _store(config)
    fetched = not store.has(cid)
    if fetched:
        client = ControlClient(config.control_socket)

        async def fetch() -> Path:
            if not await client.is_running():
                raise BlobError(f"{to_cid(cid)} is not kept here; start the node to have it fetched")
            with printer.progress("Fetching"):
                return await client.model(cid)

        trio.run(fetch)
    store.pin(cid)
    printer.result({"cid": to_cid(cid), "pinned": True, "fetched": fetched}, [f"pinned {to_cid(cid)}"])


@command.command()
@click.argument("cid", type=ModelId())
@config_option
@json_option
def unpin(cid: bytes, config: Config, printer: Printer) -> None:
    """Let CID go when room is needed."""
    store = _store(config)
    if not store.has(cid):
        raise BlobError(f"{to_cid(cid)} is not kept here")
    store.unpin(cid)
    printer.result({"cid": to_cid(cid), "pinned": False}, [f"unpinned {to_cid(cid)}"])


@command.command()
@click.argument("cid", type=ModelId())
@config_option
@json_option
def remove(cid: bytes, config: Config, printer: Printer) -> None:
    """Delete CID, which must not be pinned."""
    freed = _store(config).remove(cid)
    line = f"removed {to_cid(cid)}, {freed / MIB:.2f} MiB are free again"
    printer.result({"cid": to_cid(cid), "freed": freed}, [line])


def _store(config: Config) -> "BlobStore":
    from p2pnode.network.blob_store import BlobStore

    return BlobStore(config.blobs, config.network.blob_quota_mib * MIB)
