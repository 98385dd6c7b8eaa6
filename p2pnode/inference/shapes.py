"""How large a model's values become, known before it runs.

A file of a few bytes can ask for any amount of memory: forty Concat nodes that each double their input, or
a thousand Unsqueeze nodes that each add 64 dims. Shapes are inferred node by node on a skeleton of the model
without its weights, and each is checked before the next node reads it. Shape arithmetic is computed on the
way (`folding`), a few elements at a time, instead of by onnx's data propagation, which can itself be made to
fill memory. A shape that does not follow from those of the inputs, or is too large, is refused.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import onnx
from onnx import TensorProto, TypeProto, helper, numpy_helper, shape_inference

from p2pnode.errors import InferenceError
from p2pnode.inference.folding import MAX_FOLDED, Array, UnknownValue, fold, shape_of
from p2pnode.inference.ml_shapes import stand_ins
from p2pnode.inference.operators import MAX_ELEMENTS, MICROSOFT_DOMAIN, ML_DOMAIN
from p2pnode.inference.steps import MAX_STEPS, Shape, steps_of
from p2pnode.protocol.tensors import MAX_RANK

MAX_TOTAL = 1 << 26
"""Most elements of all values of a run together."""


def check_size(name: str, dims: Iterable[int]) -> int:
    """Elements of a tensor with these dims. Raises InferenceError."""
    size = 1
    for rank, dim in enumerate(dims):
        if rank == MAX_RANK:
            raise InferenceError(f"tensor {name!r:.100} has more than {MAX_RANK} dimensions; reshape it")
        size *= dim
        # Within the loop: a negative dim must not be undone by another, nor a large one by a zero.
        if not 0 <= dim <= MAX_ELEMENTS or size > MAX_ELEMENTS:
            raise InferenceError(
                f"tensor {name!r:.100} has dim {dim}; at most {MAX_ELEMENTS} elements are run"
            )
    return size


def skeleton_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with its constants as inputs, but for small ones: shapes are made of those."""
    skeleton = onnx.ModelProto(ir_version=max(model.ir_version, 4), opset_import=model.opset_import)
    graph = skeleton.graph
    graph.name = "skeleton"
    graph.output.extend(model.graph.output)
    constants = {tensor.name for tensor in model.graph.initializer}
    graph.input.extend(value for value in model.graph.input if value.name not in constants)
    for tensor in model.graph.initializer:
        if check_size(tensor.name, tensor.dims) <= MAX_FOLDED:
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
    skeleton = folded(skeleton)
    try:
        graph = shape_inference.infer_shapes(skeleton, check_type=True, strict_mode=True).graph
    except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise _misfit(error) from error
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
    if shapes is not None:
        _check_steps(graph)
    return types


def _check_steps(graph: onnx.GraphProto) -> None:
    """Refuse a run that would take too long. All shapes are known. Raises InferenceError."""
    sizes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.output, *graph.input, *graph.value_info):
        sizes[value.name] = _dims(value.type) or ()
    steps = sum(steps_of(node, sizes) for node in graph.node)
    if steps > MAX_STEPS:
        raise InferenceError(f"a run takes {steps} multiplications; at most {MAX_STEPS} are run")


def folded(skeleton: onnx.ModelProto) -> onnx.ModelProto:
    """The skeleton with its shape arithmetic as constants, once no value that follows is too large.

    Raises InferenceError.
    """
    out = onnx.ModelProto()
    out.CopyFrom(skeleton)
    del out.graph.node[:]
    versions = {imported.domain: imported.version for imported in skeleton.opset_import}
    types = {value.name: value.type for value in skeleton.graph.input}
    known: dict[str, Array] = {}
    for tensor in skeleton.graph.initializer:
        types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        known[tensor.name] = numpy_helper.to_array(tensor)
    for node in skeleton.graph.node:
        inferred = _inferred(node, skeleton, versions, types, known)
        types |= inferred
        values = _values(node, types, known)
        known |= values
        if not values:
            out.graph.node.append(node)
    given = {tensor.name for tensor in skeleton.graph.initializer}
    read = {name for node in out.graph.node for name in node.input} | {v.name for v in out.graph.output}
    out.graph.initializer.extend(
        numpy_helper.from_array(known[name], name) for name in sorted((read - given) & known.keys())
    )
    return out


def _inferred(
    node: onnx.NodeProto,
    skeleton: onnx.ModelProto,
    versions: Mapping[str, int],
    types: Mapping[str, TypeProto],
    known: Mapping[str, Array],
) -> dict[str, TypeProto]:
    """Types of a node's outputs, none too large, so far as those of its inputs are known."""
    read = {name for name in node.input if name}
    if not read <= types.keys():
        return {}
    constants = {name: numpy_helper.from_array(known[name], name) for name in read & known.keys()}
    try:
        schema = onnx.defs.get_schema(node.op_type, versions.get(node.domain, 1), node.domain)
        found = shape_inference.infer_node_outputs(
            schema,
            node,
            {name: types[name] for name in read},
            constants,
            opset_imports=list(skeleton.opset_import),
            ir_version=skeleton.ir_version,
        )
    except (
        onnx.checker.ValidationError,
        onnx.defs.SchemaError,
        shape_inference.InferenceError,
        ValueError,
        RuntimeError,
    ) as error:
        raise _misfit(error) from error
    for name, kind in found.items():
        dims = kind.tensor_type.shape.dim
        check_size(name, (dim.dim_value if dim.HasField("dim_value") else 1 for dim in dims))
    return found


def _values(
    node: onnx.NodeProto, types: Mapping[str, TypeProto], known: Mapping[str, Array]
) -> dict[str, Array]:
    """The outputs of a node of shape arithmetic, or nothing where they are not known."""
    if node.domain or not all(node.output) or not all(name in types for name in node.output):
        return {}
    if node.op_type in ("Shape", "Size"):
        dims = _dims(types[node.input[0]]) if node.input[0] in types else None
        return {} if dims is None else {node.output[0]: shape_of(node, dims)}
    shapes = [_dims(types[name]) for name in node.output]
    if not all(name in known for name in node.input if name):
        return {}
    inputs = [known.get(name) for name in node.input]
    try:
        values = fold(node, inputs, [shape for shape in shapes if shape is not None])
    except UnknownValue:
        return {}
    return dict(zip(node.output, values, strict=True))


def _dims(kind: TypeProto) -> Shape | None:
    """The dims of a tensor if all are known."""
    tensor = kind.tensor_type
    if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    return tuple(dim.dim_value for dim in tensor.shape.dim)


def _misfit(error: Exception) -> InferenceError:
    return InferenceError(f"model does not fit together: {str(error).strip():.500}")
