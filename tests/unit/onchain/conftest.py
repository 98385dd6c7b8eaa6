"""What the tests of the on-chain verifier share; parsed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.onchain.stark_proofs import Proof, read_proofs

if TYPE_CHECKING:
    from stark.circuit import Circuit
    from stark.layout import Layout


@pytest.fixture(scope="session")
def circuit() -> Circuit:
    from stark.circuit import load_circuit

    return load_circuit()


@pytest.fixture(scope="session")
def layout(circuit: Circuit) -> Layout:
    from stark.layout import Layout

    return Layout(circuit)


@pytest.fixture(scope="session")
def proofs() -> list[Proof]:
    return read_proofs()


@pytest.fixture(scope="session")
def proof(proofs: list[Proof]) -> Proof:
    return next(proof for proof in proofs if proof.name == "identity")
