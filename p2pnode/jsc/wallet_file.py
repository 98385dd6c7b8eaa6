"""A wallet on disk: one encrypted file of secrets, one plain file of the pool's public events.

`wallet.jsc`: magic, 16 bytes of salt, 12 of nonce, ChaCha20-Poly1305 of CBOR under a key by scrypt
(RFC 7914; N = 2^17, r = 8). `pool.cbor`: a CBOR sequence (RFC 8742), one event an item; it can be deleted,
and is then read from the chain again. Both are written so that a crash leaves the old or the new content.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cbor2
from Crypto.Cipher import ChaCha20_Poly1305

from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.identity import write_secret
from p2pnode.jsc.bn254 import Affine, compress, decompress
from p2pnode.jsc.codec import dump_event, load_event
from p2pnode.jsc.keys import Address, ViewKeys
from p2pnode.jsc.pool import Pool
from p2pnode.jsc.wallet import Book, SentNote, Wallet

WALLET: Final = "wallet.jsc"
POOL: Final = "pool.cbor"
SCRYPT_N: Final = 1 << 17
_MAGIC: Final = b"JSCW1"


@dataclass(slots=True)
class Position:
    """How far the chain was read: hashes of blocks up to which all events are here, oldest first."""

    checkpoints: list[tuple[int, bytes]]
    events: int


class WalletFile:
    """The two files in `folder`. Create with `create`, open with `open`."""

    def __init__(self, folder: Path, salt: bytes, key: bytes) -> None:
        self._folder = folder
        self._salt = salt
        self._key = key
        self._cached = 0

    @classmethod
    def create(cls, folder: Path, password: str, wallet: Wallet, *, scrypt_n: int = SCRYPT_N) -> "WalletFile":
        """Write a new wallet; never overwrites one. ConfigError for an empty password or an existing file."""
        if not password:
            raise ConfigError("password is empty; choose one of at least one character")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        salt = secrets.token_bytes(16)
        file = cls(folder, salt, _derive(password, salt, scrypt_n))
        write_secret(folder / WALLET, file._sealed(wallet, Position([], 0)))
        return file

    @classmethod
    def open(
        cls, folder: Path, password: str, pool: Pool, *, scrypt_n: int = SCRYPT_N
    ) -> tuple["WalletFile", Wallet, Position]:
        """Decrypt the wallet and feed it the events that are here. `pool` must be new.

        ConfigError for a wrong password, a missing file, or a wallet of another pool.
        """
        try:
            raw = (folder / WALLET).read_bytes()
        except OSError as error:
            raise ConfigError(
                f"{folder / WALLET}: {error.strerror}; run `p2pnode jsc create` first"
            ) from error
        salt, nonce, sealed = raw[5:21], raw[21:33], raw[33:]
        key = _derive(password, salt, scrypt_n)
        try:
            if raw[:5] != _MAGIC:
                raise ValueError
            cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
            plain = cipher.decrypt_and_verify(sealed[:-16], sealed[-16:])
        except ValueError:
            raise ConfigError(f"{folder / WALLET}: wrong password, or not a wallet file") from None
        file = cls(folder, salt, key)
        wallet, position = _load(bytes(plain), pool)
        file._feed(wallet, position)
        return file, wallet, position

    def save(self, wallet: Wallet, position: Position) -> None:
        """Keep the wallet as it is now, and the pool's events."""
        events = wallet.pool.events
        if self._cached > len(events):
            self._replace(self._folder / POOL, b"".join(map(dump_event, events)))
        elif self._cached < len(events):
            with (self._folder / POOL).open("ab") as cache:
                cache.write(b"".join(map(dump_event, events[self._cached :])))
                cache.flush()
                os.fsync(cache.fileno())
        self._cached = len(events)
        # Last, since it names the events that the cache must hold.
        position.events = len(events)
        self._replace(self._folder / WALLET, self._sealed(wallet, position))

    def truncated(self) -> None:
        """Say that events were taken back since the last `save`, so that the cache is written anew."""
        self._cached = 1 << 62

    def _feed(self, wallet: Wallet, position: Position) -> None:
        try:
            with (self._folder / POOL).open("rb") as cache:
                for _ in range(position.events):
                    wallet.add(load_event(cbor2.load(cache)))
                self._cached = position.events
                if cache.read(1):
                    self.truncated()
        except (OSError, ProtocolError, cbor2.CBORDecodeError):
            # The cache is public data: what is missing or broken is read from the chain again.
            wallet.roll_back(0)
            position.checkpoints.clear()
            self.truncated()

    def _sealed(self, wallet: Wallet, position: Position) -> bytes:
        nonce = secrets.token_bytes(12)
        cipher = ChaCha20_Poly1305.new(key=self._key, nonce=nonce)
        sealed, tag = cipher.encrypt_and_digest(_dump(wallet, position))
        return b"".join((_MAGIC, self._salt, nonce, sealed, tag))

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def _derive(password: str, salt: bytes, scrypt_n: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=scrypt_n, r=8, p=1, maxmem=1 << 28, dklen=32)


def _dump(wallet: Wallet, position: Position) -> bytes:
    book, views = wallet.book, wallet.views
    return cbor2.dumps(
        {
            "chain": [wallet.pool.chain_id, wallet.pool.address],
            "spend": None if wallet.spend is None else wallet.spend.to_bytes(32, "big"),
            "view": views.view.to_bytes(32, "big"),
            "public": compress(views.spend_public),
            "outgoing": views.outgoing,
            "restore": book.restore_block,
            "subaddresses": book.subaddresses,
            "labels": book.labels,
            "contacts": book.contacts,
            "sent": [[list(s.key), s.address.raw, s.amount, s.anchor] for s in book.sent],
            "pending": [[list(image), deadline] for image, deadline in book.pending.items()],
            "images": [[list(key), list(image)] for key, image in book.images.items()],
            "frozen": [list(key) for key in book.frozen],
            "checkpoints": [list(checkpoint) for checkpoint in position.checkpoints],
            "events": position.events,
        }
    )


def _load(plain: bytes, pool: Pool) -> tuple[Wallet, Position]:
    raw: dict[str, Any] = cbor2.loads(plain)
    if raw["chain"] != [pool.chain_id, pool.address]:
        chain_id, address = raw["chain"]
        raise ConfigError(
            f"wallet is of the pool 0x{address.hex()} on chain {chain_id}, not of this one; "
            "choose another wallet folder"
        )
    views = ViewKeys(int.from_bytes(raw["view"], "big"), decompress(raw["public"]), raw["outgoing"])
    book = Book(
        raw["restore"],
        raw["subaddresses"],
        raw["labels"],
        raw["contacts"],
        [
            SentNote(_point(key), Address.from_raw(a), amount, anchor)
            for key, a, amount, anchor in raw["sent"]
        ],
        {_point(image): deadline for image, deadline in raw["pending"]},
        {_point(key): _point(image) for key, image in raw["images"]},
        {_point(key) for key in raw["frozen"]},
    )
    spend = None if raw["spend"] is None else int.from_bytes(raw["spend"], "big")
    position = Position([(block, digest) for block, digest in raw["checkpoints"]], raw["events"])
    return Wallet(views, spend, pool, book), position


def _point(raw: list[int]) -> Affine:
    return raw[0], raw[1]
