"""Graphs of ai.onnx.ml: exports of scikit-learn models, random trees, and single operators on features."""

import warnings
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx  # type: ignore[import-untyped]
from sklearn.datasets import load_iris  # type: ignore[import-untyped]

from p2pnode.inference.operators import ML_DOMAIN as ML
from tests.unit.onnx_graphs import Array
from tests.unit.onnx_runner import Arrays


def flowers() -> tuple[Array, Array]:
    """Iris flowers, in float32 as an exported model takes them."""
    features, classes = load_iris(return_X_y=True)
    return features.astype(np.float32), classes


def export(model: Any, features: Array, **options: Any) -> onnx.ModelProto:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opsets = {"": 18, ML: 3}
        made: onnx.ModelProto = to_onnx(model, features[:1], options=options or None, target_opset=opsets)
    return made


def ml_model(nodes: list[onnx.NodeProto], inputs: Arrays, outputs: dict[str, int]) -> onnx.ModelProto:
    def value(name: str, kind: int, shape: tuple[int, ...] | None) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        nodes,
        "g",
        [value(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in inputs.items()],
        [value(n, kind, None) for n, kind in outputs.items()],
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid(ML, 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def random_trees(
    rng: np.random.Generator, prefix: str, ids: list[int], low: float, fewest: int = 1
) -> dict[str, Any]:
    """Attributes of a few trees over three features, whose nodes have numbers out of order.

    A leaf has weights for `fewest` or more of the targets `ids`, of `low` to 1.
    """
    out: dict[str, list[Any]] = {f"{prefix}_{part}": [] for part in ("treeids", "nodeids", "ids", "weights")}
    parts = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    out |= {f"nodes_{part}": [] for part in (*parts, "missing_value_tracks_true")}
    modes = MODES if rng.integers(2) else MODES[:1]
    for tree in range(int(rng.integers(1, 6))):
        count = int(rng.integers(0, 12))
        numbers = rng.permutation(2 * count + 1)
        open_nodes, used = [0], 1
        rows: dict[int, tuple[Any, ...]] = {}
        for _ in range(count):
            at = open_nodes.pop(int(rng.integers(len(open_nodes))))
            mode, threshold = str(rng.choice(modes)), float(np.round(rng.normal(), 1))
            rows[at] = (int(rng.integers(3)), mode, threshold, int(numbers[used]), int(numbers[used + 1]))
            open_nodes += [used, used + 1]
            used += 2
        for leaf in open_nodes:
            rows[leaf] = (0, "LEAF", 0.0, 0, 0)
        for at in range(used):
            feature, mode, threshold, yes, no = rows[at]
            row = (tree, int(numbers[at]), feature, mode, threshold, yes, no)
            for part, entry in zip(parts, row, strict=True):
                out[f"nodes_{part}"].append(entry)
            out["nodes_missing_value_tracks_true"].append(int(rng.integers(2)))
            if mode == "LEAF":
                for target in rng.permutation(ids)[: rng.integers(fewest, len(ids) + 1)]:
                    out[f"{prefix}_treeids"].append(tree)
                    out[f"{prefix}_nodeids"].append(int(numbers[at]))
                    out[f"{prefix}_ids"].append(int(target))
                    out[f"{prefix}_weights"].append(float(rng.uniform(low, 1)))
    return out


def with_nan(rng: np.random.Generator, dtype: Any) -> tuple[list[onnx.NodeProto], str, Arrays]:
    """Features from an input that must be finite: 0 / 0 makes some NaN where the type has it."""
    x = np.round(rng.normal(0, 1, (20, 3)), 1).astype(dtype)
    if dtype != np.float32:
        return [], "x", {"x": (x * 3).astype(dtype)}
    zero = np.where(rng.random((20, 3)) < 0.1, 0, 1).astype(dtype)
    nodes = [helper.make_node("Mul", ["x", "m"], ["n"]), helper.make_node("Div", ["n", "m"], ["h"])]
    return nodes, "h", {"x": x, "m": zero}


def small(op: str, inputs: Arrays, kind: int = TensorProto.FLOAT, **attributes: Any) -> Any:
    node = helper.make_node(op, list(inputs), ["y"], domain=ML, **attributes)
    return ml_model([node], inputs, {"y": kind}), inputs


def feature_graphs() -> dict[str, tuple[onnx.ModelProto, Arrays]]:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 2, (6, 4)).astype(np.float32)
    whole = rng.integers(-3, 4, (6, 4))
    row = np.array([[0, 0, 0, 0], [-1, 2, 0, 3]], np.float32)
    out = {}
    for norm in ("MAX", "L1", "L2"):
        out[f"Normalizer {norm}"] = small("Normalizer", {"x": np.vstack([x, row])}, norm=norm)
        out[f"Normalizer {norm} int64"] = small("Normalizer", {"x": whole}, norm=norm)
    for name, a in (("float32", x), ("int64", whole), ("int32", whole.astype(np.int32)), ("row", x[0])):
        out[f"Scaler {name}"] = small("Scaler", {"x": a}, offset=[0.5, -1, 2, 0], scale=[2.0, 0.1, 1, 3])
    out["Scaler one"] = small("Scaler", {"x": x}, offset=[0.5], scale=[2.0])
    out["Binarizer"] = small("Binarizer", {"x": x}, threshold=0.3)
    out["Imputer"] = small(
        "Imputer", {"x": row}, imputed_value_floats=[1.0, 2, 3, 4], replaced_value_float=0.0
    )
    out["Imputer int64"] = small(
        "Imputer", {"x": whole}, TensorProto.INT64, imputed_value_int64s=[9], replaced_value_int64=2
    )
    vectors: dict[str, Arrays] = {"": {"x": x, "w": x + 1}, " int64": {"x": whole, "w": whole}}
    for name, given in vectors.items():
        out[f"FeatureVectorizer{name}"] = small("FeatureVectorizer", given, inputdimensions=[3, 6])
    for shape in ((4,), (2, 4), (3, 2, 4)):
        a = rng.normal(0, 1, shape).astype(np.float32)
        picked = {"x": a, "i": np.array([[3, 0, 3]])}
        out[f"ArrayFeatureExtractor {shape}"] = small("ArrayFeatureExtractor", picked)
    for keys, a in (("floats", row), ("int64s", row.astype(np.int64))):
        for values, kind in (("floats", TensorProto.FLOAT), ("int64s", TensorProto.INT64)):
            lists = {f"keys_{keys}": [2, 0, 3], f"values_{values}": [20, 40, 30], f"default_{values[:-1]}": 7}
            # The helper takes integers for floats only where they are floats.
            lists = {n: np.array(v, float).tolist() if n.endswith(("floats", "float")) else v
                     for n, v in lists.items()}  # fmt: skip
            out[f"LabelEncoder {keys} {values}"] = small("LabelEncoder", {"x": a}, kind, **lists)
    for name, a in (("int64", whole), ("float32", whole.astype(np.float32)), ("row", whole[0])):
        out[f"OneHotEncoder {name}"] = small("OneHotEncoder", {"x": a}, cats_int64s=[2, -1, 0], zeros=1)
    return out
