"""`p2pnode models check` with the real prover: what can be proved, and what cannot and why."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from p2pnode.cli.main import main
from p2pnode.models import DIGITS, digit_images
from tests.unit.built import needs_prover

pytestmark = needs_prover


def check(file: Path, *options: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["models", "check", str(file), "--json", *options])
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No rates and no configuration of the user."""
    config = tmp_path / "p2pnode.toml"
    config.write_text("[worker]\nhour_price = 3600000\n")
    monkeypatch.setenv("P2PNODE_CONFIG", str(config))
    monkeypatch.setattr("p2pnode.proving.rates.rates_file", lambda: tmp_path / "rates.json")


def save(tmp_path: Path, nodes: list[onnx.NodeProto], dims: list[Any], kind: int = TensorProto.FLOAT) -> Path:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, dims)],
        [helper.make_tensor_value_info("y", kind, None)],
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )
    return path


def test_the_packaged_model_is_provable_and_a_batch_makes_it_cheaper() -> None:
    found = check(DIGITS)
    assert found["provable"]
    assert found["exact"]
    assert found["rates"]["measured_at"] == 0
    one, sixteen = found["batches"]
    assert (one["tasks"], sixteen["tasks"]) == (1, 16)
    for batch in (one, sixteen):
        assert batch["total_cycles"] >= batch["user_cycles"] + batch["paging_cycles"] > 0
        # At 3,600,000 units an hour a second costs a thousand.
        assert int(batch["price_per_task"]) == pytest.approx(
            1000 * batch["seconds"] / batch["tasks"], rel=0.01
        )
    assert sixteen["cycles_per_task"] < one["cycles_per_task"] / 4


def test_the_input_and_the_batches_are_the_users_own(tmp_path: Path) -> None:
    found = check(DIGITS, "--input", str(digit_images()[0][0]), "--batch", "3")
    assert [batch["tasks"] for batch in found["batches"]] == [3]
    wrong = tmp_path / "wrong.npy"
    np.save(wrong, np.zeros((1, 65), np.uint8))
    result = CliRunner().invoke(main, ["models", "check", str(DIGITS), "--input", str(wrong)])
    assert result.exit_code == 1
    assert "has shape [1, 65]" in result.stderr


def test_every_node_that_cannot_be_proved_is_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="fine"),
        helper.make_node("StringNormalizer", ["a"], ["b"], name="first"),
        helper.make_node("Foo", ["a"], ["c"], name="second", domain="com.example"),
        helper.make_node("Relu", ["a", "a"], ["y"], name="third"),
    ]
    found = check(save(tmp_path, nodes, [1, 4]), code=1)
    assert not found["provable"]
    names = [(one["node"], one["operator"]) for one in found["problems"]]
    assert names == [("first", "StringNormalizer"), ("second", "com.example.Foo"), ("third", "Relu")]
    assert "2 inputs" in found["problems"][2]["reason"]
    result = CliRunner().invoke(main, ["models", "check", str(tmp_path / "model.onnx")])
    assert result.exit_code == 1
    assert "NOT provable" in result.stdout
    assert "node 'second' (com.example.Foo, opset 0): the operator is not supported" in result.stdout


def test_open_dims_count_as_one_and_a_model_of_floats_says_so(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    found = check(save(tmp_path, nodes, ["batch", 4]), "--batch", "1")
    assert found["provable"]
    assert not found["exact"]


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "not an ONNX file"), (b"\xff" * 100, "not an ONNX file")]
)
def test_what_is_no_model_is_said(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    assert says in check(path, code=1)["refusal"]


def test_a_model_that_fails_on_the_input_says_where(tmp_path: Path) -> None:
    nodes = [helper.make_node("Div", ["x", "x"], ["y"], name="divide")]
    found = check(save(tmp_path, nodes, [1, 4], TensorProto.INT32), code=1)
    assert "divide" in found["refusal"]
