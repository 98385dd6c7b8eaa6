"""The models that fuzzing starts from reach every operator."""

import onnx

from p2pnode.inference.operators import MICROSOFT_OPERATORS, ML_OPERATORS, OPERATORS
from tests.unit.onnx_corpus import read


def test_the_corpus_has_every_operator() -> None:
    models = [onnx.ModelProto.FromString(model) for model, _ in read()]
    found = {node.op_type for model in models for node in model.graph.node}
    missing = (OPERATORS | ML_OPERATORS | MICROSOFT_OPERATORS) - found
    assert not missing, "write the corpus again: python -m tests.unit.onnx_corpus"
