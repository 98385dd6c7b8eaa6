"""scikit-learn models as `skl2onnx` exports them, and tree ensembles drawn at random, against ONNX Runtime.

Labels and other integers must be equal; scores agree closely, as sums run in another order.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.ensemble import (  # type: ignore[import-untyped]
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier, MLPRegressor  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import (  # type: ignore[import-untyped]
    Binarizer,
    MinMaxScaler,
    Normalizer,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, NuSVC, OneClassSVM  # type: ignore[import-untyped]
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # type: ignore[import-untyped]

from p2pnode.inference.model import describe_model
from p2pnode.inference.operators import ML_DOMAIN as ML
from tests.unit.onnx_ml_graphs import export, feature_graphs, flowers, ml_model, random_trees, small, with_nan
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused, assert_same
from tests.unit.test_onnx_vs_ort import by_ort

Models = dict[str, Callable[[], Any]]

CLASSIFIERS: Models = {
    "logistic": lambda: LogisticRegression(),
    "standardised": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "tree": lambda: DecisionTreeClassifier(max_depth=4),
    "forest": lambda: RandomForestClassifier(7, max_depth=5, random_state=0),
    "extra trees": lambda: ExtraTreesClassifier(5, random_state=0),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=5, random_state=0),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=4),
    "rbf machine": lambda: SVC(),
    "linear machine": lambda: make_pipeline(StandardScaler(), SVC(kernel="linear")),
    "cubic machine": lambda: make_pipeline(StandardScaler(), SVC(kernel="poly", degree=3)),
    "sigmoid machine": lambda: make_pipeline(StandardScaler(), SVC(kernel="sigmoid")),
    "nu machine": lambda: NuSVC(nu=0.2),
    "perceptron": lambda: make_pipeline(MinMaxScaler(), MLPClassifier((9,), solver="lbfgs", random_state=0)),
    "scaled tree": lambda: make_pipeline(
        RobustScaler(), Normalizer("l2"), DecisionTreeClassifier(max_depth=3)
    ),
    "binarised": lambda: make_pipeline(SimpleImputer(), Binarizer(threshold=2.0), LogisticRegression()),
    "ordinal": lambda: make_pipeline(OrdinalEncoder(), DecisionTreeClassifier(max_depth=3)),
}
REGRESSORS: Models = {
    "linear": lambda: LinearRegression(),
    "ridge": lambda: make_pipeline(StandardScaler(), Ridge()),
    "tree": lambda: DecisionTreeRegressor(max_depth=4),
    "forest": lambda: RandomForestRegressor(7, max_depth=5, random_state=0),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=5, random_state=0),
    "histogram boosting": lambda: HistGradientBoostingRegressor(max_iter=4),
    "rbf machine": lambda: SVR(),
    "linear machine": lambda: make_pipeline(StandardScaler(), SVR(kernel="linear")),
    "perceptron": lambda: make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(9,), max_iter=60, random_state=0)
    ),
}


def check_described(model: onnx.ModelProto, inputs: Arrays, outputs: Arrays) -> None:
    """What is known of a model before it runs holds: its types, and sizes from those of its inputs."""
    shapes = {name: array.shape for name, array in inputs.items()}
    info = describe_model(model.SerializeToString())
    info.check_run(shapes)
    sized = onnx.ModelProto()
    sized.CopyFrom(info.skeleton)
    for value in sized.graph.input:
        if value.name in shapes:
            kind = value.type.tensor_type.elem_type
            value.CopyFrom(helper.make_tensor_value_info(value.name, kind, shapes[value.name]))
    del sized.graph.output[:]
    graph = onnx.shape_inference.infer_shapes(sized, strict_mode=True).graph
    inferred = {value.name: value.type.tensor_type for value in graph.value_info}
    for name, array in outputs.items():
        found = inferred[name]
        assert tuple(dim.dim_value for dim in found.shape.dim) == array.shape
        assert found.elem_type == helper.np_dtype_to_tensor_dtype(array.dtype)


def compare(runner: OnnxRunner, names: list[str], jobs: list[tuple[onnx.ModelProto, Arrays]]) -> list[Arrays]:
    found = []
    for name, (model, inputs), result in zip(names, jobs, runner.run_many(jobs), strict=True):
        assert not isinstance(result, Refused), f"{name}: {result}"
        expected = by_ort(model, inputs)
        assert len(expected) == len(result)
        check_described(model, inputs, result)
        for ours, theirs in zip(result.values(), expected, strict=True):
            assert_same(ours, theirs, rtol=2e-5, atol=2e-5)
        found.append(result)
    return found


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_of_scikit_learn(onnx_runner: OnnxRunner, classes: int) -> None:
    features, labels = flowers()
    # Labels that are not their own places.
    labels = np.array([7, 3, 11])[:classes][labels % classes] if classes == 3 else np.where(labels == 1, 5, 2)
    jobs, trained = [], []
    for make in CLASSIFIERS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # perceptrons stop before they converge
            trained.append(make().fit(features, labels))
        jobs.append((export(trained[-1], features, zipmap=False), {"X": features}))
    for name, model, result in zip(
        CLASSIFIERS, trained, compare(onnx_runner, list(CLASSIFIERS), jobs), strict=True
    ):
        named = next(iter(result.values()))
        assert len(set(named.tolist())) == classes, f"{name} names one class alone"
        assert np.mean(named == model.predict(features)) > 0.98, name


def test_regressors_of_scikit_learn(onnx_runner: OnnxRunner) -> None:
    features, classes = flowers()
    goal = features[:, 0] + features[:, 1] * classes
    jobs = []
    for make in REGRESSORS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            jobs.append((export(make().fit(features, goal), features), {"X": features}))
    two = np.stack([goal, -3 * goal], axis=1)
    for both in (LinearRegression(), RandomForestRegressor(3, max_depth=3, random_state=0)):
        model = export(both.fit(features, two), features)
        # The exporter declares one column for a forest with two goals.
        model.graph.output[0].type.tensor_type.ClearField("shape")
        jobs.append((model, {"X": features}))
    # Not the flowers themselves: support vectors lie on the boundary, where the last bit of a sum decides.
    jobs.append((export(OneClassSVM(nu=0.3).fit(features), features), {"X": features + np.float32(0.03)}))
    compare(onnx_runner, [*REGRESSORS, "two goals", "forest of two", "one class"], jobs)


def test_machines_with_probabilities(onnx_runner: OnnxRunner) -> None:
    """Platt's scaling of two classes, and the coupling of the pairs of three."""
    features, classes = flowers()
    jobs = []
    for labels in (classes, (classes == 1).astype(np.int64)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated there, but found in exported models
            model = SVC(probability=True, random_state=0).fit(features, labels)
        jobs.append((export(model, features, zipmap=False), {"X": features}))
    compare(onnx_runner, ["three", "two"], jobs)


def test_random_tree_regressors(onnx_runner: OnnxRunner) -> None:
    jobs = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        nodes, features, inputs = with_nan(rng, np.float32)
        targets = int(rng.integers(1, 4))
        based = rng.integers(2)
        # ONNX Runtime leaves the base value of a target out where no leaf on the way names that target.
        a = random_trees(rng, "target", list(range(targets)), -1.0, targets if based else 1)
        aggregate = ("SUM", "AVERAGE", "MIN", "MAX")[seed % 4]
        if based:
            a["base_values"] = [float(v) for v in rng.normal(0, 1, targets)]
        if targets > 1:
            a["post_transform"] = str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]))
        tree = helper.make_node(
            "TreeEnsembleRegressor", [features], ["y"], domain=ML, n_targets=targets,
            aggregate_function=aggregate, **a,
        )  # fmt: skip
        jobs.append((ml_model([*nodes, tree], inputs, {"y": TensorProto.FLOAT}), inputs))
    found = compare(onnx_runner, [f"seed {seed}" for seed in range(80)], jobs)
    assert sum(len(np.unique(result["y"])) > 4 for result in found) > 40


