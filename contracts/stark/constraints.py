"""Straight-line contracts that evaluate the constraint program.

The program is one long sum. It is cut between terms into contracts that fit the code size limit (EIP-170).
Each value that is used more than once is kept in a memory slot until its last use. For every value a bound of
its lanes is tracked, and `reduce` is emitted where an operation would need it, nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import lanes
from .circuit import Circuit
from .dag import ADD, CONSTANT, GLOBAL, OPENING, SUB, Graph, Term, build_graph
from .field import P
from .image import MULTIPLES, WORD, Image
from .segment import SegmentCode

CODE_LIMIT = 24_576
MARGIN = 120
"""Room for storing the totals and returning at the end of a contract."""

STORE_REDUCED = int(1.1 * P)
STORE_LIMIT = 64 * P
SMALL_FACTOR = 64
SUM_LIMIT = lanes.REDUCIBLE // 8


@dataclass(frozen=True)
class ConstraintContracts:
    """Runtime codes in the order in which they are to be called, and the image that they work on."""

    codes: tuple[bytes, ...]
    image: Image
    slots: int
    graph: Graph


def _fits(a: int, b: int) -> bool:
    return 4 * a * b < lanes.PRODUCT_LIMIT


class ConstraintCompiler:
    """One pass over the program. `cuts` are the ordinals of the terms before which a new contract begins;
    `term_positions` are the code positions at which terms began."""

    def __init__(self, graph: Graph, image: Image, cuts: frozenset[int]) -> None:
        self._graph = graph
        self._image = image
        self._cuts = cuts
        self._remaining = dict(graph.uses)
        self._slot_of: dict[int, int] = {}
        self._bound_of: dict[int, int] = {}
        self._free: list[int] = []
        self.slots = 0
        self.segments = [SegmentCode()]
        self.term_positions: list[int] = []

    def run(self) -> None:
        """Emit the whole program."""
        self._code.push(0)
        bound = self._chain(self._graph.terms, 1)
        self._reduce(bound)
        self._finish(1)
        if self._slot_of:
            raise AssertionError("values left in slots")

    @property
    def _code(self) -> SegmentCode:
        return self.segments[-1]

    # --- mix chains

    def _chain(self, terms: tuple[Term, ...], depth: int) -> int:
        """Add all terms to the total on top of the stack, of which `depth` lie there; the total's bound."""
        bound = 0
        for term in terms:
            self._cut_here(depth)
            if term.inner is not None:
                bound += self._conditional(term, term.inner, depth)
            elif term.exponent == 0:
                added = self._value(term.value)
                bound += self._reduce(added) if added > STORE_LIMIT else added
            else:
                back = self._call_from()
                self._load(self._image.power(term.exponent))
                bound += self._multiply(back, lanes.PRODUCT_BOUND, self._value(term.value))
            self._code.op("ADD")
            if bound >= lanes.REDUCIBLE:
                raise AssertionError("total out of range")
        return bound

    def _conditional(self, term: Term, inner: tuple[Term, ...], depth: int) -> int:
        self._code.push(0)
        bound = self._chain(inner, depth + 1)
        if bound > STORE_REDUCED:
            bound = self._reduce(bound)
        back = self._call_from()
        self._code.swap(1)
        bound = self._multiply(back, bound, self._value(term.value))
        if term.exponent:
            back = self._call_from()
            self._code.swap(1)
            self._load(self._image.power(term.exponent))
            bound = self._multiply(back, bound, lanes.PRODUCT_BOUND)
        return bound

    def _cut_here(self, totals: int) -> None:
        self.term_positions.append(len(self._code.code))
        if len(self.term_positions) not in self._cuts:
            return
        self._finish(totals)
        self.segments.append(SegmentCode())
        for index in range(totals):
            self._load(self._image.variables + WORD * index)

    def _finish(self, totals: int) -> None:
        """Store the totals and return. The length is patched when the number of slots is known."""
        for index in reversed(range(totals)):
            self._code.push(self._image.variables + WORD * index, 2).op("MSTORE")
        self._code.return_from(self._image.variables)

    # --- values

    def _value(self, number: int) -> int:
        """Leave the value of a node on the stack; its bound."""
        node = self._graph.nodes[number]
        if node.kind == CONSTANT:
            self._code.push(node.left * lanes.FORM % P)
            return P
        if node.kind == OPENING:
            self._load(self._image.openings + WORD * node.left)
            return lanes.REDUCED_BOUND
        if node.kind == GLOBAL:
            self._load(self._image.globals + WORD * node.left)
            return lanes.REDUCED_BOUND
        if number in self._slot_of:
            self._load(self._slot_of[number])
            self._remaining[number] -= 1
            if self._remaining[number] == 0:
                self._free.append(self._slot_of.pop(number))
            return self._bound_of[number]
        bound = self._compute(number)
        return self._keep(number, bound) if self._graph.uses[number] > 1 else bound

    def _keep(self, number: int, bound: int) -> int:
        if (number in self._graph.factors and bound > STORE_REDUCED) or bound > STORE_LIMIT:
            bound = self._reduce(bound)
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._image.slots + WORD * self.slots
            self.slots += 1
        self._slot_of[number] = slot
        self._bound_of[number] = bound
        self._remaining[number] -= 1
        self._code.dup(1).push(slot, 2).op("MSTORE")
        return bound

    def _compute(self, number: int) -> int:
        node = self._graph.nodes[number]
        if node.kind == ADD:
            bound = self._value(node.left) + self._value(node.right)
            self._code.op("ADD")
            return self._reduce(bound) if bound > SUM_LIMIT else bound
        if node.kind == SUB:
            return self._subtract(node.left, node.right)
        left, right = node.left, node.right
        if self._graph.nodes[left].kind == CONSTANT:
            left, right = right, left
        factor = self._graph.constant(right)
        if factor is not None:
            return self._multiply_constant(left, factor)
        if self._graph.nodes[left].kind == GLOBAL:
            left, right = right, left
        back = self._call_from()
        if self._graph.nodes[right].kind == GLOBAL:
            self._value(right)
            return self._scale(back, self._value(left))
        first = self._value(left)
        return self._multiply(back, first, self._value(right))

    def _subtract(self, left: int, right: int) -> int:
        taken = self._value(right)
        if taken > MULTIPLES[-2] * P:
            taken = self._reduce(taken)
        bound = self._value(left)
        multiple = self._multiple_over(taken)
        if self._graph.in_base_field(right):
            self._code.push(multiple * P)
        else:
            self._load_multiple(multiple)
        self._code.op("ADD", "SUB")
        bound += multiple * P
        return self._reduce(bound) if bound > SUM_LIMIT else bound

    def _multiply_constant(self, number: int, factor: int) -> int:
        if factor <= SMALL_FACTOR:
            bound = self._value(number)
            if bound * factor >= 2**38:
                bound = self._reduce(bound)
            self._code.push(factor).op("MUL")
            return bound * factor
        if P - factor <= SMALL_FACTOR:
            bound = self._value(number)
            if bound > 4 * P:
                bound = self._reduce(bound)
            self._code.push(P - factor).op("MUL")
            multiple = self._multiple_over(bound * (P - factor))
            self._load_multiple(multiple)
            self._code.op("SUB")
            return multiple * P
        back = self._call_from()
        self._code.push(factor * lanes.FORM % P)
        return self._scale(back, self._value(number))

    # --- calls and loads

    def _call_from(self) -> int:
        """Push the return label of a subroutine call whose operands follow."""
        label = self._code.new_label()
        self._code.push_label(label)
        return label

    def _multiply(self, back: int, first: int, second: int) -> int:
        """Multiply the two words on the stack, of these bounds, reducing as few of them as needed."""
        if _fits(first, second):
            entry = "multiply"
        elif _fits(first, lanes.REDUCED_BOUND):
            entry = "reduce top and multiply"
        elif _fits(second, lanes.REDUCED_BOUND):
            self._code.swap(1)
            entry = "reduce top and multiply"
        else:
            entry = "reduce both and multiply"
        self._code.call(entry, back)
        return lanes.PRODUCT_BOUND

    def _scale(self, back: int, bound: int) -> int:
        """Multiply with a base field factor: no products cross lanes, so a MUL and two folds do."""
        fits = bound * P < lanes.PRODUCT_LIMIT and bound <= int(4.4 * P)
        self._code.call("scale" if fits else "reduce and scale", back)
        return lanes.FOLDED_BOUND

    def _reduce(self, bound: int) -> int:
        if bound >= lanes.REDUCIBLE:
            raise AssertionError(f"bound {bound} cannot be reduced")
        lanes.emit_reduce(self._code)
        return lanes.REDUCED_BOUND

    def _load(self, address: int) -> None:
        self._code.push(address, 2).op("MLOAD")

    def _load_multiple(self, multiple: int) -> None:
        address = self._image.multiples + WORD * MULTIPLES.index(multiple)
        self._code.push(address).op("MLOAD")

    @staticmethod
    def _multiple_over(bound: int) -> int:
        return next(multiple for multiple in MULTIPLES if multiple * P >= bound)


def compile_constraints(circuit: Circuit) -> ConstraintContracts:
    """Compile twice: once to learn how long each term is, then with the cuts."""
    graph = build_graph(circuit)
    image = Image(circuit, graph.exponents())
    measured = ConstraintCompiler(graph, image, frozenset())
    measured.run()
    ends = [*measured.term_positions, len(measured.segments[0].code)]
    header = ends[0]
    cuts: set[int] = set()
    start = 0
    for term in range(len(measured.term_positions)):
        if ends[term + 1] - ends[start] + header > CODE_LIMIT - MARGIN:
            cuts.add(term + 1)
            start = term
    compiler = ConstraintCompiler(graph, image, frozenset(cuts))
    compiler.run()
    length = image.returned(compiler.slots)
    codes = tuple(segment.finish(length) for segment in compiler.segments)
    if max(map(len, codes)) > CODE_LIMIT:
        raise AssertionError("a constraint contract is too long")
    return ConstraintContracts(codes, image, compiler.slots, graph)
