"""`p2pnode ipfs`: models to and from IPFS."""

import os
import secrets
from pathlib import Path

import click

from p2pnode.cli.output import Printer, hexed, json_option
from p2pnode.protocol.cid import content_digest, to_cid

PROFILE_NAMES = ("unixfs-v0-2015", "kubo-v1", "unixfs-v1-2025")
MAX_MIB = 4096


@click.group()
def command() -> None:
    """Bring models from IPFS and to it."""


profile_option = click.option(
    "--profile",
    type=click.Choice(PROFILE_NAMES),
    default="unixfs-v1-2025",
    show_default=True,
    help="How IPFS cuts and names files; the CID depends on it.",
)


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@profile_option
@json_option
def cid(file: Path, profile: str, printer: Printer) -> None:
    """Print the CID that IPFS gives FILE, and the CID by which this network knows it."""
    from p2pnode.ipfs import PROFILES, file_cid

    found = file_cid(file, PROFILES[profile])
    digest = content_digest(file.read_bytes())
    printer.result(
        {"ipfs": found, "cid": to_cid(digest), "digest": hexed(digest)},
        [f"IPFS  {found}", f"here  {to_cid(digest)}"],
    )


@command.command("import")
@click.argument("cid")
@click.option("--gateway", help="Base URL of an IPFS gateway, for example https://ipfs.io.")
@click.option("--api", help="Base URL of a Kubo RPC, for example http://127.0.0.1:5001.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write; it must not exist.",
)
@click.option("--max-mib", type=click.IntRange(1, MAX_MIB), default=1024, show_default=True, help="Most MiB.")
@json_option
def import_(
    cid: str, gateway: str | None, api: str | None, out: Path, max_mib: int, printer: Printer
) -> None:
    """Fetch the file CID block by block, each checked against the CID. The server need not be trusted."""
    from p2pnode.ipfs import Gateway, Kubo, import_file

    if (gateway is None) == (api is None):
        raise click.UsageError("give --gateway or --api, one of the two")
    if out.exists():
        raise click.UsageError(f"{out} exists already; choose another --out")
    source = Gateway(gateway) if gateway is not None else Kubo(str(api))
    temporary = out.with_name(f"{out.name}.{secrets.token_hex(4)}.new")
    try:
        with temporary.open("wb") as file, printer.progress(f"Fetching {cid}"):
            size = import_file(source, cid, max_mib << 20, file.write)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    digest = content_digest(out.read_bytes())
    printer.result(
        {"file": str(out), "size": size, "cid": to_cid(digest), "digest": hexed(digest)},
        [f"wrote {out}, {size} bytes", f"here  {to_cid(digest)}"],
    )


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--api", default="http://127.0.0.1:5001", show_default=True, help="Base URL of a Kubo RPC.")
@profile_option
@json_option
def export(file: Path, api: str, profile: str, printer: Printer) -> None:
    """Add FILE to an IPFS node and pin it there; fails when the node names it otherwise."""
    from p2pnode.ipfs import PROFILES, Kubo, export_file

    with printer.progress(f"Adding {file}"):
        found = export_file(Kubo(api), file, PROFILES[profile])
    printer.result({"ipfs": found}, [f"IPFS  {found}"])
