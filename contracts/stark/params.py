"""Sizes and constants of the protocol that do not depend on the constraint source.

Source unless said otherwise: risc0-zkp 3.0.6-rc.1, src/lib.rs and src/verify/. The circuit is always proved
at 2^18 rows (`RECURSION_PO2` of risc0-circuit-recursion). Rate, queries and grinding are those of this
project's Keccak suite (circuits_guest/prover/src/keccak.rs, decision 0011), not RISC Zero's.
"""

from __future__ import annotations

PO2 = 18
ROWS = 1 << PO2
RATE_LOG2 = 3
"""A column is committed to on a domain 2^RATE_LOG2 times its length."""
DOMAIN_LOG2 = PO2 + RATE_LOG2
DOMAIN = 1 << DOMAIN_LOG2
QUERIES = 26
GRINDING_BITS = 22
"""Zero bits with which the transcript's state must begin once the nonce is in it, before the first query."""

CHECK_DEGREE = 4
CHECK_COLUMNS = 4 * CHECK_DEGREE
"""Blocks of coefficients of the quotient polynomial, which has CHECK_DEGREE times the trace's degree; four
base field columns each."""
CHECK_BLOCKS = (0, 2, 1, 3)
"""The block order: bit-reversed index of the power of z that a block is multiplied with."""
GLOBAL_OUTPUTS = 32
GLOBAL_MIXES = 20

FRI_FOLD_LOG2 = 4
FRI_FOLD = 1 << FRI_FOLD_LOG2
FRI_ROUND_LOG2 = tuple(DOMAIN_LOG2 - FRI_FOLD_LOG2 * fri_round for fri_round in (1, 2, 3))
"""log2 of the domain that each committed FRI round has: it stops at degree 256 or less."""
FINAL_DOMAIN_LOG2 = FRI_ROUND_LOG2[-1]
FINAL_DEGREE = 1 << (FINAL_DOMAIN_LOG2 - RATE_LOG2)

DIGEST_BYTES = 32
TOP_LOG2 = 5
TOP_NODES = 1 << TOP_LOG2
"""The Merkle layer which a proof carries in full. Half of it would make the layers smaller by fewer digests
than the queries' paths longer."""

PROOF_SYSTEM_INFO = b"RISC0_STARK:v1__"
CIRCUIT_INFO = b"RECURSION:rev1v1"

INNER_CONTROL_ROOT = bytes.fromhex("a54dc85ac99f851c92d7c96d7318af41dbe7c0194edfcc37eb4d422a998c1f56")
"""`ALLOWED_CONTROL_ROOT` of risc0-circuit-recursion 4.0.6-rc.1: the Poseidon2 Merkle root of the recursion
programs that may stand below the outermost one. It is that of every RISC Zero 3.0 release."""


def path_length(domain_log2: int) -> int:
    """Siblings in a Merkle opening of a tree of 2^domain_log2 leaves, up to the top layer."""
    return domain_log2 - TOP_LOG2
