"""An ONNX file, checked once and described: what it takes, what it gives, whether it is exact.

Bytes of a model come from strangers. They are bounded before they are read, parsed by protobuf alone, and
refused with the reason before ONNX Runtime sees them.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto

from p2pnode.errors import InferenceError
from p2pnode.inference.operators import (
    ELEMENT_TYPES,
    MICROSOFT_DOMAIN,
    MICROSOFT_OPSET,
    ML_DOMAIN,
    ML_OPSETS,
    OPSETS,
    REMEDIES,
    is_supported,
    name_of,
)
from p2pnode.inference.shapes import check_size, check_values, skeleton_of
from p2pnode.models.images import METADATA_KEY, ImageInput

MAX_MODEL = 64 * 1024 * 1024
"""Most bytes of an ONNX file."""
MAX_NODES = 10_000


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of the graph: numpy type name, and dims, of which a name stands for any size."""

    name: str
    dtype: str
    dims: tuple[int | str, ...] | None

    def __str__(self) -> str:
        dims = "any shape" if self.dims is None else "[" + ",".join(map(str, self.dims)) + "]"
        return f"{self.name} {self.dtype} {dims}"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that may be run.

    `exact` says that no value in the graph is floating point (scales of quantised operators aside), so that
    ONNX Runtime's answer equals the proved one bit for bit. `image` is set for models that take images.
    `skeleton` is the graph without its weights, for `check_run`.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: tuple[str, ...]
    opset: int
    size: int
    exact: bool
    image: ImageInput | None
    skeleton: onnx.ModelProto = field(repr=False, compare=False)

    def check_run(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Refuse input shapes that would make a value too large. Raises InferenceError."""
        if fixed_shapes(self.inputs) is None:
            check_values(self.skeleton, shapes)


def read_model(path: Path) -> tuple[bytes, ModelInfo]:
    """Read and check a model file. Raises InferenceError that names what is wrong."""
    data = read_bytes(path)
    return data, describe_model(data)


def read_bytes(path: Path) -> bytes:
    """A model file that is not too large. Raises InferenceError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MODEL + 1)
    except OSError as error:
        raise InferenceError(f"model {path} cannot be read: {error.strerror}; give an ONNX file") from error
    return _bounded(data)


def describe_model(data: bytes) -> ModelInfo:
    """Check the bytes of an ONNX file. Raises InferenceError that names what is wrong."""
    _bounded(data)
    try:
        proto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise InferenceError(f"model is not an ONNX file: {error}") from error
    if not proto.graph.node:
        raise InferenceError("model is not an ONNX file: it has no graph with a node")
    opset = _check_opsets(proto)
    _check_nodes(proto)
    _check_tensors(proto)
    constants = {tensor.name for tensor in proto.graph.initializer}
    inputs = tuple(spec_of(value) for value in proto.graph.input if value.name not in constants)
    skeleton = skeleton_of(proto)
    types = check_values(skeleton, fixed_shapes(inputs))
    return ModelInfo(
        inputs=inputs,
        outputs=tuple(map(spec_of, proto.graph.output)),
        operators=tuple(sorted({name_of(node.domain, node.op_type) for node in proto.graph.node})),
        opset=opset,
        size=len(data),
        exact=_is_exact(proto, types),
        image=_image(proto),
        skeleton=skeleton,
    )


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_MODEL:
        raise InferenceError(f"model has more than {MAX_MODEL} bytes; give a smaller one")
    return data


def fixed_shapes(inputs: tuple[TensorSpec, ...]) -> dict[str, tuple[int, ...]] | None:
    """Shapes of the inputs by name, or None when a run decides one."""
    shapes = {}
    for spec in inputs:
        if spec.dims is None or any(isinstance(dim, str) for dim in spec.dims):
            return None
        shapes[spec.name] = tuple(dim for dim in spec.dims if isinstance(dim, int))
    return shapes


