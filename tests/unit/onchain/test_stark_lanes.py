"""Packed arithmetic at and below its bounds, as emitted, against plain modular arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stark import field, lanes
from stark.assembler import Assembler
from stark.field import Ext, P

from tests.unit.onchain.straight_line_evm import Machine

FORM_INVERSE = pow(lanes.FORM, -1, P)


def code_of(emit: Callable[[Assembler], None]) -> bytes:
    assembler = Assembler()
    emit(assembler)
    return assembler.assemble()


MULTIPLY, FOLD_TWICE, REDUCE = map(code_of, (lanes.emit_multiply, lanes.emit_fold_twice, lanes.emit_reduce))


def run(code: bytes, *operands: int) -> int:
    (result,) = Machine(stack=list(operands)).run(code).stack
    return result


def lane_below(bound: int) -> st.SearchStrategy[int]:
    edges = [v for v in (0, 1, P - 1, P, P + 1, 2**27 - 1, 2**27, bound - 2, bound - 1) if 0 <= v < bound]
    return st.one_of(st.sampled_from(edges), st.integers(0, bound - 1))


def elements(bound: int) -> st.SearchStrategy[Ext]:
    lane = lane_below(bound)
    return st.tuples(lane, lane, lane, lane)


@st.composite
def factors(draw: st.DrawFn) -> tuple[Ext, Ext]:
    """Two elements whose lane bounds are as far apart, and as high, as a multiplication allows."""
    first = draw(st.sampled_from([P, lanes.REDUCED_BOUND, lanes.PRODUCT_BOUND, 2 * P, 64 * P]))
    second = (lanes.PRODUCT_LIMIT - 1) // (4 * first)
    pair = draw(elements(first)), draw(elements(second))
    return pair if draw(st.booleans()) else (pair[1], pair[0])


def canonical(element: Ext, factor: int = 1) -> list[int]:
    return [lane * factor % P for lane in element]


@settings(max_examples=400, deadline=None)
@given(factors())
def test_multiplication_is_exact_up_to_the_limit(pair: tuple[Ext, Ext]) -> None:
    a, b = pair
    word = run(MULTIPLY, lanes.pack(a), lanes.pack(b))
    assert word == lanes.multiply(lanes.pack(b), lanes.pack(a))
    product = lanes.unpack(word)
    assert canonical(product) == canonical(field.mul(a, b), FORM_INVERSE)
    assert max(product) < lanes.PRODUCT_BOUND


@settings(max_examples=300, deadline=None)
@given(elements(lanes.PRODUCT_LIMIT))
def test_two_folds_divide_by_the_form(element: Ext) -> None:
    word = run(FOLD_TWICE, lanes.pack(element))
    assert word == lanes.fold_twice(lanes.pack(element))
    assert canonical(lanes.unpack(word)) == canonical(element, FORM_INVERSE)
    assert max(lanes.unpack(word)) < lanes.FOLDED_BOUND


@st.composite
def reducible(draw: st.DrawFn) -> Ext:
    """Near multiples of p, where a quotient that is one off would show."""
    near = st.builds(
        lambda k, d: min(max(k * P + d, 0), lanes.REDUCIBLE - 1), st.integers(0, 2184), st.integers(-2, 2)
    )
    lane = st.one_of(near, lane_below(lanes.REDUCIBLE))
    drawn: Ext = draw(st.tuples(lane, lane, lane, lane))
    return drawn


@settings(max_examples=300, deadline=None)
@given(reducible())
def test_reduction_keeps_the_value(element: Ext) -> None:
    word = run(REDUCE, lanes.pack(element))
    assert word == lanes.reduce(lanes.pack(element))
    assert canonical(lanes.unpack(word)) == canonical(element)
    assert max(lanes.unpack(word)) <= lanes.REDUCED_BOUND


@pytest.mark.parametrize("word", [0, 1, P - 1, P, P + 1, 2**32 - 1])
def test_carry_shows_words_that_are_not_reduced(word: int) -> None:
    packed = lanes.pack((0, word, 0, 0))
    assert bool((packed + lanes.NON_CANONICAL) & lanes.CARRY) == (word >= P)


@settings(max_examples=50, deadline=None)
@given(elements(P), elements(P))
def test_the_reference_field_is_a_field(a: Ext, b: Ext) -> None:
    assert field.mul(a, b) == field.mul(b, a)
    assert field.mul(a, field.add(b, field.ONE)) == field.add(field.mul(a, b), a)
    if a != field.ZERO:
        assert field.mul(field.mul(a, b), field.inverse(a)) == b
