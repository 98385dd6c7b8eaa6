"""The kernels of the queries, run as bytecode, against the reference verifier's formulas."""

from __future__ import annotations

import random
import struct

import pytest
from stark import field, kernels, lanes, queries
from stark.circuit import Circuit
from stark.constraints import compile_constraints
from stark.field import Ext, P
from stark.layout import Layout
from stark.memory import EVM_WORD, POWERS_WORD, ROW_WORDS, Memory

from tests.unit.onchain.straight_line_evm import Machine


@pytest.fixture(scope="module")
def groups(circuit: Circuit) -> list[kernels.Group]:
    return kernels.weight_groups(circuit)


@pytest.fixture(scope="module")
def memory(circuit: Circuit, layout: Layout, groups: list[kernels.Group]) -> Memory:
    contracts = compile_constraints(circuit)
    return Memory(circuit, layout, contracts.image, contracts.slots, len(groups))


def run(kernel: str, memory: Memory, preset: dict[int, bytes], *stack: int) -> Machine:
    machine = Machine(stack=list(stack), memory=bytearray(memory["SEAL_MEMORY"]))
    for address, data in preset.items():
        machine.memory[address : address + len(data)] = data
    return machine.run(bytes.fromhex(kernel))


def word_at(machine: Machine, address: int) -> int:
    return int.from_bytes(machine.memory[address : address + EVM_WORD], "big")


def canonical(word: int, factor: int = 1) -> list[int]:
    return [lane * factor % P for lane in lanes.unpack(word)]


def words(values: list[int]) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


@pytest.mark.parametrize("low", [0, P - 1])
def test_fold_interpolates_a_leaf(memory: Memory, low: int) -> None:
    rnd = random.Random(low)
    for _ in range(20):
        leaf: list[Ext] = [
            (rnd.randrange(low, P), rnd.randrange(low, P), rnd.randrange(P), rnd.randrange(low, P))
            for _ in range(16)
        ]
        y: Ext = (rnd.randrange(P), rnd.randrange(P), rnd.randrange(P), rnd.randrange(P))
        elements = b"".join(lanes.pack(element).to_bytes(EVM_WORD, "big") for element in leaf)
        machine = run(kernels.fold_leaf(memory), memory, {memory["ELEMENTS"]: elements}, lanes.to_form(y))
        assert len(machine.stack) == 1
        wanted = field.scale(queries.fold(leaf, y), 16)
        assert canonical(machine.stack[0]) == list(wanted)


def test_a_leaf_is_unpacked_from_its_components(memory: Memory) -> None:
    rnd = random.Random(1)
    leaf = [rnd.randrange(P) for _ in range(64)]
    machine = run(kernels.unpack_leaf(memory), memory, {memory["LEAF"]: words(leaf)}, 0)
    for index in range(16):
        element = lanes.unpack(word_at(machine, memory["ELEMENTS"] + EVM_WORD * index))
        assert element == tuple(leaf[16 * component + index] for component in range(4))
    assert machine.stack[0] & lanes.CARRY == 0


def test_every_word_of_a_leaf_is_range_checked(memory: Memory) -> None:
    for index in range(64):
        leaf = [P - 1] * 64
        leaf[index] = P
        machine = run(kernels.unpack_leaf(memory), memory, {memory["LEAF"]: words(leaf)}, 0)
        assert machine.stack[0] & lanes.CARRY


def row_words(layout: Layout, rows: dict[str, list[int]], memory: Memory) -> dict[int, bytes]:
    return {memory["ROW"] + EVM_WORD * ROW_WORDS[name]: words(rows[name]) for name, _ in layout.rows}


def test_every_word_of_the_rows_is_range_checked(memory: Memory, layout: Layout) -> None:
    kernel = kernels.split_rows(memory)
    for name, width in layout.rows:
        for column in range(width):
            rows = {other: [P - 1] * count for other, count in layout.rows}
            rows[name][column] = P
            assert run(kernel, memory, row_words(layout, rows, memory), 0).stack[0] & lanes.CARRY
    rows = {name: [P - 1] * count for name, count in layout.rows}
    assert not run(kernel, memory, row_words(layout, rows, memory), 0).stack[0] & lanes.CARRY
    assert run(kernel, memory, row_words(layout, rows, memory), lanes.CARRY).stack[0] & lanes.CARRY


@pytest.mark.parametrize("seed", range(4))
def test_numerators_are_the_weighted_sums(
    memory: Memory, layout: Layout, circuit: Circuit, groups: list[kernels.Group], seed: int
) -> None:
    """The largest values when the seed is 0: all words and weights p - 1."""
    rnd = random.Random(seed)

    def value() -> int:
        return rnd.randrange(P) if seed else P - 1

    rows = {name: [value() for _ in range(width)] for name, width in layout.rows}
    weights: list[Ext] = [(value(), value(), value(), value()) for _ in range(163 + 16)]
    openings: list[Ext] = [(value(), value(), value(), value()) for _ in range(21)]
    x = value()

    preset = row_words(layout, rows, memory)
    for number, (_, _, chosen) in enumerate(groups):
        for lane in range(4):
            table = [0, 0, 0, 0]
            for place, index in enumerate(chosen):
                if index is not None:
                    source = openings[index - 1000] if index >= 1000 else weights[index]
                    table[place] = source[lane]
            packed = lanes.pack((table[0], table[1], table[2], table[3]))
            address = memory["WEIGHT_TABLE"] + EVM_WORD * (4 * number + lane)
            preset[address] = packed.to_bytes(EVM_WORD, "big")
    machine = run(kernels.split_rows(memory), memory, preset, 0)
    for half in range(2):
        powers = [pow(x, 4 * half + i, P) if 4 * half + i < 6 else 0 for i in range(4)]
        address = memory["SPLIT"] + EVM_WORD * (2 * POWERS_WORD + half)
        packed = lanes.pack((powers[0], powers[1], powers[2], powers[3]))
        machine.memory[address : address + EVM_WORD] = packed.to_bytes(EVM_WORD, "big")
    machine.stack.clear()
    machine.run(bytes.fromhex(kernels.numerators(memory, groups, 6)))

    columns = [(("accum", "code", "data")[r.group], r.column, r.combo) for r in circuit.registers]
    columns += [("check", column, 5) for column in range(16)]
    begins = (*circuit.combo_begin, 21)
    for combo in range(6):
        wanted = field.evaluate(openings[begins[combo] : begins[combo + 1]], field.from_base(x))
        for weight, (tree, column, own) in zip(weights, columns, strict=True):
            if own == combo:
                wanted = field.add(wanted, field.scale(weight, rows[tree][column]))
        assert canonical(word_at(machine, memory[f"NUMERATOR_{combo}"])) == list(wanted)