def test_random_tree_classifiers(onnx_runner: OnnxRunner) -> None:
    jobs = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        nodes, features, inputs = with_nan(rng, (np.float32, np.float32, np.int64, np.int32)[seed % 4])
        classes = int(rng.integers(2, 5))
        given = list(range(classes)) if classes > 2 else [int(rng.integers(2))]
        a = random_trees(rng, "class", given, float(rng.choice([0.0, -1.0])))
        a["post_transform"] = str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]))
        if given == [0] and a["post_transform"].startswith("SOFTMAX"):
            a["post_transform"] = "LOGISTIC"
        if rng.integers(2) and given != [1]:
            a["base_values"] = [float(v) for v in rng.normal(0, 0.3, classes if classes > 2 else 1)]
        labels = [int(label) for label in rng.permutation(50)[:classes]]
        tree = helper.make_node(
            "TreeEnsembleClassifier", [features], ["y", "z"], domain=ML, classlabels_int64s=labels, **a
        )
        outputs: dict[str, int] = {"y": TensorProto.INT64, "z": TensorProto.FLOAT}
        jobs.append((ml_model([*nodes, tree], inputs, outputs), inputs))
    found = compare(onnx_runner, [f"seed {seed}" for seed in range(120)], jobs)
    assert sum(len(np.unique(result["y"])) > 1 for result in found) > 60


