"""The keys of a wallet: what spends, what sees incoming notes, what sees outgoing ones.

All come from a BIP-39 seed. Subaddresses follow Monero's (research lab MRL-0006): D_i = B + m_i*G and
C_i = a*D_i, here for index 0 as well, with m_0 = 0.
"""

from dataclasses import dataclass
from typing import Final

import base58

from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.jsc.bn254 import BN254, Jacobian, N, compress, decompress
from p2pnode.jsc.generators import G
from p2pnode.jsc.hashing import digest, domain, wide_scalar

PREFIX: Final = "jsc"
_VERSION: Final = b"\x01"
_SPEND: Final = domain("spend-key")
_VIEW: Final = domain("view-key")
_OUTGOING: Final = domain("outgoing-view-key")
_SUBADDRESS: Final = domain("subaddress")
WORDS: Final = 24


@dataclass(frozen=True, slots=True)
class Address:
    """Where notes are sent: `view` = C (a times the spend key) and `spend` = D, both on bn254."""

    view: Jacobian
    spend: Jacobian

    def encode(self) -> str:
        """`jsc` and Base58Check of version, C and D (65 bytes)."""
        return PREFIX + base58.b58encode_check(_VERSION + self.raw).decode()

    @property
    def raw(self) -> bytes:
        """C and D, compressed: 64 bytes."""
        return compress(self.view) + compress(self.spend)

    @classmethod
    def from_raw(cls, data: bytes) -> "Address":
        """Of `raw`. ProtocolError for anything else."""
        if len(data) != 64:
            raise ProtocolError(f"JSC address has {len(data)} bytes; it must have 64")
        return cls(decompress(data[:32]), decompress(data[32:]))

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Of `encode`. ConfigError naming what is wrong."""
        try:
            data = base58.b58decode_check(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else b""
            if data[:1] != _VERSION:
                raise ValueError
            return cls.from_raw(data[1:])
        except (ValueError, ProtocolError):
            raise ConfigError(f"jsc_address {text!r:.24} is no JSC address; ask the receiver again") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


@dataclass(frozen=True, slots=True, repr=False)
class ViewKeys:
    """What a view-only wallet holds: the incoming view key a, the public spend key B, and perhaps the
    outgoing view key (32 bytes), without which it sees what was received but not what was paid."""

    view: int
    spend_public: Jacobian
    outgoing: bytes | None

    def subaddress_scalar(self, index: int) -> int:
        """m_i."""
        if not index:
            return 0
        return wide_scalar(_SUBADDRESS, self.view.to_bytes(32, "big"), index.to_bytes(4, "big"))

    def address(self, index: int = 0) -> Address:
        """The subaddress `index`, 0 for the main address."""
        spend = BN254.add(self.spend_public, BN254.mul(self.subaddress_scalar(index), G))
        return Address(BN254.mul(self.view, spend), spend)

    def encode(self) -> str:
        """The keys as text, to hand to an auditor; whoever has it sees the wallet's history."""
        raw = self.view.to_bytes(32, "big") + compress(self.spend_public) + (self.outgoing or b"")
        return "jscview" + base58.b58encode_check(raw).decode()

    @classmethod
    def parse(cls, text: str) -> "ViewKeys":
        """Of `encode`."""
        try:
            raw = base58.b58decode_check(text.removeprefix("jscview"))
            view = int.from_bytes(raw[:32], "big")
            if not text.startswith("jscview") or len(raw) not in (64, 96) or not 0 < view < N:
                raise ValueError
            return cls(view, decompress(raw[32:64]), raw[64:] or None)
        except (ValueError, ProtocolError):
            raise ConfigError("view key is malformed; export it again with `p2pnode jsc viewkey`") from None


@dataclass(frozen=True, slots=True, repr=False)
class SpendKeys:
    """The secret spend key b and everything that follows from it."""

    spend: int
    views: ViewKeys

    @classmethod
    def from_scalar(cls, spend: int) -> "SpendKeys":
        raw = spend.to_bytes(32, "big")
        views = ViewKeys(wide_scalar(_VIEW, raw), BN254.mul(spend, G), digest(_OUTGOING, raw))
        return cls(spend, views)

    @classmethod
    def from_phrase(cls, phrase: str, passphrase: str = "") -> "SpendKeys":
        """Of the words of a BIP-39 phrase. ConfigError when its checksum or a word is wrong."""
        from eth_account.hdaccount import seed_from_mnemonic
        from eth_utils.exceptions import ValidationError

        try:
            seed = seed_from_mnemonic(" ".join(phrase.split()), passphrase)
        except ValidationError:
            # Not chained: the cause's text holds the phrase.
            raise ConfigError("seed phrase is wrong: check the words and their order") from None
        return cls.from_scalar(wide_scalar(_SPEND, seed))


def new_phrase() -> str:
    """24 random words (BIP-39, English)."""
    from eth_account.hdaccount import generate_mnemonic
    from eth_account.types import Language

    return str(generate_mnemonic(WORDS, Language.ENGLISH))
