"""A node test of every operator runs in the guest and comes to the same bits as natively.

The prover insists on it: `execute` runs a batch in both and compares the journals, which hash the outputs.
"""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.test_case import TestCase
from sklearn.ensemble import (  # type: ignore[import-untyped]
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import Normalizer, StandardScaler  # type: ignore[import-untyped]
from sklearn.svm import SVC, SVR  # type: ignore[import-untyped]

from p2pnode.ports import ProofTask
from p2pnode.protocol.tensors import encode_tensors
from p2pnode.proving.batches import write_job
from p2pnode.proving.locate import find_prover
from tests.unit.built import needs_prover
from tests.unit.onnx_ml_graphs import export, feature_graphs, flowers
from tests.unit.onnx_node_cases import NodeTests, job
from tests.unit.onnx_runner import Arrays, OnnxRunner
from tests.unit.test_inference_quantise_layout import DEPTHS
from tests.unit.test_inference_quantise_layout import model as quantised_chain
from tests.unit.test_onnx_contractions_vs_ort import forest

pytestmark = needs_prover


def guest(what: str, folder: Path, model: onnx.ModelProto, arrays: Arrays) -> str:
    """The prover's last line for a job of one task."""
    folder.mkdir()
    file = folder / "model.onnx"
    file.write_bytes(model.SerializeToString())
    task = ProofTask(hashlib.sha256(folder.name.encode()).digest(), encode_tensors(arrays))
    write_job(folder / "job", file, [task], 20)
    command: list[str | Path] = [find_prover(""), what, "--job", folder / "job", "--po2", "20"]
    finished = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, timeout=600)
    line = finished.stdout.splitlines()[-1]
    assert finished.returncode == 0, f"{folder.name}: {line}"
    return line


def smallest(cases: list[TestCase]) -> tuple[onnx.ModelProto, Arrays] | None:
    """The case with the fewest elements among those that have an input, as a task must."""
    jobs = []
    for case in cases:
        assert case.model is not None
        assert case.data_sets is not None
        names = [value.name for value in case.model.graph.input]
        inputs = (np.asarray(array) for array in case.data_sets[0][0])
        jobs.append(job(case.model, dict(zip(names, inputs, strict=True))))
    with_input = [(model, arrays) for model, arrays in jobs if arrays]
    return min(with_input, key=lambda pair: sum(array.size for array in pair[1].values()), default=None)


def of_scikit_learn() -> dict[str, tuple[onnx.ModelProto, Arrays]]:
    """Models and graphs of the operators that ONNX has no node tests of, two samples each."""
    features, classes = flowers()
    few = features[:2]
    trained = {
        "forest": RandomForestClassifier(3, max_depth=3, random_state=0),
        "forest that regresses": RandomForestRegressor(3, max_depth=3, random_state=0),
        "logistic": make_pipeline(StandardScaler(), Normalizer(), LogisticRegression()),
        "linear": LinearRegression(),
        "machine": SVC(kernel="linear"),
        "machine that regresses": SVR(kernel="linear"),
    }
    jobs = {}
    for name, model in trained.items():
        zipmap = {"zipmap": False} if hasattr(model, "predict_proba") or name == "machine" else {}
        jobs[name] = export(model.fit(features, classes), features, **zipmap), {"X": few}
    version_5 = forest(features, classes.astype(np.float32)), {"x": few}
    return {**jobs, **feature_graphs(), "version 5": version_5}


def on_floats(operator: str) -> tuple[onnx.ModelProto, Arrays]:
    """Of operators whose node tests are of other floats, on logarithms: inputs are finite."""
    graph = helper.make_graph(
        [helper.make_node("Log", ["x"], ["logs"]), helper.make_node(operator, ["logs"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.BOOL, [4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return model, {"x": np.array([1, 0, -1, 2], np.float32)}


def test_every_operator_runs_in_the_guest(
    onnx_runner: OnnxRunner, node_tests: NodeTests, tmp_path: Path
) -> None:
    agreed = node_tests.agreed
    left = set()
    for domain, name, *_ in onnx_runner.operators():
        cases = [
            case
            for case in agreed.values()
            if case.model is not None
            and any((n.domain, n.op_type) == (domain, name) for n in case.model.graph.node)
        ]
        found = smallest(cases)
        if found is None:
            left.add(name)
        else:
            guest("execute", tmp_path / f"{domain}.{name}", *found)
    chain = quantised_chain(), {"x": np.zeros((1, DEPTHS[0]), np.uint8)}
    plain = {operator: on_floats(operator) for operator in ("IsInf", "IsNaN")}
    others = {**of_scikit_learn(), **plain, "QGemm": chain}
    for name, (model, arrays) in others.items():
        guest("execute", tmp_path / name, model, arrays)
        left -= {node.op_type for node in model.graph.node}
    assert not left, "no test of these has an input"


def test_a_model_over_a_megabyte_runs_in_the_guest(tmp_path: Path) -> None:
    """1.5 MB of weights, read where they lie: a product of one row."""
    weights = np.random.default_rng(1).integers(0, 256, (1500, 1024)).astype(np.uint8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "large",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 1500])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [1, 1024])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = np.random.default_rng(2).integers(0, 256, (1, 1500)).astype(np.uint8)
    done = json.loads(guest("execute", tmp_path / "large", model, {"x": x}))
    assert done["stats"]["segments"] > 1


def claimed_products() -> tuple[onnx.ModelProto, Arrays]:
    """Every kind that the host claims: both signs, zero points, several blocks, four planes, groups."""
    draw = np.random.default_rng(7)

    def whole(dtype: type, *shape: int) -> np.ndarray:
        limits = np.iinfo(dtype)
        return draw.integers(limits.min, limits.max, shape, dtype, endpoint=True)

    constants = {
        "deep": whole(np.int8, 600, 40),
        "wide": whole(np.uint8, 70, 37),
        "filters": whole(np.int8, 48, 3, 3, 3),
        "zero_u8": np.uint8(131),
        "zero_i8": np.int8(-5),
        "columns": whole(np.uint8, 37),
    }
    nodes = [
        helper.make_node("MatMulInteger", ["a", "deep", "zero_u8"], ["deep_sums"]),
        helper.make_node("MatMulInteger", ["b", "wide", "zero_i8", "columns"], ["wide_sums"]),
        helper.make_node(
            "ConvInteger", ["image", "filters", "zero_u8"], ["conv_sums"], group=2, pads=[1, 1, 1, 1]
        ),
    ]
    inputs = {"a": whole(np.uint8, 2, 600), "b": whole(np.int8, 3, 70), "image": whole(np.uint8, 1, 6, 5, 4)}
    outputs = {"deep_sums": [2, 40], "wide_sums": [3, 37], "conv_sums": [1, 48, 5, 4]}
    types = {np.dtype(np.uint8): TensorProto.UINT8, np.dtype(np.int8): TensorProto.INT8}
    graph = helper.make_graph(
        nodes,
        "claimed",
        [helper.make_tensor_value_info(n, types[a.dtype], a.shape) for n, a in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.INT32, dims) for n, dims in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), inputs


def test_claimed_products_of_every_kind_are_proved(tmp_path: Path) -> None:
    model, arrays = claimed_products()
    done = json.loads(guest("prove", tmp_path / "claimed", model, arrays))
    assert done["stats"]["seal_bytes"] == 130_672
