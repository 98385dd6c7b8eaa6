"""Private networks: a pre-shared key around every connection, before anything else is said.

libp2p private networks, specs/pnet/Private-Networks-PSK-V1: each side sends a random nonce of 24 bytes,
then everything it writes is XORed with XSalsa20 under the key and its nonce. Row 30: the library's own
version takes Salsa20 with a nonce of 8 bytes, reads the nonce in one piece and understands nobody else.

Whoever does not have the key sees random bytes; a node with another key or none cannot even negotiate.
The key comes from a file in the format of go-libp2p's swarm.key and never reaches a log.
"""

import os
import stat
import struct
from pathlib import Path

from Crypto.Cipher import Salsa20
from libp2p.abc import IRawConnection
from libp2p.connection_types import ConnectionType
from libp2p.io.exceptions import IOException

from p2pnode.errors import ConfigError
from p2pnode.network.address import Multiaddr

HEADER = "/key/swarm/psk/1.0.0/"
KEY_BYTES = 32
NONCE_BYTES = 24
_DOUBLE_ROUND = (
    *((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)),
    *((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)),
)
"""Words that the quarter-rounds of Salsa20 mix: the columns, then the rows."""
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def create_psk(path: Path) -> None:
    """Write a new key to `path` (0600, the file must not exist)."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(f"network key {path} exists already: remove it to make another network") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{HEADER}\n/base16/\n{os.urandom(KEY_BYTES).hex()}\n")


def load_psk(path: Path) -> bytes:
    """The 32-byte key of a swarm.key file; ConfigError when it is missing, malformed or open to others."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        lines = path.read_text(errors="replace").split()
    except OSError as error:
        raise ConfigError(
            f"network.psk_file {path} cannot be read ({error.strerror}): get it from the network's owner"
        ) from error
    if mode & 0o077:
        raise ConfigError(f"network.psk_file {path} has mode {mode:04o}: run `chmod 600 {path}`")
    try:
        if len(lines) != 3 or lines[:2] != [HEADER, "/base16/"]:
            raise ValueError
        key = bytes.fromhex(lines[2])
        if len(key) != KEY_BYTES:
            raise ValueError
        return key
    except ValueError:
        # The cause would quote the key.
        raise ConfigError(
            f"network.psk_file {path} is no swarm key: it has the lines {HEADER}, /base16/ and 64 hex digits"
        ) from None


class PrivateConnection(IRawConnection):
    """A raw connection under a pre-shared key."""

    def __init__(self, inner: IRawConnection, key: bytes) -> None:
        self._inner = inner
        self._key = key
        self._out: Salsa20.Salsa20Cipher | None = None
        self._in: Salsa20.Salsa20Cipher | None = None
        self.is_initiator = inner.is_initiator

    async def write(self, data: bytes) -> None:
        """Encrypt and write; the nonce goes in front of the first bytes."""
        nonce = b""
        if self._out is None:
            nonce = os.urandom(NONCE_BYTES)
            self._out = xsalsa20(self._key, nonce)
        await self._inner.write(nonce + self._out.encrypt(data))

    async def read(self, n: int | None = None) -> bytes:
        """Read and decrypt at most `n` bytes; IOException when the connection ends within the nonce."""
        if self._in is None:
            nonce = b""
            while len(nonce) < NONCE_BYTES:
                part = await self._inner.read(NONCE_BYTES - len(nonce))
                if not part:
                    raise IOException("the connection ended before its nonce")
                nonce += part
            self._in = xsalsa20(self._key, nonce)
        return self._in.decrypt(await self._inner.read(n))

    async def close(self) -> None:
        """Close the connection below."""
        await self._inner.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Address of the other side."""
        return self._inner.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """Addresses of the connection below."""
        return self._inner.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """Direct or relayed, as the connection below is."""
        return self._inner.get_connection_type()


def xsalsa20(key: bytes, nonce: bytes) -> Salsa20.Salsa20Cipher:
    """XSalsa20 (Bernstein, "Extending the Salsa20 nonce", section 2): Salsa20 under a derived key."""
    return Salsa20.new(key=hsalsa20(key, nonce[:16]), nonce=nonce[16:])


def hsalsa20(key: bytes, nonce: bytes) -> bytes:
    """HSalsa20 of a 32-byte key and 16 bytes of nonce: 20 rounds of Salsa20 without the final addition."""
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", nonce)
    x = [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]
    for _ in range(10):
        for a, b, c, d in _DOUBLE_ROUND:
            x[b] ^= _rotate(x[a] + x[d], 7)
            x[c] ^= _rotate(x[b] + x[a], 9)
            x[d] ^= _rotate(x[c] + x[b], 13)
            x[a] ^= _rotate(x[d] + x[c], 18)
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def _rotate(word: int, by: int) -> int:
    word &= 0xFFFFFFFF
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF
