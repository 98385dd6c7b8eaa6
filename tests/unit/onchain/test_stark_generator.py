"""What is committed is what the generator writes, and the circuit is the one that it was written for."""

from __future__ import annotations

from pathlib import Path

import pytest
from stark import __main__ as command
from stark.circuit import Circuit, CircuitSourceError, load_circuit
from stark.kernels import weight_groups

from tests.unit.onchain.stark_proofs import CONTRACTS

COMMITTED = ("generated/layout.json", "generated/SealVerifier.yul")


def test_a_committed_file_that_differs_by_a_byte_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # `make test` compares all that is committed in a stage of its own, by this command.
    same = {name: (CONTRACTS / name).read_text() for name in COMMITTED}
    monkeypatch.setattr(command, "build", lambda: same)
    assert command.check() == 0
    monkeypatch.setattr(command, "build", lambda: {**same, COMMITTED[1]: same[COMMITTED[1]] + " "})
    assert command.check() == 1
    assert capsys.readouterr().err.startswith(f"{COMMITTED[1]} is not what the generator writes")


def test_the_circuit_has_the_expected_shape(circuit: Circuit) -> None:
    assert circuit.group_columns == (12, 23, 128)
    assert circuit.taps == 643
    assert len(circuit.registers) == 163
    assert circuit.backs == (0, 1, 2, 3, 4, 7, 15, 16, 68)


def test_every_column_and_opening_is_weighed_once(circuit: Circuit) -> None:
    used = sorted(
        weight for _, _, weights in weight_groups(circuit) for weight in weights if weight is not None
    )
    assert used == [*range(163 + 16), *range(1000, 1000 + 21)]


def test_an_absent_or_other_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    with pytest.raises(CircuitSourceError, match="cargo fetch"):
        load_circuit()
    (tmp_path / "poly_ext.rs").write_text("nothing")
    with pytest.raises(CircuitSourceError, match="constraint block"):
        load_circuit(tmp_path)
