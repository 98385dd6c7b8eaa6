"""The constraint contracts' own bytecode gives what the constraint program gives."""

from __future__ import annotations

import random

import pytest
from stark import field, lanes, params, reference
from stark.circuit import Circuit
from stark.constraints import CODE_LIMIT, ConstraintContracts, compile_constraints
from stark.field import Ext, P
from stark.image import MULTIPLES, WORD

from tests.unit.onchain.straight_line_evm import Machine


@pytest.fixture(scope="module")
def contracts(circuit: Circuit) -> ConstraintContracts:
    return compile_constraints(circuit)


def evaluate(
    contracts: ConstraintContracts, poly_mix: Ext, u: list[Ext], outputs: list[int], mixes: list[int]
) -> Ext:
    image = contracts.image
    memory = bytearray(image.size(contracts.slots))

    def put(address: int, value: int) -> None:
        memory[address : address + WORD] = value.to_bytes(WORD, "big")

    for index, multiple in enumerate(MULTIPLES):
        put(image.multiples + WORD * index, multiple * P * lanes.ONES)
    for index, opening in enumerate(u):
        put(image.openings + WORD * index, lanes.to_form(opening))
    for index, value in enumerate(outputs + mixes):
        put(image.globals + WORD * index, value * lanes.FORM % P)
    for exponent in image.exponents:
        put(image.power(exponent), lanes.to_form(field.power(poly_mix, exponent)))
    for code in contracts.codes:
        returned = Machine(calldata=bytes(memory)).run(code).returned
        assert len(returned) == image.returned(contracts.slots)
        memory[image.variables :] = returned
    total = int.from_bytes(memory[image.variables : image.variables + WORD], "big")
    a, b, c, d = (lane * pow(lanes.FORM, -1, P) % P for lane in lanes.unpack(total))
    return (a, b, c, d)


def test_every_contract_can_be_deployed(contracts: ConstraintContracts) -> None:
    assert all(len(code) <= CODE_LIMIT for code in contracts.codes)


@pytest.mark.parametrize("seed", range(3))
def test_any_input_gives_the_program_s_value(
    contracts: ConstraintContracts, circuit: Circuit, seed: int
) -> None:
    rnd = random.Random(seed)

    def base() -> int:
        return rnd.choice([0, 1, P - 1, rnd.randrange(P), rnd.randrange(P)])

    def element() -> Ext:
        return (base(), base(), base(), base())

    poly_mix = element()
    u = [element() for _ in range(circuit.taps)]
    outputs = [base() for _ in range(params.GLOBAL_OUTPUTS)]
    mixes = [base() for _ in range(params.GLOBAL_MIXES)]
    wanted = reference.constraint_value(circuit, poly_mix, u, (outputs, mixes))
    assert evaluate(contracts, poly_mix, u, outputs, mixes) == wanted


def test_each_opening_matters(contracts: ConstraintContracts, circuit: Circuit) -> None:
    rnd = random.Random(7)
    u: list[Ext] = [(rnd.randrange(P), 0, 0, 0) for _ in range(circuit.taps)]
    outputs, mixes = [3] * params.GLOBAL_OUTPUTS, [5] * params.GLOBAL_MIXES
    poly_mix = (2, 3, 5, 7)
    before = evaluate(contracts, poly_mix, u, outputs, mixes)
    for index in (0, 16, 39, 200, 642):
        changed = list(u)
        changed[index] = field.add(u[index], field.ONE)
        after = evaluate(contracts, poly_mix, changed, outputs, mixes)
        assert after == reference.constraint_value(circuit, poly_mix, changed, (outputs, mixes))
        assert after != before
