"""The digest of a RISC Zero claim: what a seal proves, as one number.

A claim is a tree of structs. Each is hashed as `sha256(sha256(name) | parts | numbers | count)`: the digests
of its parts in order, its plain numbers as little-endian u32, and the number of parts as little-endian u16
(risc0-binfmt, src/hash.rs `tagged_struct`; the structs: risc0-zkvm, src/claim/receipt.rs, and risc0-binfmt,
src/sys_state.rs). Written from that description, beside the prover's and the contract's own.
"""

import hashlib
from collections.abc import Sequence

from p2pnode.errors import ProtocolError

_NOTHING = bytes(32)
"""Stands for a part that is absent, and for an empty list."""

_FIELD = 15 * 2**27 + 1
"""BabyBear's prime: the field of the proof's elements."""
_FROM_MONTGOMERY = pow(2**32, -1, _FIELD)
"""Elements are stored multiplied by 2^32."""

_GLOBALS = 32
"""Elements with which a seal begins: 16 for the set of programs, then the claim in half words."""


def claim_digest(image_id: bytes, journal: bytes) -> bytes:
    """The claim that the program `image_id` (32 bytes) ran to exit code 0 and committed `journal`.

    It relied on no assumption, and took no input that is part of the claim.
    """
    committed = hashlib.sha256(journal).digest()
    output = _tagged("risc0.Output", [committed, _NOTHING])
    # A halted program ends at counter 0 with its memory forgotten; an image ID is the state before it starts.
    halted = _tagged("risc0.SystemState", [_NOTHING], [0])
    system_exit, user_exit = 0, 0
    return _tagged("risc0.ReceiptClaim", [_NOTHING, image_id, halted, output], [system_exit, user_exit])


def claim_of_seal(seal: bytes) -> bytes:
    """The claim digest that a seal (contract encoding) says it proves; only its STARK shows that it does.

    Raises ProtocolError for a seal that is too short or whose claim is no digest.
    """
    if len(seal) < 4 * _GLOBALS:
        raise ProtocolError(f"seal has {len(seal)} bytes; a seal begins with {4 * _GLOBALS} of globals")
    words = [int.from_bytes(seal[at : at + 4], "big") for at in range(0, 4 * _GLOBALS, 4)]
    halves = [word * _FROM_MONTGOMERY % _FIELD for word in words[16:]]
    if max(words) >= _FIELD or max(halves) >= 1 << 16:
        raise ProtocolError("seal begins with globals that hold no claim digest; it is damaged")
    return b"".join(half.to_bytes(2, "little") for half in halves)


def _tagged(name: str, parts: Sequence[bytes], numbers: Sequence[int] = ()) -> bytes:
    message = hashlib.sha256(name.encode()).digest() + b"".join(parts)
    message += b"".join(number.to_bytes(4, "little") for number in numbers)
    return hashlib.sha256(message + len(parts).to_bytes(2, "little")).digest()
