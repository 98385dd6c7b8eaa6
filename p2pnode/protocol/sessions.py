"""The history of a session: one digest that both sides sign, of all inputs and answers so far.

Sources: contracts/contracts/types/CallReceipt.sol, which computes the same.
"""

from p2pnode.errors import ProtocolError
from p2pnode.protocol.eip712 import keccak

NOTHING = bytes(32)
"""`input_digest` of a voucher that asks for no call."""

MAX_SESSION_CALLS = 1_000_000
"""Most calls that ProofOfInference pays in one session."""


def extend(history: bytes, input_digest: bytes, output_digest: bytes) -> bytes:
    """The history after one more call, 32 bytes. That of no call is the session hash."""
    for name, value in (("history", history), ("input", input_digest), ("output", output_digest)):
        if len(value) != 32:
            raise ProtocolError(f"{name} digest has {len(value)} bytes; give 32")
    return keccak(history + input_digest + output_digest)
