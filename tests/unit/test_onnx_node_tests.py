"""ONNX's own node tests, as shipped with the `onnx` package, for every operator that the interpreter runs."""

import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

from p2pnode.inference.operators import ML_OPERATORS, OPERATORS
from tests.unit.onnx_runner import Arrays, OnnxRunner, Refused, assert_same

TYPES = frozenset(
    onnx.TensorProto.DataType.Value(name) for name in ("FLOAT", "UINT8", "INT8", "INT32", "INT64", "BOOL")
)
FIRST_OPSET = 13

# Tests whose operators and types run, but which ask for something that is refused on purpose.
REFUSED = {
    "test_dequantizelinear_blocked": '"block_size" = 2 is not supported',
    "test_mod_float_edge_cases_fmod_0_float32": "holds NaN",
    "test_quantizelinear_blocked_asymmetric": '"block_size" = 2 is not supported',
    "test_maxpool_with_argmax_2d_precomputed_pads": "2 outputs are used",
    "test_maxpool_with_argmax_2d_precomputed_strides": "2 outputs are used",
}
LEAST_RUN = 662


def element_types(model: onnx.ModelProto) -> set[int]:
    values = [*model.graph.input, *model.graph.output]
    constants = [a.t.data_type for n in model.graph.node for a in n.attribute if a.HasField("t")]
    casts = [a.i for n in model.graph.node if n.op_type == "Cast" for a in n.attribute if a.name == "to"]
    return {v.type.tensor_type.elem_type for v in values} | set(constants) | set(casts)


def with_constants(model: onnx.ModelProto, arrays: Arrays) -> tuple[onnx.ModelProto, Arrays]:
    """The job with its empty and non-finite inputs, which nobody may send, as constants of the model."""
    fixed = {
        name: array
        for name, array in arrays.items()
        if not array.size or (array.dtype.kind == "f" and not np.isfinite(array).all())
    }
    if not fixed:
        return model, arrays
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in fixed.items())
    return copy, {name: array for name, array in arrays.items() if name not in fixed}


def is_current(model: onnx.ModelProto) -> bool:
    """Whether the first opset that runs still defines every node as the model's own opset does."""
    (imported,) = model.opset_import
    if imported.domain or imported.version >= FIRST_OPSET:
        return True
    current = (onnx.defs.get_schema(node.op_type, FIRST_OPSET).since_version for node in model.graph.node)
    return all(since <= imported.version for since in current)


def raised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in the first opset that runs, if its own is older."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if not copy.opset_import[0].domain:
        copy.opset_import[0].version = max(FIRST_OPSET, model.opset_import[0].version)
    return copy


@pytest.fixture(scope="module")
def cases() -> list[TestCase]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # making some cases divides by zero on purpose
        found = collect_testcases(None)
    models = [(c, c.model) for c in found if c.model is not None]
    return [
        case
        for case, model in models
        if {n.op_type for n in model.graph.node} <= OPERATORS | ML_OPERATORS
        and element_types(model) <= TYPES
        and is_current(model)
    ]


def test_node_tests_of_onnx(onnx_runner: OnnxRunner, cases: list[TestCase]) -> None:
    jobs: list[tuple[onnx.ModelProto, Arrays]] = []
    expected: list[tuple[TestCase, list[np.ndarray]]] = []
    for case in cases:
        assert case.model is not None
        assert case.data_sets is not None
        for inputs, outputs in case.data_sets:
            names = [v.name for v in case.model.graph.input]
            arrays = {n: np.asarray(a) for n, a in zip(names, inputs, strict=True)}
            jobs.append(with_constants(raised(case.model), arrays))
            expected.append((case, [np.asarray(a) for a in outputs]))
    ran: set[str] = set()
    refused: dict[str, str] = {}
    for (case, outputs), result in zip(expected, onnx_runner.run_many(jobs), strict=True):
        if isinstance(result, Refused):
            refused[case.name] = str(result)
            continue
        for found, wanted in zip(result.values(), outputs, strict=True):
            assert_same(found, wanted, case.rtol, case.atol)
        ran.add(case.name)
    for name, reason in sorted(refused.items()):
        print(f"refused {name}: {reason}")
    print(f"{len(ran)} node tests agree")
    unexpected = {n: r for n, r in refused.items() if REFUSED.get(n, "\0") not in r}
    assert not unexpected
    assert len(ran) >= LEAST_RUN
    covered = {n.op_type for c in cases if c.name in ran and c.model is not None for n in c.model.graph.node}
    # The other operators of ai.onnx.ml have no case in these types: scikit-learn's models test them.
    assert covered == OPERATORS | {"ArrayFeatureExtractor", "Binarizer"}
