"""Straight-line kernels of the queries, used in Yul through `verbatim`.

They work at fixed memory addresses and keep their constants on the stack, which Yul cannot express.
"""

from __future__ import annotations

import itertools

from . import lanes, params
from .assembler import NamedStack
from .circuit import Circuit
from .field import INVERSE_ROOTS, P
from .memory import EVM_WORD, POWERS_WORD, ROW_BUFFER_WORDS, ROW_WORDS, Memory

EVEN_LANES = (2**64 - 1) | (2**64 - 1) << 128
LOW_HALF = 2**128 - 1
LOWEST_PRODUCT_SHIFT = 192

Group = tuple[int, int, tuple[int | None, int | None, int | None, int | None]]


def weight_groups(circuit: Circuit) -> list[Group]:
    """Which weight meets which lane: (combo, split word, weight index of lanes 0 to 3), one for each dot
    product.

    A split word holds every other 32-bit word of a row word. Index i < 179 is the i-th column's weight; 1000
    + i is the i-th negated opening, which is multiplied with the i-th power of x.
    """
    groups: dict[tuple[int, int], list[int | None]] = {}
    trees = ("accum", "code", "data", "check")
    columns = [(trees[register.group], register.column, register.combo) for register in circuit.registers]
    columns += [("check", column, len(circuit.combos)) for column in range(params.CHECK_COLUMNS)]
    for index, (tree, column, combo) in enumerate(columns):
        word = ROW_WORDS[tree] + column // 8
        lane_pair, parity = divmod(column % 8, 2)
        groups.setdefault((combo, 2 * word + parity), [None] * 4)[lane_pair] = index
    begins = (*circuit.combo_begin, circuit.combo_begin[-1] + 1)
    for combo, (begin, end) in enumerate(itertools.pairwise(begins)):
        for half in range(-(-(end - begin) // 4)):
            lanes_: list[int | None] = [None] * 4
            for power in range(begin + 4 * half, min(end, begin + 4 * half + 4)):
                # The rows have their first word in the highest lane, the powers of x in the lowest.
                lanes_[3 - (power - begin) % 4] = OPENING + power
            groups[(combo, 2 * POWERS_WORD + half)] = lanes_
    return [(combo, word, (g[0], g[1], g[2], g[3])) for (combo, word), g in sorted(groups.items())]


OPENING = 1000


def split_rows(memory: Memory) -> str:
    """[over] -> [over]: store the odd and the even 32-bit words of each row word, accumulate the range
    check."""
    a = NamedStack("over")
    a.push(lanes.LOW_WORDS).name("words").push(lanes.NON_CANONICAL).name("margin")
    a.swap(2).names("margin", "words", "over")
    for word in range(ROW_BUFFER_WORDS):
        odd = memory["SPLIT"] + 2 * EVM_WORD * word
        a.load(memory["ROW"] + EVM_WORD * word).name("w")
        a.copy("w").shift_right(32).copy("words").op("AND").dup(1).store(odd).copy("margin").op("ADD")
        a.swap(1).copy("words").op("AND").dup(1).store(odd + EVM_WORD).copy("margin").op("ADD")
        a.op("OR", "OR").name("over")
    return a.swap(2).op("POP", "POP").verbatim()


def numerators(memory: Memory, groups: list[Group], combos: int) -> str:
    """[] -> []: NUMERATOR_c for each combo. MUL of a split word with a lane-reversed weight word leaves the
    sum of the four products in the top lane."""
    a = NamedStack()
    for combo in range(combos):
        own = [(word, index) for index, (c, word, _) in enumerate(groups) if c == combo]
        for lane in range(4):
            for position, (word, index) in enumerate(own):
                a.load(memory["SPLIT"] + EVM_WORD * word)
                a.load(memory["WEIGHT_TABLE"] + 4 * EVM_WORD * index + EVM_WORD * lane)
                a.op("MUL").shift_right(LOWEST_PRODUCT_SHIFT)
                if position:
                    a.op("ADD")
            a.push(P).swap(1).op("MOD")
            if lane:
                a.shift_left(lanes.LANE * lane).op("OR")
        a.store(memory[f"NUMERATOR_{combo}"])
    return a.verbatim()


def unpack_leaf(memory: Memory) -> str:
    """[over] -> [over]: 64 words, all coefficients of 1 first, then x, x^2, x^3, become 16 packed
    elements."""
    a = NamedStack("over")
    a.push(lanes.LOW_WORDS).name("words").push(lanes.NON_CANONICAL).name("margin")
    a.push(EVEN_LANES).name("even").push(LOW_HALF).name("half").swap(4)
    a.names("half", "words", "margin", "even", "over")
    for half in (0, 1):
        for parity in (0, 1):
            for component in range(4):
                a.load(memory["LEAF"] + 64 * component + EVM_WORD * half)
                if parity == 0:
                    a.shift_right(32)
                a.copy("words").op("AND").name(f"c{component}").dup(1).copy("margin").op("ADD")
                a.copy("over").op("OR").name("over").swap(component + 2).op("POP")
            for low, high, name in (("c0", "c1", "p"), ("c2", "c3", "q")):
                a.copy(low).copy("even").op("AND").copy(high).copy("even").op("AND").shift_left(64).op("OR")
                a.name(f"{name} even")
            for low, high, name in (("c0", "c1", "p"), ("c2", "c3", "q")):
                a.copy(low).shift_right(64).copy("even").op("AND")
                a.copy(high).copy("even").op("NOT", "AND", "OR").name(f"{name} odd")
            first = memory["ELEMENTS"] + EVM_WORD * (8 * half + parity)
            for kind, address in (("even", first + 192), ("odd", first + 128)):
                a.copy(f"q {kind}").shift_left(128).copy(f"p {kind}").copy("half").op("AND", "OR").store(
                    address
                )
            for kind, address in (("even", first + 64), ("odd", first)):
                a.copy(f"q {kind}").shift_right(128).shift_left(128)
                a.copy(f"p {kind}").shift_right(128).op("OR").store(address)
            a.op(*["POP"] * 8)
    return a.swap(4).op(*["POP"] * 4).verbatim()


def fold_leaf(memory: Memory) -> str:
    """[y] -> [16 * P(y)], P the interpolation of the 16 elements on the subgroup of order 16: four radix-2
    steps (a, b) -> (a + b) + y^(2^level) * w^-i * (a - b), the halves of which are not taken.

    Lanes: a level makes 2 v + p + 2^15 of v, so from p they grow below 4, 8, 16, 32 p; (2 << level) * p is
    above the b that is subtracted.
    """
    a = NamedStack("y")
    a.push(lanes.LOW_BITS).name("LOW_BITS").push(lanes.FOLD_OFFSET).name("FOLD_OFFSET")
    a.push(lanes.PRODUCT_OFFSET).name("PRODUCT_OFFSET").push(lanes.QUOTIENT_MASK).name("QUOTIENT_MASK").swap(
        4
    )
    a.names("QUOTIENT_MASK", "LOW_BITS", "FOLD_OFFSET", "PRODUCT_OFFSET", "y")
    for level in range(params.FRI_FOLD_LOG2):
        half = params.FRI_FOLD >> (level + 1)
        if level:
            a.dup(1)
            lanes.emit_multiply(a)
            a.name("y")
        for index in range(half):
            low, high = (memory["ELEMENTS"] + EVM_WORD * i for i in (index, index + half))
            a.load(low).name("a").load(high).name("b")
            a.copy("b").copy("a").push((2 << level) * P * lanes.ONES).op("ADD", "SUB")
            lanes.emit_reduce(a)
            a.copy("y")
            if index:
                twiddle = pow(INVERSE_ROOTS[params.FRI_FOLD_LOG2], index << level, P)
                a.push(twiddle * lanes.FORM % P).op("MUL")
                lanes.emit_fold_twice(a)
            lanes.emit_multiply(a)
            a.op("ADD", "ADD")
            if level < params.FRI_FOLD_LOG2 - 1:
                a.store(low)
    return a.swap(5).op(*["POP"] * 5).verbatim()
