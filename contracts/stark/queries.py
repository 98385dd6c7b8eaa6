"""The low-degree test of the reference verifier: grinding, then DEEP quotients and FRI at the queries
(risc0-zkp `fri.rs`)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from . import field, params
from .circuit import Circuit
from .field import INVERSE_ROOTS, ONE, ROOTS, ZERO, Ext, P
from .layout import FINAL_WORDS, FRI_LEAF_WORDS
from .reader import MerkleTree, SealReader, require
from .transcript import hash_words


class DeepInputs:
    """What all queries share: the weight of each column (powers of `mix`) and the mixed openings of each
    combo."""

    def __init__(self, circuit: Circuit, coefficients: Sequence[Ext], z: Ext, mix: Ext) -> None:
        self.circuit = circuit
        self.z = z
        self.weights: list[Ext] = []
        begins = circuit.combo_begin
        self.openings = [[ZERO] * (end - begin) for begin, end in itertools.pairwise(begins)] + [[ZERO]]
        weight = ONE

        def mix_in(combo: int, own: Sequence[Ext]) -> None:
            for i, coefficient in enumerate(own):
                opening = self.openings[combo]
                opening[i] = field.add(opening[i], field.mul(weight, coefficient))
            self.weights.append(weight)

        for register in circuit.registers:
            size = len(circuit.combos[register.combo])
            mix_in(register.combo, coefficients[register.first_tap : register.first_tap + size])
            weight = field.mul(weight, mix)
        for column in range(params.CHECK_COLUMNS):
            mix_in(len(circuit.combos), coefficients[circuit.taps + column : circuit.taps + column + 1])
            weight = field.mul(weight, mix)

    def quotient(self, position: int, rows: Sequence[Sequence[int]]) -> Ext:
        """The DEEP quotient at domain point `position`, from the opened rows (accum, code, data, check)."""
        point = field.from_base(pow(ROOTS[params.DOMAIN_LOG2], position, P))
        numerators = [ZERO] * len(self.openings)
        values = [rows[register.group][register.column] for register in self.circuit.registers] + list(
            rows[3]
        )
        combos = [register.combo for register in self.circuit.registers]
        combos += [len(self.circuit.combos)] * params.CHECK_COLUMNS
        for combo, weight, value in zip(combos, self.weights, values, strict=True):
            numerators[combo] = field.add(numerators[combo], field.scale(weight, value))
        back_one = INVERSE_ROOTS[params.PO2]
        total = ZERO
        for combo, opening in enumerate(self.openings):
            numerator = field.sub(numerators[combo], field.evaluate(opening, point))
            if combo < len(self.circuit.combos):
                poles = [field.scale(self.z, pow(back_one, back, P)) for back in self.circuit.combos[combo]]
            else:
                poles = [field.power(self.z, params.CHECK_DEGREE)]
            denominator = ONE
            for pole in poles:
                denominator = field.mul(denominator, field.sub(point, pole))
            total = field.add(total, field.mul(numerator, field.inverse(denominator)))
        return total


def fold(values: Sequence[Ext], challenge: Ext) -> Ext:
    """Interpolate 16 values on the subgroup of order 16 and evaluate at the challenge."""
    order = len(values)
    root = INVERSE_ROOTS[params.FRI_FOLD_LOG2]
    coefficients: list[Ext] = []
    for k in range(order):
        total = ZERO
        for i, value in enumerate(values):
            total = field.add(total, field.scale(value, pow(root, i * k % order, P)))
        coefficients.append(field.scale(total, pow(order, -1, P)))
    return field.evaluate(coefficients, challenge)


def _transposed(words: Sequence[int]) -> list[Ext]:
    """Elements of a component-major list: first all coefficients of 1, then of x, x^2, x^3."""
    count = len(words) // 4
    return [(words[i], words[count + i], words[2 * count + i], words[3 * count + i]) for i in range(count)]


def check_queries(reader: SealReader, deep: DeepInputs, trees: Sequence[MerkleTree]) -> list[int]:
    """Read the FRI commitments and the final polynomial, then check all queries; the queried positions."""
    rounds: list[tuple[int, MerkleTree, Ext]] = []
    for log2 in params.FRI_ROUND_LOG2:
        tree = MerkleTree(reader, log2, FRI_LEAF_WORDS)
        rounds.append((log2, tree, reader.transcript.extension()))
    final_words = reader.field_words(FINAL_WORDS)
    reader.transcript.commit(hash_words(final_words))
    final = _transposed(field.from_seal_words(final_words))
    require(reader.transcript.proves_work(reader.word()), "work")
    positions: list[int] = []
    for _ in range(params.QUERIES):
        position = reader.transcript.bits(params.DOMAIN_LOG2)
        positions.append(position)
        goal = deep.quotient(position, [tree.open(position) for tree in trees])
        for log2, tree, challenge in rounds:
            slot, position = divmod(position, 1 << log2)
            values = _transposed(tree.open(position))
            require(values[slot] == goal, "fri")
            shift = pow(INVERSE_ROOTS[log2 + params.FRI_FOLD_LOG2], position, P)
            goal = fold(values, field.scale(challenge, shift))
        point = pow(ROOTS[params.FINAL_DOMAIN_LOG2], position, P)
        require(field.evaluate(final, field.from_base(point)) == goal, "final")
    return positions
