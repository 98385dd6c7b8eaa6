"""ONNX's own node tests, as shipped with the `onnx` package, run by the interpreter.

`python -m tests.unit.onnx_node_cases` writes the table of docs/operators.md anew from such a run.
"""

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

from p2pnode.inference.operators import ELEMENT_TYPES, ML_DOMAIN, ML_OPERATORS, OPERATORS, OPSETS
from tests.unit.onnx_graphs import Array
from tests.unit.onnx_runner import ROOT, Arrays, OnnxRunner, Refused, assert_same

RUN = {"": OPERATORS, ML_DOMAIN: ML_OPERATORS}
PAGE = ROOT / "docs" / "operators.md"
BEGIN, END = "<!-- begin: python -m tests.unit.onnx_node_cases -->\n", "<!-- end -->\n"


@dataclass
class NodeTests:
    """What became of each case, by its name."""

    agreed: dict[str, TestCase] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def operators(self) -> set[str]:
        """Operators that took part in a case that agreed."""
        models = (case.model for case in self.agreed.values())
        return {node.op_type for model in models if model is not None for node in model.graph.node}


def element_types(model: onnx.ModelProto) -> set[int]:
    """Types of all inputs, outputs, constants and casts."""
    values = [*model.graph.input, *model.graph.output]
    constants = [a.t.data_type for n in model.graph.node for a in n.attribute if a.HasField("t")]
    casts = [a.i for n in model.graph.node if n.op_type == "Cast" for a in n.attribute if a.name == "to"]
    return {v.type.tensor_type.elem_type for v in values} | set(constants) | set(casts)


def is_current(model: onnx.ModelProto) -> bool:
    """Whether the first opset that runs defines every node as the model's own opset does."""
    versions = {imported.domain: imported.version for imported in model.opset_import}
    if versions.get("", OPSETS.start) >= OPSETS.start:
        return True
    current = (onnx.defs.get_schema(node.op_type, OPSETS.start).since_version for node in model.graph.node)
    return all(since <= versions[""] for since in current)


def job(model: onnx.ModelProto, arrays: Arrays) -> tuple[onnx.ModelProto, Arrays]:
    """The model, in the first opset that runs if its own is older, and its inputs.

    Empty and non-finite inputs, which nobody may send, become constants of the model.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for imported in copy.opset_import:
        if imported.domain == "":
            imported.version = max(OPSETS.start, imported.version)
    fixed = {
        name: array
        for name, array in arrays.items()
        if not array.size or (array.dtype.kind == "f" and not np.isfinite(array).all())
    }
    copy.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in fixed.items())
    return copy, {name: array for name, array in arrays.items() if name not in fixed}


def in_single(case: TestCase) -> TestCase:
    """A case of Einsum, all of which are in float64, in float32."""
    assert case.model is not None
    assert case.data_sets is not None
    if {node.op_type for node in case.model.graph.node} != {"Einsum"}:
        return case
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    sets = [(singles(given), singles(wanted)) for given, wanted in case.data_sets]
    return replace(case, model=model, data_sets=sets)


def singles(arrays: Sequence[Array]) -> list[Array]:
    return [np.asarray(array, np.float32) for array in arrays]


def supported_cases() -> Iterator[TestCase]:
    """Cases of the operators and types that the interpreter runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # making some cases divides by zero on purpose
        found = collect_testcases(None)
    for case in found:
        if case.model is None:
            continue
        case = in_single(case)
        model = case.model
        assert model is not None
        if (
            all(node.op_type in RUN.get(node.domain, ()) for node in model.graph.node)
            and element_types(model) <= ELEMENT_TYPES.keys()
            and is_current(model)
        ):
            yield case


def run_node_tests(runner: OnnxRunner) -> NodeTests:
    """Run every supported case."""
    jobs: list[tuple[onnx.ModelProto, Arrays]] = []
    expected: list[tuple[TestCase, list[np.ndarray]]] = []
    for case in supported_cases():
        assert case.model is not None
        assert case.data_sets is not None
        for inputs, outputs in case.data_sets:
            names = [v.name for v in case.model.graph.input]
            arrays = {n: np.asarray(a) for n, a in zip(names, inputs, strict=True)}
            jobs.append(job(case.model, arrays))
            expected.append((case, [np.asarray(a) for a in outputs]))
    tests = NodeTests()
    for (case, outputs), result in zip(expected, runner.run_many(jobs), strict=True):
        if isinstance(result, Refused):
            tests.refused[case.name] = str(result)
            continue
        try:
            for found, wanted in zip(result.values(), outputs, strict=True):
                assert_same(found, wanted, case.rtol, case.atol)
        except AssertionError as error:
            tests.wrong[case.name] = str(error)
        else:
            tests.agreed[case.name] = case
    return tests


def table(runner: OnnxRunner, tests: NodeTests) -> str:
    """Operators, the opsets in which they run, and how many node tests of which types agree."""
    lines = [
        "| operator | opsets | node tests that agree | types in these |",
        "|---|---|---|---|",
    ]
    for domain, name, least, most in runner.operators():
        models = [case.model for case in tests.agreed.values() if case.model is not None]
        models = [m for m in models if any(node.op_type == name for node in m.graph.node)]
        types = sorted({ELEMENT_TYPES[t] for m in models for t in element_types(m)})
        title = f"{domain}.{name}" if domain else name
        lines.append(f"| {title} | {least} to {most} | {len(models)} | {', '.join(types)} |")
    return "\n".join(lines) + "\n"


def written_table() -> str:
    """The table as it stands in the docs."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    """Write the table into the docs."""
    with tempfile.TemporaryDirectory() as folder:
        runner = OnnxRunner.build(Path(folder))
        new = table(runner, run_node_tests(runner))
    PAGE.write_text(PAGE.read_text().replace(BEGIN + written_table() + END, BEGIN + new + END))


if __name__ == "__main__":
    main()
