"""The constraint program as a graph: constants folded, equal subexpressions shared, mix states as chains.

A mix chain is a sum of terms. Each constraint's term is value * poly_mix^e, where e is the number of
constraints before it in its chain; a conditional term is value * (inner chain) * poly_mix^e.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

from . import params
from .circuit import Circuit
from .field import P

CONSTANT, OPENING, GLOBAL, ADD, SUB, MUL = "constant", "opening", "global", "+", "-", "*"
ARITHMETIC = (ADD, SUB, MUL)


@dataclass(frozen=True)
class Node:
    """`kind` and its operands: the value of a constant, an index, or two node numbers."""

    kind: str
    left: int
    right: int = 0

    @property
    def operands(self) -> tuple[int, ...]:
        return (self.left, self.right) if self.kind in ARITHMETIC else ()


@dataclass(frozen=True)
class Term:
    """value * poly_mix^exponent, times the inner chain when there is one."""

    value: int
    exponent: int
    inner: tuple[Term, ...] | None = None


@dataclass
class Graph:
    """All nodes, the terms of the constraint, and how often each node is used (`uses`).

    `factors` are the nodes that some multiplication takes, so that it pays to store them reduced.
    """

    nodes: list[Node] = field(default_factory=list)
    terms: tuple[Term, ...] = ()
    uses: Counter[int] = field(default_factory=Counter)
    factors: set[int] = field(default_factory=set)

    def constant(self, node: int) -> int | None:
        """The value of a constant node."""
        return self.nodes[node].left if self.nodes[node].kind == CONSTANT else None

    def in_base_field(self, node: int) -> bool:
        """Whether only lane 0 can be set."""
        return self.nodes[node].kind in (CONSTANT, GLOBAL)

    def exponents(self) -> list[int]:
        """All powers of poly_mix that the terms need, with 0 and 1."""
        found = {0, 1}

        def collect(terms: tuple[Term, ...]) -> None:
            for term in terms:
                found.add(term.exponent)
                collect(term.inner or ())

        collect(self.terms)
        return sorted(found)


class GraphBuilder:
    """Hash-consing constructors of nodes."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}

    def make(self, kind: str, left: int, right: int = 0) -> int:
        """The number of this node; operands of + and * are interchangeable."""
        key = Node(kind, right, left) if kind in (ADD, MUL) and left > right else Node(kind, left, right)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(key)
        return self._known[key]

    def const(self, value: int) -> int:
        return self.make(CONSTANT, value % P)

    def add(self, a: int, b: int) -> int:
        x, y = self._value(a), self._value(b)
        if x is not None and y is not None:
            return self.const(x + y)
        if x == 0:
            return b
        return a if y == 0 else self.make(ADD, a, b)

    def sub(self, a: int, b: int) -> int:
        x, y = self._value(a), self._value(b)
        if x is not None and y is not None:
            return self.const(x - y)
        if y == 0:
            return a
        return self.const(0) if a == b else self.make(SUB, a, b)

    def mul(self, a: int, b: int) -> int:
        x, y = self._value(a), self._value(b)
        if x is not None and y is not None:
            return self.const(x * y)
        if x == 0 or y == 0:
            return self.const(0)
        if x == 1:
            return b
        if y == 1:
            return a
        if x is not None:
            a, b, x, y = b, a, y, x
        if y is not None and self.nodes[a].kind == MUL:  # y * (k * v) = (y * k) * v
            for factor, other in (
                (self.nodes[a].left, self.nodes[a].right),
                (self.nodes[a].right, self.nodes[a].left),
            ):
                k = self._value(factor)
                if k is not None:
                    return self.mul(other, self.const(k * y))
        return self.make(MUL, a, b)

    def _value(self, node: int) -> int | None:
        return self.nodes[node].left if self.nodes[node].kind == CONSTANT else None


def build_graph(circuit: Circuit) -> Graph:
    """Translate the program; globals are numbered outputs first, then mixes."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 100_000))
    builder = GraphBuilder()
    values: list[int] = []
    chains: list[tuple[Term, ...]] = []
    lengths: list[int] = []
    for step in circuit.steps:
        a = step.args
        match step.name:
            case "Const":
                values.append(builder.const(a[0]))
            case "Get":
                values.append(builder.make(OPENING, a[0]))
            case "GetGlobal":
                values.append(builder.make(GLOBAL, a[1] + (params.GLOBAL_OUTPUTS if a[0] else 0)))
            case "Add":
                values.append(builder.add(values[a[0]], values[a[1]]))
            case "Sub":
                values.append(builder.sub(values[a[0]], values[a[1]]))
            case "Mul":
                values.append(builder.mul(values[a[0]], values[a[1]]))
            case "True":
                chains.append(())
                lengths.append(0)
            case "AndEqz":
                chains.append((*chains[a[0]], Term(values[a[1]], lengths[a[0]])))
                lengths.append(lengths[a[0]] + 1)
            case "AndCond":
                chains.append((*chains[a[0]], Term(values[a[1]], lengths[a[0]], chains[a[2]])))
                lengths.append(lengths[a[0]] + lengths[a[2]])
            case name:
                raise ValueError(f"unknown constraint step {name}")
    graph = Graph(builder.nodes, chains[circuit.result])
    _count_uses(graph)
    return graph


def _count_uses(graph: Graph) -> None:
    seen: set[int] = set()

    def visit(number: int) -> None:
        if number in seen:
            return
        seen.add(number)
        node = graph.nodes[number]
        for operand in node.operands:
            graph.uses[operand] += 1
            visit(operand)
        if node.kind == MUL and not any(graph.in_base_field(operand) for operand in node.operands):
            graph.factors.update(node.operands)

    def visit_terms(terms: tuple[Term, ...]) -> None:
        for term in terms:
            graph.uses[term.value] += 1
            visit(term.value)
            graph.factors.add(term.value)
            if term.inner is not None:
                visit_terms(term.inner)

    visit_terms(graph.terms)
