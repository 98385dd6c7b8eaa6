"""LSTM, GRU and RNN in all their forms, and the operators that order or accumulate, against ONNX Runtime."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.unit.onnx_graphs import Array, Draw, as_model
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused, assert_same
from tests.unit.test_onnx_vs_ort import by_ort

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def recurrent(d: Draw, op: str) -> tuple[onnx.ModelProto, Arrays]:
    """One network of random size with a random choice of its optional inputs, attributes and outputs."""
    steps, batch, size, hidden = d.size(1, 6), d.size(1, 4), d.size(1, 7), d.size(1, 9)
    direction = ("forward", "reverse", "bidirectional")[d.size(0, 2)]
    directions = 2 if direction == "bidirectional" else 1
    rows = GATES[op] * hidden

    def array(*shape: int) -> Array:
        return d.rng.normal(0, 0.7, shape).astype(np.float32)

    inputs = {"x": array(steps, batch, size)}
    c = {"w": array(directions, rows, size), "r": array(directions, rows, hidden)}
    optional: Arrays = {
        "b": array(directions, 2 * rows),
        "lens": d.rng.integers(1, steps + 1, batch).astype(np.int32),
        "h": array(directions, batch, hidden),
    }
    if op == "LSTM":
        optional |= {"c": array(directions, batch, hidden), "p": array(directions, 3 * hidden)}
    given = {name: a for name, a in optional.items() if d.size(0, 1)}
    names = ["x", "w", "r", *(name if name in given else "" for name in optional)]
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if op == "GRU":
        attributes["linear_before_reset"] = d.size(0, 1)
    if d.size(0, 2) == 0:
        kinds = {"RNN": 1, "GRU": 2, "LSTM": 3}[op]
        attributes["activations"] = [
            str(d.rng.choice(["Sigmoid", "Tanh", "Relu"])) for _ in range(kinds * directions)
        ]
    wanted = ["y", "y_h", "y_c"][: GATES[op] // 4 + 2]
    if d.size(0, 2) == 0:
        wanted[0] = ""
    node = helper.make_node(op, names, wanted, **attributes)
    model = as_model([node], inputs, c | given, ("y_h", TensorProto.FLOAT), opset=14)
    for name in wanted:
        if name not in ("", "y_h"):
            model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return model, inputs


@pytest.mark.parametrize("op", GATES)
def test_recurrent_networks(onnx_runner: OnnxRunner, op: str) -> None:
    jobs = [recurrent(Draw(seed), op) for seed in range(60)]
    for seed, ((model, inputs), result) in enumerate(zip(jobs, onnx_runner.run_many(jobs), strict=True)):
        assert not isinstance(result, Refused), f"seed {seed}: {result}"
        for found, expected in zip(result.values(), by_ort(model, inputs), strict=True):
            assert_same(found, expected, rtol=1e-4, atol=1e-5)


def job(
    op: str, inputs: Arrays, outputs: dict[str, Any], constants: Arrays | None = None, **attributes: Any
) -> tuple[onnx.ModelProto, Arrays]:
    first, *others = outputs
    kinds = {name: helper.np_dtype_to_tensor_dtype(np.dtype(kind)) for name, kind in outputs.items()}
    node = helper.make_node(op, [*inputs, *(constants or {})], list(outputs), **attributes)
    model = as_model([node], inputs, constants or {}, (first, kinds[first]), opset=21)
    for name in others:
        model.graph.output.append(helper.make_tensor_value_info(name, kinds[name], None))
    return model, inputs


def selections(d: Draw) -> dict[str, tuple[onnx.ModelProto, Arrays]]:
    shape = (d.size(1, 4), d.size(1, 5), d.size(1, 6))
    x = d.rng.normal(0, 1, shape).astype(np.float32)
    whole = d.rng.integers(-3, 4, shape)
    axis = d.size(-3, 2)
    k = np.array([d.size(1, shape[axis])])
    out = {
        "cumsum": job(
            "CumSum", {"x": x}, {"y": np.float32}, {"a": np.array(axis)},
            exclusive=d.size(0, 1), reverse=d.size(0, 1),
        ),
        "eye": job("EyeLike", {"x": x[0]}, {"y": np.float32}, k=d.size(-4, 4)),
        "nonzero": job("NonZero", {"x": whole}, {"y": np.int64}),
        "compress": job(
            "Compress", {"x": x}, {"y": np.float32}, {"c": d.rng.integers(0, 2, shape[axis]).astype(bool)},
            axis=axis,
        ),
    }  # fmt: skip
    for name, a in (("float32", x), ("int64", whole), ("ties", (whole // 2).astype(np.float32))):
        out[f"topk {name}"] = job(
            "TopK", {"x": a}, {"y": a.dtype, "i": np.int64}, {"k": k}, axis=axis, largest=d.size(0, 1)
        )
        out[f"trilu {name}"] = job(
            "Trilu", {"x": a}, {"y": a.dtype}, {"k": np.array(d.size(-4, 4))}, upper=d.size(0, 1)
        )
    for kind in (np.uint8, np.int8, np.int32, np.int64):
        p, q = ((d.rng.integers(-100, 100, s)).astype(kind) for s in (shape, shape[1:]))
        for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
            out[f"{op} {kind.__name__}"] = job(op, {"x": p, "w": q}, {"y": kind})
        out[f"BitwiseNot {kind.__name__}"] = job("BitwiseNot", {"x": p}, {"y": kind})
    shift = d.rng.integers(0, 8, shape).astype(np.uint8)
    shifted = d.rng.integers(0, 256, shape).astype(np.uint8)
    for direction in ("LEFT", "RIGHT"):
        out[f"shift {direction}"] = job(
            "BitShift", {"x": shifted, "w": shift}, {"y": np.uint8}, direction=direction
        )
    return out


def test_selections_equal_onnx_runtime(onnx_runner: OnnxRunner) -> None:
    jobs = {f"{name} {seed}": job for seed in range(12) for name, job in selections(Draw(seed)).items()}
    for (name, (model, inputs)), result in zip(
        jobs.items(), onnx_runner.run_many(list(jobs.values())), strict=True
    ):
        assert not isinstance(result, Refused), f"{name}: {result}"
        for found, expected in zip(result.values(), by_ort(model, inputs), strict=True):
            assert_same(found, expected, rtol=1e-6, atol=1e-6)


def test_what_has_no_defined_order_is_refused(onnx_runner: OnnxRunner) -> None:
    x = {"x": np.zeros((1, 2), np.float32), "zero": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("Div", ["x", "zero"], ["nan"]),
        helper.make_node("TopK", ["nan", "k"], ["y", "i"]),
    ]
    model = as_model(nodes, x, {"k": np.array([1])}, ("i", TensorProto.INT64))
    (nan,) = onnx_runner.run_many([(model, x)])
    assert isinstance(nan, Refused)
    assert "NaN has no place" in str(nan)
    lstm, inputs = recurrent(Draw(3), "LSTM")
    lstm.graph.node[0].attribute.append(helper.make_attribute("input_forget", 1))
    (coupled,) = onnx_runner.run_many([(lstm, inputs)])
    assert isinstance(coupled, Refused)
    assert '"input_forget" = 1 is not supported' in str(coupled)
