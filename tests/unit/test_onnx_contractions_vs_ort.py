"""Einsum, interpolation and TreeEnsemble (version 5 of ai.onnx.ml) against ONNX Runtime."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]

from p2pnode.inference import describe_model
from p2pnode.inference.operators import ML_DOMAIN as ML
from tests.unit.onnx_graphs import Array, as_model
from tests.unit.onnx_ml_graphs import flowers
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused, assert_same
from tests.unit.test_onnx_vs_ort import by_ort

EQUATIONS: dict[str, list[tuple[int, ...]]] = {
    # Of attention, bilinear layers and outer products, as models have them.
    "bhid,bhjd->bhij": [(2, 3, 4, 5), (2, 3, 6, 5)],
    "bhij,bhjd->bhid": [(2, 3, 4, 6), (2, 3, 6, 5)],
    "bnd,hde->bhne": [(2, 4, 6), (3, 6, 5)],
    "...ij,...jk->...ik": [(2, 3, 4, 5), (1, 3, 5, 6)],
    "...ik,kj->...ij": [(3, 5), (5, 4)],
    "kj,...ik->...ij": [(5, 4), (2, 3, 5)],
    "i,j->ij": [(4,), (5,)],
    "i,i->": [(7,), (7,)],
    "ij,jk": [(3, 4), (4, 5)],
    "ba,b": [(3, 4), (3,)],
    "ij->ji": [(3, 4)],
    "ijk->": [(2, 3, 4)],
    "ii->i": [(4, 4)],
    "...ii->...i": [(2, 3, 4, 4)],
    "b...i , b...i -> b...": [(2, 3, 4, 5), (2, 3, 4, 5)],
    "bn,anm,bm->ba": [(2, 3), (4, 3, 5), (2, 5)],
}


def drawn(shapes: list[tuple[int, ...]], dtype: Any) -> Arrays:
    rng = np.random.default_rng(3)

    def draw(shape: tuple[int, ...]) -> Array:
        return rng.normal(0, 1, shape) if dtype == np.float32 else rng.integers(-9, 10, shape)

    return {f"x{i}": np.asarray(draw(shape), dtype) for i, shape in enumerate(shapes)}


def einsum(equation: str, inputs: Arrays) -> onnx.ModelProto:
    node = helper.make_node("Einsum", list(inputs), ["y"], equation=equation)
    kind = helper.np_dtype_to_tensor_dtype(next(iter(inputs.values())).dtype)
    return as_model([node], inputs, {}, ("y", kind))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
def test_sums_of_products_are_those_of_onnx_runtime(onnx_runner: OnnxRunner, dtype: Any) -> None:
    jobs = [
        (einsum(equation, found := drawn(shapes, dtype)), found) for equation, shapes in EQUATIONS.items()
    ]
    for (model, inputs), result in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        describe_model(model.SerializeToString())
        assert not isinstance(result, Refused), f"{result}\n{onnx.printer.to_text(model.graph)}"
        # ONNX Runtime has no kernel for bilinear layers in integers.
        equation = model.graph.node[0].attribute[0].s.decode()
        wanted = np.asarray(np.einsum(equation, *inputs.values()))
        expected = by_ort(model, inputs)[0] if dtype == np.float32 else wanted
        assert_same(result["y"], np.asarray(expected, dtype), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("equation", "shapes", "reason"),
    [
        ("ij,jk->ik", [(2, 3), (4, 5)], "one label stands for dims of 3 and 4"),
        ("ij->ik", [(2, 3)], "twice or in no operand"),
        ("ij->ii", [(2, 3)], "twice or in no operand"),
        ("i...->i", [(2, 3)], "leaves the ellipsis out"),
        ("ij->ij", [(2, 3, 4)], "does not fit 2 labels"),
        ("i1->i", [(2, 3)], "no list of labels"),
        ("ij,jk->ik", [(2, 3)], "1 inputs, but 2 in the equation"),
    ],
)
def test_equations_without_a_meaning_are_refused(
    onnx_runner: OnnxRunner, equation: str, shapes: list[tuple[int, ...]], reason: str
) -> None:
    inputs = drawn(shapes, np.float32)
    with pytest.raises(Refused, match=reason):
        onnx_runner.run(einsum(equation, inputs), inputs)


MODES = ("half_pixel", "asymmetric", "pytorch_half_pixel", "align_corners", "half_pixel_symmetric")


@pytest.mark.parametrize("mode", MODES)
def test_interpolation_is_that_of_onnx_runtime(onnx_runner: OnnxRunner, mode: str) -> None:
    """Larger and smaller, with the coefficients of PyTorch and of TensorFlow, and with antialiasing."""
    image = np.random.default_rng(4).random((1, 2, 7, 9), np.float32)
    jobs = []
    for size in ([1, 2, 13, 15], [1, 2, 4, 5]):
        common = {"coordinate_transformation_mode": mode}
        choices: list[dict[str, Any]] = [{"mode": "cubic"}, {"mode": "cubic", "cubic_coeff_a": -0.5}]
        if mode == "half_pixel":
            choices += [{"mode": "cubic", "antialias": 1}, {"mode": "linear", "antialias": 1}]
            choices += [{"mode": "cubic", "exclude_outside": 1}]
        for attributes in choices:
            node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **common, **attributes)
            constants = {"sizes": np.array(size)}
            jobs.append((as_model([node], {"x": image}, constants, ("y", TensorProto.FLOAT)), {"x": image}))
    for (model, inputs), result in zip(jobs, onnx_runner.run_many(jobs), strict=True):
        assert not isinstance(result, Refused), f"{result}\n{onnx.printer.to_text(model.graph)}"
        assert_same(result["y"], by_ort(model, inputs)[0], rtol=1e-4, atol=1e-5)


def forest(features: Array, targets: Array) -> onnx.ModelProto:
    """Decision trees of scikit-learn in the form of version 5: branches, leaves, and a leaf a target."""
    fitted = RandomForestRegressor(6, max_depth=4, random_state=1).fit(features, targets)
    lists: dict[str, list[Any]] = {
        key: []
        for key in (
            "tree_roots", "nodes_featureids", "nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids",
            "nodes_falseleafs", "leaf_targetids", "splits", "weights",
        )
    }  # fmt: skip
    for estimator in fitted.estimators_:
        tree = estimator.tree_
        inner = np.flatnonzero(tree.children_left >= 0)
        place = {int(node): len(lists["splits"]) + i for i, node in enumerate(inner)}
        lists["tree_roots"].append(place[0])
        for node in inner:
            lists["nodes_featureids"].append(int(tree.feature[node]))
            lists["splits"].append(float(tree.threshold[node]))
            for side, child in (("true", tree.children_left[node]), ("false", tree.children_right[node])):
                leaf = int(child) not in place
                lists[f"nodes_{side}leafs"].append(int(leaf))
                lists[f"nodes_{side}nodeids"].append(len(lists["weights"]) if leaf else place[int(child)])
                if leaf:
                    lists["leaf_targetids"].append(0)
                    lists["weights"].append(float(tree.value[child].ravel()[0]) / 6)
    return ensemble(lists, np.zeros(len(lists["splits"]), np.uint8), 1)


def ensemble(lists: dict[str, list[Any]], modes: Array, targets: int, **attributes: Any) -> onnx.ModelProto:
    tensors = {
        "nodes_splits": numpy_helper.from_array(np.array(lists.pop("splits"), np.float32)),
        "leaf_weights": numpy_helper.from_array(np.array(lists.pop("weights"), np.float32)),
        "nodes_modes": numpy_helper.from_array(modes),
    }
    attributes |= {**lists, **tensors, "n_targets": targets}
    node = helper.make_node("TreeEnsemble", ["x"], ["y"], domain=ML, **attributes)
    graph = helper.make_graph(
        [node],
        "forest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", targets])],
    )
    imports = [helper.make_opsetid("", 21), helper.make_opsetid(ML, 5)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def test_a_forest_of_version_5_is_that_of_onnx_runtime(onnx_runner: OnnxRunner) -> None:
    features, targets = flowers()
    model, inputs = forest(features, targets.astype(np.float32)), {"x": features}
    info = describe_model(model.SerializeToString())
    info.check_run({"x": features.shape})
    assert_same(onnx_runner.run(model, inputs)["y"], by_ort(model, inputs)[0], rtol=1e-5)


def sets(**attributes: Any) -> onnx.ModelProto:
    """One tree: whether the first feature is 1 or 3, else the second at most 0.5; two targets."""
    lists: dict[str, list[Any]] = {
        "tree_roots": [0],
        "nodes_featureids": [0, 1],
        "nodes_truenodeids": [0, 1],
        "nodes_trueleafs": [1, 1],
        "nodes_falsenodeids": [1, 2],
        "nodes_falseleafs": [0, 1],
        "leaf_targetids": [0, 1, 0],
        "splits": [0.0, 0.5],
        "weights": [10.0, 20.0, 30.0],
    }
    members = numpy_helper.from_array(np.array([1, 3, np.nan], np.float32))
    changed = {name: value for name, value in attributes.items() if name in lists}
    other = {name: value for name, value in attributes.items() if name not in lists}
    return ensemble(lists | changed, np.array([6, 0], np.uint8), 2, membership_values=members, **other)


def test_members_of_a_set_take_their_branch(onnx_runner: OnnxRunner) -> None:
    x = np.array([[1, 9, 0, 0], [3, 0, 0, 0], [2, 0.5, 0, 0], [2, 0.6, 0, 0]], np.float32)
    found = onnx_runner.run(sets(), {"x": x})["y"]
    np.testing.assert_array_equal(found, [[10, 0], [10, 0], [0, 20], [30, 0]])
    average = onnx_runner.run(sets(aggregate_function=0), {"x": x})["y"]
    np.testing.assert_array_equal(average, found)
    logistic = onnx_runner.run(sets(post_transform=2), {"x": x})["y"]
    np.testing.assert_allclose(logistic, 1 / (1 + np.exp(-found)), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nodes_falsenodeids": [0, 2]}, "node 0 is reached twice"),
        ({"tree_roots": [0, 1]}, "node 1 is reached twice"),
        ({"nodes_truenodeids": [3, 1]}, "there is no leaf 3"),
        ({"nodes_falsenodeids": [2, 2]}, "there is no node 2"),
        ({"leaf_targetids": [0, 2, 0]}, "a leaf for target 2"),
        ({"nodes_trueleafs": [1]}, "differ in length"),
        ({"splits": [0.0, float("inf")]}, "split 1 is not finite"),
    ],
)
def test_trees_without_an_end_or_a_meaning_are_refused(
    onnx_runner: OnnxRunner, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        onnx_runner.run(sets(**change), {"x": np.zeros((1, 4), np.float32)})