def _check_opsets(proto: onnx.ModelProto) -> int:
    opset = 0
    for imported in proto.opset_import:
        if imported.domain in ("", "ai.onnx"):
            opset = imported.version
        elif imported.domain == MICROSOFT_DOMAIN and imported.version != MICROSOFT_OPSET:
            raise InferenceError(
                f"model imports {MICROSOFT_DOMAIN} {imported.version}; use {MICROSOFT_OPSET}"
            )
        elif imported.domain == ML_DOMAIN and imported.version not in ML_OPSETS:
            raise InferenceError(
                f"model imports {ML_DOMAIN} {imported.version}; "
                f"export it with {ML_OPSETS.start} to {ML_OPSETS.stop - 1}"
            )
    if opset not in OPSETS:
        raise InferenceError(f"model has opset {opset}; export it with {OPSETS.start} to {OPSETS.stop - 1}")
    return opset


def _check_nodes(proto: onnx.ModelProto) -> None:
    if proto.functions or proto.graph.sparse_initializer or proto.training_info:
        raise InferenceError("model has functions, sparse weights or training data; export it without")
    if len(proto.graph.node) > MAX_NODES:
        raise InferenceError(f"model has {len(proto.graph.node)} nodes; at most {MAX_NODES} are run")
    refused = Counter(
        name_of(node.domain, node.op_type)
        for node in proto.graph.node
        if not is_supported(node.domain, node.op_type)
    )
    if refused:
        names = ", ".join(f"{name} ({count}x)" for name, count in sorted(refused.items()))
        remedies = "".join(f"; {REMEDIES[name]}" for name in sorted(refused) if name in REMEDIES)
        raise InferenceError(f"model uses operators that cannot be proved: {names:.500}{remedies}")


def _check_tensors(proto: onnx.ModelProto) -> None:
    attributes = (a.t for node in proto.graph.node for a in node.attribute if a.HasField("t"))
    for tensor in (*proto.graph.initializer, *attributes):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise InferenceError(
                f"tensor {tensor.name!r:.100} is in another file; save the model as one file"
            )
        _check_type(tensor.name, tensor.data_type)
        check_size(tensor.name, tensor.dims)


def _check_type(name: str, code: int) -> str:
    if code not in ELEMENT_TYPES:
        types = ", ".join(ELEMENT_TYPES.values())
        found = TensorProto.DataType.Name(code) if code in TensorProto.DataType.values() else code
        raise InferenceError(f"tensor {name!r:.100} has type {found}; give one of {types}")
    return ELEMENT_TYPES[code]


def spec_of(value: onnx.ValueInfoProto) -> TensorSpec:
    """An input or output of a graph. Raises InferenceError for one that cannot be run."""
    if not value.type.HasField("tensor_type"):
        raise InferenceError(f"value {value.name!r:.100} is not a tensor; only tensors go in and out")
    tensor = value.type.tensor_type
    dims = None
    if tensor.HasField("shape"):
        dims = tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?" for dim in tensor.shape.dim
        )
        check_size(value.name, (dim for dim in dims if isinstance(dim, int)))
    return TensorSpec(value.name, _check_type(value.name, tensor.elem_type), dims)


def _is_exact(proto: onnx.ModelProto, types: dict[str, int]) -> bool:
    """Whether every input and every computed value is known not to be floating point."""
    values = [*(value.name for value in proto.graph.input), *(value.name for value in proto.graph.output)]
    values += [
        name for node in proto.graph.node if node.op_type != "Constant" for name in node.output if name
    ]
    constants = {tensor.name for tensor in proto.graph.initializer}
    return all(
        types.get(name, TensorProto.FLOAT) != TensorProto.FLOAT for name in values if name not in constants
    )


def _image(proto: onnx.ModelProto) -> ImageInput | None:
    for entry in proto.metadata_props:
        if entry.key == METADATA_KEY:
            return ImageInput.from_json(entry.value)
    return None
