"""Pieces of the two Yul contracts that depend on the circuit: loops unrolled by the generator."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from . import lanes, params
from .circuit import Circuit
from .field import INVERSE_ROOTS, ROOTS, P
from .image import MULTIPLES, Image
from .kernels import OPENING, Group
from .layout import Layout
from .memory import EVM_WORD, GENERATOR_BITS, ROW_WORDS, Memory

BACK_ONE = INVERSE_ROOTS[params.PO2]
Lines = list[str]


def _sum(terms: Sequence[str]) -> str:
    total = terms[0]
    for term in terms[1:]:
        total = f"add({total}, {term})"
    return total


def store_multiples(memory: Memory) -> Lines:
    """The multiples of p of the image."""
    return [
        f"mstore({memory['IMAGE'] + EVM_WORD * index}, {multiple * P * lanes.ONES:#x})"
        for index, multiple in enumerate(MULTIPLES)
    ]


def evaluate_trace(circuit: Circuit, memory: Memory, image: Image) -> Lines:
    """Loop over each run of registers of one combo."""
    lines = []
    shift = memory["IMAGE"] + image.openings - memory["COEFFICIENTS"]
    for combo, first, count in circuit.combo_runs():
        step = EVM_WORD * len(circuit.combos[combo])
        start = memory["COEFFICIENTS"] + EVM_WORD * first
        lines.append(
            f"for {{ let s := {start} }} lt(s, {start + count * step}) {{ s := add(s, {step}) }} "
            f"{{ evaluate_{combo}(s, add(s, {shift})) }}"
        )
    return lines


def evaluation_function(circuit: Circuit, memory: Memory, combo: int) -> Lines:
    """From the coefficients at s, the openings at d: for each row back b, sum_j (c_j z^j) * back^(b j).

    The second factors are in the base field. Those above p/2 are subtracted as p minus themselves, which
    keeps the sum below the limit of a fold.
    """
    backs = circuit.combos[combo]
    lines = [f"function evaluate_{combo}(s, d) {{"]
    first = f"fold_twice(mul(mload(s), {lanes.WORD_TO_FORM_UNFOLDED}))"
    if len(backs) == 1:
        return [*lines, f"    mstore(d, {first})", "}"]
    lines.append(f"    let t0 := {first}")
    for j in range(1, len(backs)):
        power = memory["Z_POWERS"] + EVM_WORD * (j - 1)
        lines.append(f"    let t{j} := multiply(mload(add(s, {EVM_WORD * j})), mload({power}))")
    for index, back in enumerate(backs):
        target = f"add(d, {EVM_WORD * index})" if index else "d"
        if back == 0:
            lines.append(f"    mstore({target}, reduce({_sum([f't{j}' for j in range(len(backs))])}))")
            continue
        plus: list[str] = []
        minus: list[str] = []
        plus_total = minus_total = 0
        for j in range(1, len(backs)):
            factor = pow(BACK_ONE, back * j, P) * lanes.FORM % P
            if factor <= P - factor:
                plus.append(f"mul(t{j}, {factor})")
                plus_total += factor
            else:
                minus.append(f"mul(t{j}, {P - factor})")
                minus_total += P - factor
        multiple = -(-minus_total * lanes.PRODUCT_BOUND // P)
        if plus_total * lanes.PRODUCT_BOUND + multiple * P >= lanes.PRODUCT_LIMIT:
            raise AssertionError(f"evaluation of combo {combo} overflows a lane")
        value = _sum(plus) if plus else "0"
        if minus:
            value = f"sub(add({value}, {multiple * P * lanes.ONES:#x}), {_sum(minus)})"
        lines.append(f"    mstore({target}, reduce(add(t0, fold_twice({value}))))")
    return [*lines, "}"]


def poly_mix_powers(memory: Memory, exponents: list[int]) -> Lines:
    """Each needed power from the one before it, or from two or three that are there already."""
    lines: Lines = []
    base = memory["IMAGE_POWERS"]

    def load(index: int) -> str:
        return f"mload({base + EVM_WORD * index})"

    known = {exponent: index for index, exponent in enumerate(exponents)}
    for index in range(2, len(exponents)):
        goal = exponents[index]
        if goal - exponents[index - 1] == 1:
            value = "multiply(power, mix)"
        else:
            below = exponents[1:index]
            pair = next(((a, goal - a) for a in below if goal - a in known), None)
            if pair is not None:
                value = f"multiply({load(known[pair[0]])}, {load(known[pair[1]])})"
            else:
                a, b = next((a, b) for a in below for b in below if b < a and goal - a - b in known)
                inner = f"multiply({load(known[a])}, {load(known[b])})"
                value = f"multiply({inner}, {load(known[goal - a - b])})"
        lines += [f"power := {value}", f"mstore({base + EVM_WORD * index}, power)"]
    return lines


def call_parts(memory: Memory, image: Image, slots: int, parts: int) -> Lines:
    """Run the constraint contracts one after another on the image."""
    return [
        f'if iszero(staticcall(gas(), loadimmutable("part{part}"), {memory["IMAGE"]}, {image.size(slots)}, '
        f"{memory['IMAGE_VARIABLES']}, {image.returned(slots)})) {{ fail($FAIL_CONSTRAINT_CALL) }}"
        for part in range(parts)
    ]


def set_parts(parts: int) -> Lines:
    """Constructor: the addresses behind the code become immutables."""
    return [f'setimmutable(0, "part{part}", mload(add(size, {EVM_WORD * part})))' for part in range(parts)]


def quotient_blocks(circuit: Circuit, memory: Memory) -> Lines:
    """Add z^i * sum_k x^k * (column k of block i)."""
    lines: Lines = []
    for exponent, block in enumerate(params.CHECK_BLOCKS):
        terms = []
        for k in range(4):
            coefficient = memory["COEFFICIENTS"] + EVM_WORD * (circuit.taps + block + 4 * k)
            unit = lanes.WORD_TO_FORM_UNFOLDED << (lanes.LANE * k)
            terms.append(f"multiply(mload({coefficient}), {unit:#x})")
        lines.append(f"quotient := add(quotient, multiply(reduce({_sum(terms)}), power))")
        if exponent < len(params.CHECK_BLOCKS) - 1:
            lines.append("power := multiply(power, z)")
    return lines


def mix_columns(circuit: Circuit, memory: Memory) -> Lines:
    """Weigh every column in order: registers, then check columns."""
    runs = [
        (first, count, len(circuit.combos[combo]), circuit.combo_begin[combo])
        for combo, first, count in circuit.combo_runs()
    ]
    runs.append((circuit.taps, params.CHECK_COLUMNS, 1, circuit.combo_begin[-1]))
    lines = []
    for first, count, size, opening in runs:
        start = memory["COEFFICIENTS"] + EVM_WORD * first
        step = EVM_WORD * size
        lines.append(
            f"for {{ let s := {start} }} lt(s, {start + count * step}) {{ s := add(s, {step}) }} {{ "
            f"mix_in(s, {memory['OPENINGS'] + EVM_WORD * opening}, {step}, weight) "
            f"mstore(slot, fold_twice(weight)) slot := add(slot, {EVM_WORD}) "
            f"weight := multiply(weight, mix) }}"
        )
    return lines


def weight_tables(memory: Memory, groups: list[Group]) -> Lines:
    """Transpose the weights of each dot product, so that one MUL serves one lane of the result."""

    def source(index: int | None) -> str:
        if index is None:
            return "0"
        if index >= OPENING:
            return f"mload({memory['OPENINGS'] + EVM_WORD * (index - OPENING)})"
        return f"mload({memory['WEIGHTS'] + EVM_WORD * index})"

    return [
        f"transpose({', '.join(map(source, weights))}, {memory['WEIGHT_TABLE'] + 4 * EVM_WORD * number})"
        for number, (_, _, weights) in enumerate(groups)
    ]


def store_poles(circuit: Circuit, memory: Memory) -> Lines:
    """-z * back^b for each b."""
    lines = []
    for back in circuit.backs:
        factor = pow(BACK_ONE, back, P) * lanes.FORM % P
        lines.append(f"mstore({memory[f'POLE_{back}']}, sub($TWICE_P, fold_twice(mul(z, {factor}))))")
    return lines


def generator_tables(memory: Memory) -> Lines:
    """g^(2^s * i) for each table, which serves the bits of an exponent from bit s on."""
    lines = []
    for table, (shift, bits) in enumerate(_generator_tables()):
        start = memory[f"GENERATORS_{table}"]
        step = pow(ROOTS[params.DOMAIN_LOG2], 1 << shift, P)
        lines.append(
            f"{{ let v := 1 for {{ let i := {start} }} lt(i, {start + (EVM_WORD << bits)}) "
            f"{{ i := add(i, 32) }} {{ mstore(i, v) v := mulmod(v, {step}, $P) }} }}"
        )
    return lines


def generator_power(memory: Memory) -> Lines:
    """From the exponent e, g^e: the product of one power out of each table."""
    factors = []
    for table, (shift, bits) in enumerate(_generator_tables()):
        at = f"shr({shift - 5}, e)" if shift > 5 else f"shl({5 - shift}, e)"
        factors.append(f"mload(add({memory[f'GENERATORS_{table}']}, and({at}, {((1 << bits) - 1) << 5:#x})))")
    product = factors[0]
    for factor in factors[1:]:
        product = f"mulmod({product}, {factor}, $P)"
    return [f"v := {product}"]


def _generator_tables() -> list[tuple[int, int]]:
    """Lowest bit and number of bits of each table."""
    starts = itertools.accumulate(GENERATOR_BITS, initial=0)
    return list(zip(starts, GENERATOR_BITS, strict=False))


def open_trace(layout: Layout, memory: Memory) -> Lines:
    """Hash each row, walk its path, compare with the top layer."""
    lines = []
    depth = params.path_length(params.DOMAIN_LOG2)
    for tree, width in layout.rows:
        row = memory["ROW"] + EVM_WORD * ROW_WORDS[tree]
        top = f"$SEAL_{tree.upper()}_TOP"
        lines += [
            f"calldatacopy({row}, add(pointer, {layout.offset(f'{tree} row')}), {4 * width})",
            f"if iszero(eq(path{depth}(keccak256({row}, {4 * width}), leaf, "
            f"add(pointer, {layout.offset(f'{tree} path')})), "
            f"calldataload(add({top}, shl(5, shr({depth}, position)))))) {{ fail($FAIL_TRACE_PATH) }}",
        ]
    return lines


def path_function(depth: int) -> Lines:
    """The node `depth` levels above leaf i with hash v, siblings at calldata p. Bit k of i says whether the
    node of level k is the right one; shifted to bit 5 it is the node's own place in the scratch words at 0
    and 32."""
    lines = [f"function path{depth}(hash, i, p) -> v {{", "    let place", "    v := hash"]
    for level in range(depth):
        bit = f"shl({5 - level}, i)" if level < 5 else ("i" if level == 5 else f"shr({level - 5}, i)")
        lines.append(
            f"    place := and({bit}, 32) mstore(place, v) "
            f"mstore(xor(place, 32), calldataload(add(p, {params.DIGEST_BYTES * level}))) "
            f"v := keccak256(0, 64)"
        )
    return [*lines, "}"]


def final_components(memory: Memory) -> Lines:
    """Each component: eight blocks of eight coefficients, highest block first."""
    lines: Lines = []
    for component in range(4):
        for block in reversed(range(params.FINAL_DEGREE // 8)):
            at = memory["FINAL"] + 2 * EVM_WORD * (8 * component + block)
            dot = f"add(shr(192, mul(even, mload({at}))), shr(192, mul(odd, mload({at + EVM_WORD}))))"
            lines.append(f"a := {dot}" if block == 7 else f"a := add(mulmod(a, x8, $P), {dot})")
        lines.append(f"v := or(v, shl({lanes.LANE * component}, mod(a, $P)))")
    return lines
