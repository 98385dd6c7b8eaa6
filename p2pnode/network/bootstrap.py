"""Lists of peers to join by: given ones, files, the one this package ships, DNS names.

A list has one multiaddr a line that ends in `/p2p/<peer ID>`; `#` starts a comment, blank lines are free.
DNS names are only noted here: `join` looks them up again and again, since the answer may change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from libp2p.peer.id import ID

from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.network.address import Multiaddr, split_address
from p2pnode.network.dnsaddr import PREFIX

MAX_LIST = 256 * 1024
BUILT_IN = "builtin.peers"
GIVEN = "network.bootstrap"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A peer to join by, where to dial it, and the name of the list that has it."""

    peer: ID
    address: Multiaddr
    source: str

    def __str__(self) -> str:
        return f"{self.address}/p2p/{self.peer.to_base58()}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look for the first peer: candidates known now, and names for `dnsaddr`."""

    candidates: tuple[Candidate, ...] = ()
    names: tuple[str, ...] = ()

    def without(self, peer: ID) -> "Sources":
        """The same, but for `peer`: a list may name the node that reads it."""
        return replace(self, candidates=tuple(c for c in self.candidates if c.peer != peer))


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


def built_in_list() -> list[str]:
    """Multiaddrs of the list that this package ships."""
    text = files("p2pnode.network").joinpath(BUILT_IN).read_text()
    return parse_peer_list(text, BUILT_IN)


def read_sources(entries: Sequence[str], *, built_in: bool = False) -> Sources:
    """Sources of `network.bootstrap`: each entry is a multiaddr, `/dnsaddr/<name>` or a list file's path."""
    found: dict[str, str] = {}
    names: list[str] = []
    for entry in entries:
        path = Path(entry).expanduser()
        if entry.startswith(PREFIX):
            names.append(_name(entry))
        # A multiaddr also starts with a slash, but is never the name of a file.
        elif path.is_file():
            for address in read_peer_list(path):
                found.setdefault(address, path.name)
        else:
            try:
                split_address(entry)
            except ProtocolError as error:
                raise ConfigError(f"{GIVEN}: {error}, nor is it a list file that exists") from error
            found.setdefault(entry, GIVEN)
    if built_in:
        for address in built_in_list():
            found.setdefault(address, BUILT_IN)
    return Sources(tuple(Candidate(*split_address(a), name) for a, name in found.items()), tuple(names))


def _name(entry: str) -> str:
    name = entry.removeprefix(PREFIX)
    labels = name.split(".")
    if not all(0 < len(label) <= 63 and label.replace("-", "").isalnum() for label in labels):
        raise ConfigError(f"{GIVEN}: {entry!r} is no DNS name: write /dnsaddr/bootstrap.example.org")
    return name
