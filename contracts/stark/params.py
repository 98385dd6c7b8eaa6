"""Sizes and constants of the protocol that do not depend on the constraint source.

Source unless said otherwise: risc0-zkp 3.0.6-rc.1, src/lib.rs and src/verify/. The circuit is always proved
at 2^18 rows (`RECURSION_PO2` of risc0-circuit-recursion).
"""

from __future__ import annotations

PO2 = 18
ROWS = 1 << PO2
INVERSE_RATE = 4
DOMAIN_LOG2 = PO2 + 2
DOMAIN = ROWS * INVERSE_RATE
QUERIES = 50

CHECK_COLUMNS = 16
"""Four coefficient blocks of the quotient polynomial, four base field columns each."""
CHECK_BLOCKS = (0, 2, 1, 3)
"""The block order: bit-reversed index of the power of z that a block is multiplied with."""
GLOBAL_OUTPUTS = 32
GLOBAL_MIXES = 20

FRI_FOLD_LOG2 = 4
FRI_FOLD = 1 << FRI_FOLD_LOG2
FRI_ROUND_LOG2 = (16, 12, 8)
"""log2 of the domain that each committed FRI round has: it stops at degree 256 = 4 * 64 or less."""
FINAL_DOMAIN_LOG2 = 8
FINAL_DEGREE = 64

DIGEST_BYTES = 32
TOP_LOG2 = 5
TOP_NODES = 1 << TOP_LOG2
"""The Merkle layer which a proof carries in full: the highest power of two that is not above QUERIES."""

PROOF_SYSTEM_INFO = b"RISC0_STARK:v1__"
CIRCUIT_INFO = b"RECURSION:rev1v1"

INNER_CONTROL_ROOT = bytes.fromhex("a54dc85ac99f851c92d7c96d7318af41dbe7c0194edfcc37eb4d422a998c1f56")
"""`ALLOWED_CONTROL_ROOT` of risc0-circuit-recursion 4.0.6-rc.1: the Poseidon2 Merkle root of the recursion
programs that may stand below the outermost one. It is that of every RISC Zero 3.0 release."""


def path_length(domain_log2: int) -> int:
    """Siblings in a Merkle opening of a tree of 2^domain_log2 leaves, up to the top layer."""
    return domain_log2 - TOP_LOG2
