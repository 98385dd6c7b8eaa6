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

from p2pnode.protocol.tensors import encode_tensors
from tests.unit import onnx_ml_graphs as ml
from tests.unit import test_onnx_ml_vs_ort as models
from tests.unit import test_onnx_recurrent_vs_ort as recurrent
from tests.unit.onnx_graphs import Draw, conv_integer, qgemm, qlinear_conv, qlinear_matmul, quantized_cnn
from tests.unit.onnx_node_cases import job, supported_cases
from tests.unit.onnx_runner import ROOT, Arrays, OnnxRunner, Refused

CORPUS = ROOT / "circuits_guest" / "onnx" / "tests" / "fuzz" / "corpus.bin"
LARGEST = 3000
"""Bytes of a model and its inputs; more only where an operator has none so small."""

EACH = 2
"""Models of an operator beside the two smallest."""

Job = tuple[onnx.ModelProto, Arrays]


def node_tests() -> Iterator[Job]:
    for case in supported_cases():
        if case.model is not None and case.data_sets:
            names = [value.name for value in case.model.graph.input]
            arrays = {n: np.asarray(a) for n, a in zip(names, case.data_sets[0][0], strict=True)}
            yield job(case.model, arrays)


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
    for name, untrained in models.CLASSIFIERS.items():
        if "forest" not in name and "trees" not in name:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = untrained().fit(features[few], classes[few])
            yield ml.export(model, features, zipmap=False), {"X": features[:3]}
    for untrained in models.REGRESSORS.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = untrained().fit(features[few], features[few, 0])
        yield ml.export(model, features), {"X": features[:3]}


def corpus(runner: OnnxRunner) -> list[tuple[bytes, bytes]]:
    """Models and inputs that run: of each operator the smallest ones with it."""
    jobs = [*node_tests(), *own_graphs()]
    found: dict[str, list[tuple[bytes, bytes]]] = {}
    for (model, inputs), result in zip(jobs, runner.run_many(jobs), strict=True):
        if not isinstance(result, Refused):
            entry = (model.SerializeToString(), encode_tensors(inputs))
            for operator in {node.op_type for node in model.graph.node}:
                found.setdefault(operator, []).append(entry)
    out: set[tuple[bytes, bytes]] = set()
    for entries in found.values():
        entries.sort(key=lambda entry: (len(entry[0]) + len(entry[1]), entry))
        # The smallest ones may differ in next to nothing.
        out |= set(entries[:2]) | set(entries[len(entries) // 4 : len(entries) // 2 : 12][:EACH])
    kept = [entry for entry in out if len(entry[0]) + len(entry[1]) <= LARGEST]
    kept += [entries[0] for entries in found.values() if len(b"".join(entries[0])) > LARGEST]
    return sorted(set(kept), key=lambda entry: (len(entry[0]), entry))


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
