"""How large a model's values become, known before it runs.

A file of a few bytes can ask for any amount of memory: forty Concat nodes that each double their input. No
supported operator makes a shape out of data, so every shape follows from those of the inputs; what does
not, or is too large, is refused. Shapes are inferred on a skeleton of the model without its weights, and
never with onnx's data propagation, which computes small tensors and can itself be made to fill memory.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import onnx
from onnx import TensorProto, helper, shape_inference

from p2pnode.errors import InferenceError
from p2pnode.inference.ml_shapes import stand_ins
from p2pnode.inference.operators import MAX_ELEMENTS, MICROSOFT_DOMAIN, ML_DOMAIN

MAX_TOTAL = 1 << 26
"""Most elements of all values of a run together."""

_SMALL = 64
"""Constants up to this many elements stay in the skeleton: Reshape and Unsqueeze read theirs."""


def check_size(name: str, dims: Iterable[int]) -> int:
    """Elements of a tensor with these dims. Raises InferenceError."""
    size = 1
    for dim in dims:
        size *= dim
        # Within the loop: a negative dim must not be undone by another, nor a large one by a zero.
        if not 0 <= dim <= MAX_ELEMENTS or size > MAX_ELEMENTS:
            raise InferenceError(
                f"tensor {name!r:.100} has dim {dim}; at most {MAX_ELEMENTS} elements are run"
            )
    return size


def skeleton_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with its larger constants as inputs of their type and shape."""
    skeleton = onnx.ModelProto(ir_version=max(model.ir_version, 4), opset_import=model.opset_import)
    graph = skeleton.graph
    graph.name = "skeleton"
    graph.output.extend(model.graph.output)
    constants = {tensor.name for tensor in model.graph.initializer}
    graph.input.extend(value for value in model.graph.input if value.name not in constants)
    for tensor in model.graph.initializer:
        if check_size(tensor.name, tensor.dims) <= _SMALL:
            graph.initializer.append(tensor)
        else:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    lists = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 1}
    lists |= {v.name for v in model.graph.input if len(v.type.tensor_type.shape.dim) == 1}
    for node in model.graph.node:
        if node.domain == MICROSOFT_DOMAIN:
            graph.node.extend(_like_qgemm(node, model))
        elif node.domain == ML_DOMAIN:
            known = stand_ins(node, lists)
            graph.node.extend(known.nodes)
            graph.input.extend(known.inputs)
        else:
            graph.node.append(node)
    return skeleton


def _like_qgemm(node: onnx.NodeProto, model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Nodes with QGemm's types and shapes, which onnx does not know: inputs a, _, _, b, ..., y zero point."""
    output = node.output[0]
    zero_point = node.input[8] if len(node.input) > 8 else ""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    a, b, y = (f"{output}/{part}" for part in "aby")
    transposed: dict[str, Any] = {a.name: a.i for a in node.attribute if a.name in ("transA", "transB")}
    return [
        helper.make_node("Cast", [node.input[0]], [a], to=TensorProto.FLOAT),
        helper.make_node("Cast", [node.input[3]], [b], to=TensorProto.FLOAT),
        helper.make_node("Gemm", [a, b], [y], **transposed),
        helper.make_node("Cast", [y], [output], to=types.get(zero_point, TensorProto.FLOAT)),
    ]


def check_values(skeleton: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]] | None) -> dict[str, int]:
    """Type of every value (TensorProto.DataType), once none is too large. Raises InferenceError.

    With `shapes` of the inputs every value must have a known shape; without, only what is known is checked.
    """
    if shapes is not None:
        sized = onnx.ModelProto()
        sized.CopyFrom(skeleton)
        for value in sized.graph.input:
            if value.name in shapes:
                tensor = value.type.tensor_type
                tensor.CopyFrom(
                    helper.make_tensor_type_proto(tensor.elem_type, shapes[value.name]).tensor_type
                )
        skeleton = sized
    try:
        graph = shape_inference.infer_shapes(skeleton, check_type=True, strict_mode=True).graph
    except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise InferenceError(f"model does not fit together: {str(error).strip():.500}") from error
    types: dict[str, int] = {}
    total = 0
    for value in (*graph.output, *graph.input, *graph.value_info):
        tensor = value.type.tensor_type
        types[value.name] = tensor.elem_type
        known = [dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value")]
        total += check_size(value.name, known)
        if shapes is not None and (not tensor.HasField("shape") or len(known) < len(tensor.shape.dim)):
            raise InferenceError(f"size of value {value.name!r:.100} does not follow from the model's inputs")
    if total > MAX_TOTAL:
        raise InferenceError(f"model's values have {total} elements together; at most {MAX_TOTAL} are run")
    computed = {output for node in graph.node for output in node.output if output}
    if shapes is not None and not computed <= types.keys():
        missing = min(computed - types.keys())
        raise InferenceError(f"size of value {missing!r:.100} does not follow from the model's inputs")
    return types
