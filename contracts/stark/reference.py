"""A plain verifier over the native seal, step by step as risc0-zkp 3.0.6-rc.1 `src/verify/mod.rs` and
`fri.rs`.

It is what the contracts are tested against, and the readable statement of what they compute. It is stricter
than the Rust code in three points: every word of a field is range checked by name, the odd half of the inner
root must be zero, and the row count is fixed at 2^18.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from . import field, params
from .circuit import Circuit
from .field import INVERSE_ROOTS, ONE, ZERO, Ext, P
from .layout import GLOBALS, Layout
from .queries import DeepInputs, check_queries
from .reader import MerkleTree, SealReader, require
from .transcript import hash_info, hash_words

BACK_ONE = INVERSE_ROOTS[params.PO2]
"""Multiplying z by this opens a column one row back."""


@dataclass(frozen=True)
class Verified:
    """What an accepted seal proves, and the values which the contracts' parts are tested against.

    `control_id` is the Merkle root of the code columns, so it names the recursion program; `claim` the digest
    that the program put out. `outputs` and `mixes` are the globals, `evaluations` the trace openings at z,
    `constraint` the value of the constraint program, `positions` the queried rows.
    """

    control_id: bytes
    claim: bytes
    outputs: list[int]
    mixes: list[int]
    poly_mix: Ext
    evaluations: list[Ext]
    constraint: Ext
    positions: list[int]


def constraint_value(
    circuit: Circuit, poly_mix: Ext, u: Sequence[Ext], globals_: Sequence[Sequence[int]]
) -> Ext:
    """Run the constraint program (risc0-zkp `adapter.rs`, `PolyExtStep`).

    A mix state is (total, multiplier). `AndEqz` adds multiplier * value and multiplies the multiplier with
    poly_mix; `AndCond` adds an inner chain under a condition.
    """
    values: list[Ext] = []
    states: list[tuple[Ext, Ext]] = []
    for step in circuit.steps:
        a = step.args
        match step.name:
            case "Const":
                values.append(field.from_base(a[0]))
            case "Get":
                values.append(u[a[0]])
            case "GetGlobal":
                values.append(field.from_base(globals_[a[0]][a[1]]))
            case "Add":
                values.append(field.add(values[a[0]], values[a[1]]))
            case "Sub":
                values.append(field.sub(values[a[0]], values[a[1]]))
            case "Mul":
                values.append(field.mul(values[a[0]], values[a[1]]))
            case "True":
                states.append((ZERO, ONE))
            case "AndEqz":
                total, multiplier = states[a[0]]
                total = field.add(total, field.mul(multiplier, values[a[1]]))
                states.append((total, field.mul(multiplier, poly_mix)))
            case "AndCond":
                total, multiplier = states[a[0]]
                inner, inner_multiplier = states[a[2]]
                term = field.mul(field.mul(values[a[1]], inner), multiplier)
                states.append((field.add(total, term), field.mul(multiplier, inner_multiplier)))
            case name:
                raise ValueError(f"unknown constraint step {name}")
    return states[circuit.result][0]


def trace_evaluations(circuit: Circuit, coefficients: Sequence[Ext], z: Ext) -> list[Ext]:
    """Openings u of every tap. A register with n taps is given by the n coefficients of its interpolation."""
    u: list[Ext] = []
    for register in circuit.registers:
        backs = circuit.combos[register.combo]
        own = coefficients[register.first_tap : register.first_tap + len(backs)]
        u += [field.evaluate(own, field.scale(z, pow(BACK_ONE, back, P))) for back in backs]
    return u


def quotient_value(circuit: Circuit, coefficients: Sequence[Ext], z: Ext) -> Ext:
    """The quotient polynomial at z times the vanishing polynomial (3z)^N - 1 of the shifted trace domain."""
    total = ZERO
    for exponent, block in enumerate(params.CHECK_BLOCKS):
        z_power = field.power(z, exponent)
        for k in range(4):
            unit: Ext = (int(k == 0), int(k == 1), int(k == 2), int(k == 3))
            value = field.mul(coefficients[circuit.taps + block + 4 * k], unit)
            total = field.add(total, field.mul(value, z_power))
    vanishing = field.sub(field.power(field.scale(z, 3), params.ROWS), ONE)
    return field.mul(total, vanishing)


def statement(outputs: Sequence[int]) -> bytes:
    """The claim in the outputs, after checking the inner control root (risc0-zkvm `receipt/succinct.rs`)."""
    require(not any(outputs[1:16:2]), "inner root padding")
    require(struct.pack("<8I", *outputs[0:16:2]) == params.INNER_CONTROL_ROOT, "inner root")
    require(all(half < 2**16 for half in outputs[16:]), "claim half-word")
    return struct.pack("<16H", *outputs[16:])


def verify(words: Sequence[int], circuit: Circuit) -> Verified:
    """Check a native seal; raises InvalidProof. The caller compares `control_id` and `claim` with what it
    wants."""
    reader = SealReader(words)
    transcript = reader.transcript
    transcript.commit(hash_info(params.PROOF_SYSTEM_INFO))
    transcript.commit(hash_info(params.CIRCUIT_INFO))
    globals_ = reader.field_words(GLOBALS)
    transcript.commit(hash_words(globals_))
    require(globals_[-1] == params.PO2, "po2")
    outputs = field.from_seal_words(globals_[:-1])

    accum_columns, code_columns, data_columns = circuit.group_columns
    code = MerkleTree(reader, params.DOMAIN_LOG2, code_columns)
    data = MerkleTree(reader, params.DOMAIN_LOG2, data_columns)
    mixes = [transcript.element() for _ in range(params.GLOBAL_MIXES)]
    accum = MerkleTree(reader, params.DOMAIN_LOG2, accum_columns)
    poly_mix = transcript.extension()
    check = MerkleTree(reader, params.DOMAIN_LOG2, params.CHECK_COLUMNS)
    z = transcript.extension()

    coefficient_words = reader.field_words(4 * Layout(circuit).coefficients)
    transcript.commit(hash_words(coefficient_words))
    coefficients = field.extensions(field.from_seal_words(coefficient_words))
    u = trace_evaluations(circuit, coefficients, z)
    constraint = constraint_value(circuit, poly_mix, u, (outputs, mixes))
    require(constraint == quotient_value(circuit, coefficients, z), "constraint")

    deep = DeepInputs(circuit, coefficients, z, transcript.extension())
    positions = check_queries(reader, deep, (accum, code, data, check))
    reader.finish()
    return Verified(code.root, statement(outputs), outputs, mixes, poly_mix, u, constraint, positions)
