"""Lays a quantised model out so that the guest reads its weights where they lie in the file.

The guest pays a cycle for each instruction and about two more for each word of memory that it touches. A
matrix of uint8 that starts at a multiple of four bytes goes to the accelerator as it is; one of int8, or one
that lies between words, is copied first. So the weights of matrix products become uint8 with a zero point 128
higher, in rows of one input each, and behind the constants, of which one of each value stays, the matrices
start at a word. None of that changes an answer.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from google.protobuf.message import Message

from p2pnode.inference.quantise_graph import Array, Rewriting, attribute

WORD = 4
"""Bytes that a matrix's first byte has to be a multiple of."""

_WEIGHTS = {"MatMulInteger": (1, 3), "QGemm": (3, 5), "QLinearMatMul": (3, 5)}
"""Of each product: which inputs are the weights and their zero point."""


def lay_out(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model, its matrices in place."""
    graph = Rewriting(model)
    for node in list(graph.nodes):
        if node.op_type in _WEIGHTS:
            _as_read(graph, node)
    _share(graph)
    done = graph.finish()
    weights = {node.input[_WEIGHTS[node.op_type][0]] for node in _products(done)}
    _align(done, weights)
    return done


def _products(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    return (node for node in model.graph.node if node.op_type in _WEIGHTS)


def _as_read(graph: Rewriting, node: onnx.NodeProto) -> None:
    """Unsigned weights, a row for each element of the input."""
    at, zero_at = _WEIGHTS[node.op_type]
    weights = graph.constant(node.input[at])
    zero = graph.constant(node.input[zero_at]) if len(node.input) > zero_at else np.zeros((), np.int8)
    # Signed inputs take signed weights in ONNX Runtime's kernels.
    signed_input = node.op_type != "MatMulInteger" and _is_signed(graph.constant(node.input[2]))
    if weights is None or zero is None or weights.ndim != 2 or signed_input:
        return
    if attribute(node, "transB", 0):
        weights = weights.T
        kept = [one for one in node.attribute if one.name != "transB"]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.input[at] = graph.add_constant(node.output[0], np.ascontiguousarray(weights))
    if weights.dtype == np.int8 and zero.dtype == np.int8 and len(node.input) > zero_at:
        node.input[at] = graph.add_constant(node.output[0], _higher(weights))
        node.input[zero_at] = graph.add_constant(node.output[0], _higher(zero))


def _is_signed(zero: Array | None) -> bool:
    return zero is None or zero.dtype != np.uint8


def _higher(signed: Array) -> Array:
    """The same numbers, 128 higher."""
    return (signed.astype(np.int16) + 128).astype(np.uint8)


def _share(graph: Rewriting) -> None:
    """One constant of each value, under a short name: each costs the guest some 2,000 cycles."""
    known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    names: dict[str, str] = {}
    for node in graph.nodes:
        for index, name in enumerate(node.input):
            value = graph.constant(name)
            if value is None or name in graph.outputs:
                continue
            if name not in names:
                key = (value.dtype.str, value.shape, value.tobytes())
                if key not in known:
                    known[key] = graph.add_constant("c", value)
                names[name] = known[key]
            node.input[index] = names[name]


def _align(model: onnx.ModelProto, weights: set[str]) -> None:
    """Put the matrices last, each at a word; the description of the one before fills what is missing."""
    graph = model.graph
    ordered = sorted(graph.initializer, key=lambda tensor: tensor.name in weights)
    del graph.initializer[:]
    graph.initializer.extend(ordered)
    for index in range(1, len(ordered)):
        if graph.initializer[index].name in weights:
            # Twice a word's lengths: one more byte may lengthen the varints of the lengths around it too.
            for length in range(2 * WORD):
                graph.initializer[index - 1].doc_string = " " * length
                if data_start(model, index) % WORD == 0:
                    break


def data_start(model: onnx.ModelProto, index: int) -> int:
    """Where the raw data of an initialiser starts in the file.

    Fields are written by rising number, as serialisers of Protocol Buffers do: opsets and metadata are the
    model's only ones behind the graph, nodes and name the graph's only ones before its initialisers, and the
    description a tensor's only one behind its data.
    """
    graph, tensor = model.graph, model.graph.initializer[index]
    behind = sum(_field(part) for part in (*model.opset_import, *model.metadata_props))
    before = model.ByteSize() - behind - graph.ByteSize()
    before += sum(_field(part) for part in (*graph.node, *graph.initializer[:index]))
    before += _length(len(graph.name.encode())) if graph.HasField("name") else 0
    described = _length(len(tensor.doc_string.encode())) if tensor.HasField("doc_string") else 0
    return before + _field(tensor) - described - len(tensor.raw_data)


def _field(message: Message) -> int:
    """Bytes of a message within another, under a field number below 16."""
    return _length(message.ByteSize())


def _length(size: int) -> int:
    """Tag, length and content of a field."""
    return 1 + max(1, -(-size.bit_length() // 7)) + size
