"""Small models that reach every operator of the interpreter: what its fuzzing starts from.

`python -m tests.unit.onnx_corpus` writes `circuits_guest/onnx/tests/fuzz/corpus.bin`: for each model
`u32 length | ONNX file | u32 length | inputs in the canonical encoding`, little-endian. The models are
ONNX's own node tests and those of this folder that are compared with ONNX Runtime, the smallest first.
"""

import struct
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

from p2pnode.inference.operators import ML_OPERATORS, OPERATORS
from p2pnode.protocol.tensors import encode_tensors
from tests.unit import test_onnx_ml_vs_ort as ml
from tests.unit import test_onnx_recurrent_vs_ort as recurrent
from tests.unit.onnx_graphs import Draw, conv_integer, qgemm, qlinear_conv, qlinear_matmul, quantized_cnn
from tests.unit.onnx_runner import ROOT, Arrays, OnnxRunner, Refused
from tests.unit.test_onnx_node_tests import TYPES, element_types, is_current, raised, with_constants

CORPUS = ROOT / "circuits_guest" / "onnx" / "tests" / "fuzz" / "corpus.bin"
LARGEST = 4000
EACH = 3
"""Models that are taken for one set of operators."""

Job = tuple[onnx.ModelProto, Arrays]


def node_tests() -> Iterator[Job]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    for case in cases:
        model = case.model
        if model is None or not case.data_sets:
            continue
        known = {node.op_type for node in model.graph.node} <= OPERATORS | ML_OPERATORS
        if known and element_types(model) <= TYPES and is_current(model):
            names = [value.name for value in model.graph.input]
            arrays = {n: np.asarray(a) for n, a in zip(names, case.data_sets[0][0], strict=True)}
            yield with_constants(raised(model), arrays)


def own_graphs() -> Iterator[Job]:
    for seed in range(3):
        for make in (qlinear_matmul, qlinear_conv, conv_integer, qgemm, quantized_cnn):
            yield make(Draw(seed))
        for op in recurrent.GATES:
            yield recurrent.recurrent(Draw(seed), op)
        yield from recurrent.selections(Draw(seed)).values()
    yield from ml.feature_graphs().values()
    features, classes = ml.flowers()
    few = slice(None, None, 25)
    for name, make in ml.CLASSIFIERS.items():
        if "forest" not in name and "trees" not in name:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = make().fit(features[few], classes[few])
            yield ml.export(model, features, zipmap=False), {"X": features[:3]}
    for make in ml.REGRESSORS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(features[few], features[few, 0])
        yield ml.export(model, features), {"X": features[:3]}


def corpus(runner: OnnxRunner) -> list[tuple[bytes, bytes]]:
    """Models and inputs that run, a few for each set of operators."""
    jobs = [*node_tests(), *own_graphs()]
    found: dict[tuple[str, ...], list[tuple[bytes, bytes]]] = {}
    for (model, inputs), result in zip(jobs, runner.run_many(jobs), strict=True):
        if not isinstance(result, Refused):
            operators = tuple(sorted({node.op_type for node in model.graph.node}))
            found.setdefault(operators, []).append((model.SerializeToString(), encode_tensors(inputs)))
    out = []
    for entries in found.values():
        entries.sort(key=lambda entry: (len(entry[0]) + len(entry[1]), entry))
        small = [entry for entry in entries if len(entry[0]) + len(entry[1]) <= LARGEST]
        out += small[:: max(1, len(small) // EACH)][:EACH] or entries[:1]
    return sorted(out, key=lambda entry: (len(entry[0]), entry))


def read() -> list[tuple[bytes, bytes]]:
    """The entries of the file."""
    data, parts = CORPUS.read_bytes(), []
    while data:
        (length,) = struct.unpack_from("<I", data)
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return list(zip(parts[::2], parts[1::2], strict=True))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        entries = corpus(OnnxRunner.build(Path(folder)))
    parts = [part for entry in entries for part in entry]
    CORPUS.write_bytes(b"".join(struct.pack("<I", len(part)) + part for part in parts))
    print(f"{len(entries)} models, {CORPUS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