def test_feature_operators(onnx_runner: OnnxRunner) -> None:
    graphs = feature_graphs()
    compare(onnx_runner, list(graphs), list(graphs.values()))


def test_what_is_refused_says_what_to_do(onnx_runner: OnnxRunner) -> None:
    features, classes = flowers()
    words = np.array(["a", "b", "c"])[classes]
    maps = export(LogisticRegression().fit(features, classes), features)
    named = export(LogisticRegression().fit(features, words), features, zipmap=False)
    tree = dict(random_trees(np.random.default_rng(1), "target", [0], 0.0), n_targets=1)
    loop = {**tree, "nodes_truenodeids": tree["nodes_falsenodeids"]}
    x = {"x": features[:2]}
    steps = 4097
    deep: dict[str, Any] = {
        "nodes_treeids": [0] * (2 * steps + 1),
        "nodes_nodeids": list(range(2 * steps + 1)),
        "nodes_featureids": [0] * (2 * steps + 1),
        "nodes_modes": ["BRANCH_LEQ"] * steps + ["LEAF"] * (steps + 1),
        "nodes_values": [0.0] * (2 * steps + 1),
        "nodes_truenodeids": [*range(1, steps), 2 * steps, *[0] * (steps + 1)],
        "nodes_falsenodeids": [*range(steps, 2 * steps), *[0] * (steps + 1)],
        "target_treeids": [0] * (steps + 1),
        "target_nodeids": list(range(steps, 2 * steps + 1)),
        "target_ids": [0] * (steps + 1),
        "target_weights": [1.0] * (steps + 1),
        "n_targets": 1,
    }
    refused = {
        "zipmap=False": (maps, {"X": features}),
        "train on integers": (named, {"X": features}),
        '"PROBIT" is not supported': small(
            "LinearRegressor", x, coefficients=[1.0] * 4, post_transform="PROBIT"
        ),
        "is reached twice": small("TreeEnsembleRegressor", x, **loop),
        "deeper than 4096": small("TreeEnsembleRegressor", x, **deep),
        "no support vectors": small(
            "SVMRegressor", x, coefficients=[1.0] * 4, rho=[0.0], kernel_params=[0.1, 0.0, 3.0]
        ),
        "3 features given, the model takes 4": small(
            "LinearRegressor", {"x": features[:2, :3]}, coefficients=[1.0] * 4
        ),
    }  # fmt: skip
    for (reason, _), result in zip(
        refused.items(), onnx_runner.run_many(list(refused.values())), strict=True
    ):
        assert isinstance(result, Refused), reason
        assert reason in str(result), str(result)
