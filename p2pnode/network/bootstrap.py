"""Lists of bootstrap peers.

A list has one multiaddr a line that ends in `/p2p/<peer ID>`; `#` starts a comment, blank lines are free.
"""

from collections.abc import Sequence
from pathlib import Path

from libp2p.peer.id import ID

from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.network.address import Multiaddr, split_address

MAX_LIST = 256 * 1024


def parse_peer_list(text: str, name: str) -> list[str]:
    """Multiaddrs of a list; ConfigError with `name:line` for one that is wrong or repeated."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        address = line.partition("#")[0].strip()
        if not address:
            continue
        try:
            split_address(address)
        except ProtocolError as error:
            raise ConfigError(f"{name}:{number}: {error}") from error
        if address in found:
            raise ConfigError(f"{name}:{number}: {address} is on line {found[address]} already")
        found[address] = number
    return list(found)


def read_peer_list(path: Path) -> list[str]:
    """Multiaddrs of a list file; ConfigError when it cannot be read or a line is wrong."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST + 1)
        if len(data) > MAX_LIST:
            raise ConfigError(f"bootstrap list {path} is over {MAX_LIST} bytes")
        return parse_peer_list(data.decode(), str(path))
    except OSError as error:
        raise ConfigError(f"bootstrap list {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"bootstrap list {path} is not UTF-8 text") from error


def resolve_peers(entries: Sequence[str]) -> list[tuple[ID, Multiaddr]]:
    """Peers of `network.bootstrap`: each entry is a multiaddr, or the path of a list file."""
    addresses: dict[str, None] = {}
    for entry in entries:
        path = Path(entry).expanduser()
        # A multiaddr also starts with a slash, but is never the name of a file.
        if path.is_file():
            addresses.update(dict.fromkeys(read_peer_list(path)))
            continue
        try:
            split_address(entry)
        except ProtocolError as error:
            raise ConfigError(f"network.bootstrap: {error}, nor is it a list file that exists") from error
        addresses[entry] = None
    return [split_address(address) for address in addresses]
