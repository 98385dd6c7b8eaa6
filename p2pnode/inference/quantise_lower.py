"""Lowers a graph in QDQ form to integer operators, by one rule that does not depend on ONNX Runtime.

A QDQ graph holds float operators between DequantizeLinear (DQ) and QuantizeLinear (Q). Run as written they
are float32; ONNX Runtime fuses some groups into integer kernels, depending on its optimisation level. Here
each of these, and nothing else, becomes integer:

1. Q of a constant is computed: `saturate(round_half_even(c / scale) + zero_point)` in float32.
2. DQ -> operator that only moves or compares values -> ... becomes operator -> DQ. The same bits.
3. DQ -> Q with the same scale, zero point and type disappears. The same bits.
4. DQ, DQ -> Conv | Gemm | MatMul -> (Relu | Clip)* -> Q becomes QLinearConv | QGemm | QLinearMatMul, and for
   Relu and Clip the Clip between their bounds' integers, left out where the type's range is the same. The
   bias becomes int32 in units of input scale times weight scale, rounded half to even; a column whose bias
   would pass 2^30 gets a larger weight scale. The sum is then exact and rounded once, where the QDQ form
   rounds at every step: it may differ by one in the last place.

What else is in the graph stays as it is and runs in float32.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from p2pnode.inference.operators import MICROSOFT_DOMAIN, is_supported
from p2pnode.inference.quantise_graph import Array, Dequantised, Rewriting, attribute, quantised, spread

MOVING = frozenset(
    {"Concat", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice", "Squeeze", "Tile"}
    | {"Transpose", "Unsqueeze"}
)
"""Operators that give some of their inputs' values, whichever number each stands for."""

MOST_BIAS = 1 << 30
"""Largest bias in integers: as much of int32 is left for the products."""

Bounds = tuple[float, float]


def has_qdq(model: onnx.ModelProto) -> bool:
    """Whether a model is in QDQ form, whole or in parts."""
    return any(node.op_type == "DequantizeLinear" for node in model.graph.node)


def lower_qdq(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with integer operators wherever the rules above apply."""
    graph = Rewriting(model)
    for node in list(graph.nodes):
        if node.op_type == "QuantizeLinear":
            _fold_constant(graph, node)
    changed = True
    while changed:
        changed = False
        for node in list(graph.nodes):
            changed |= _rewrite(graph, node)
    return graph.finish()


def _rewrite(graph: Rewriting, node: onnx.NodeProto) -> bool:
    if node.domain not in ("", "ai.onnx") or not any(one is node for one in graph.nodes):
        return False
    if node.op_type == "QuantizeLinear":
        return _cancel(graph, node) or _lower_product(graph, node)
    return node.op_type in MOVING and _move(graph, node)


def _fold_constant(graph: Rewriting, node: onnx.NodeProto) -> None:
    """Rule 1."""
    value, into = graph.constant(node.input[0]), graph.parameters(node)
    if value is not None and into is not None and value.dtype == np.float32:
        graph.constants[node.output[0]] = quantised(value, into)
        graph.replace(node, [])


def _move(graph: Rewriting, node: onnx.NodeProto) -> bool:
    """Rule 2."""
    if not is_supported("", node.op_type) or len(node.output) != 1:
        return False
    count = len(node.input) if node.op_type == "Concat" else 1
    found = [graph.dequantised(name) for name in node.input[:count]]
    first = found[0]
    if first is None or not first.is_single or any(one is None or not first.same_as(one) for one in found):
        return False
    integers = [one.integers for one in found if one is not None]
    if node.op_type == "MaxPool" and first.zero_point.dtype.itemsize != 1:
        return False
    moved = onnx.NodeProto()
    moved.CopyFrom(node)
    del moved.input[:], moved.output[:]
    moved.input.extend([*integers, *node.input[count:]])
    moved.output.append(graph.fresh(node.output[0]))
    graph.replace(node, [moved, _dequantize(graph, moved.output[0], first, node.output[0])])
    return True


def _dequantize(graph: Rewriting, integers: str, by: Dequantised, output: str) -> onnx.NodeProto:
    names = _parameters(graph, by, output)
    return helper.make_node("DequantizeLinear", [integers, *names], [output], name=output)


def _parameters(graph: Rewriting, of: Dequantised, near: str) -> list[str]:
    """Names of scale and zero point, which operators take as scalars or as lists."""
    scale, zero_point = (one.reshape(()) if of.is_single else one for one in (of.scale, of.zero_point))
    return [graph.add_constant(near, scale), graph.add_constant(near, zero_point)]


def _cancel(graph: Rewriting, node: onnx.NodeProto) -> bool:
    """Rule 3."""
    source, into = graph.dequantised(node.input[0]), graph.parameters(node)
    if source is None or into is None or not source.same_as(into) or node.output[0] in graph.outputs:
        return False
    graph.replace(node, [])
    graph.rename(node.output[0], source.integers)
    return True


def _lower_product(graph: Rewriting, node: onnx.NodeProto) -> bool:
    """Rule 4, from its Q."""
    into = graph.parameters(node)
    if into is None or not into.is_single or into.zero_point.dtype.itemsize != 1:
        return False
    value, bounds = node.input[0], (-np.inf, np.inf)
    while True:
        product = graph.producer(value)
        if product is None or graph.readers(value) != 1:
            return False
        within = _bounds(graph, product)
        if within is None:
            break
        # The later operator's bounds hold: clip(clip(x, inner), outer).
        bounds = (_clip(within[0], bounds), _clip(within[1], bounds))
        value = product.input[0]
    lower = {"Conv": _conv, "Gemm": _gemm, "MatMul": _matmul}.get(product.op_type)
    if lower is None or product.domain not in ("", "ai.onnx"):
        return False
    output = node.output[0]
    clip = _clip_node(graph, bounds, into, output)
    made = lower(graph, product, into, clip.input[0] if clip is not None else output)
    if made is None:
        return False
    graph.replace(node, [made] if clip is None else [made, clip])
    return True


def _clip(value: float, bounds: Bounds) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _bounds(graph: Rewriting, node: onnx.NodeProto) -> Bounds | None:
    """The range that an operator clips to; None if it does anything else."""
    if node.op_type == "Relu":
        return 0.0, np.inf
    if node.op_type != "Clip":
        return None
    bounds = [-np.inf, np.inf]
    for index, name in enumerate(node.input[1:3]):
        if name:
            found = graph.constant(name)
            if found is None or found.size != 1:
                return None
            bounds[index] = float(found.item())
    return bounds[0], bounds[1]


def _clip_node(graph: Rewriting, bounds: Bounds, into: Dequantised, output: str) -> onnx.NodeProto | None:
    limits = np.iinfo(into.zero_point.dtype)
    low, high = (quantised(np.array(bound, np.float32), into).item() for bound in bounds)
    if (low, high) == (limits.min, limits.max):
        return None
    names = [graph.add_constant(output, np.array(one, into.zero_point.dtype)) for one in (low, high)]
    return helper.make_node("Clip", [graph.fresh(output), *names], [output], name=output)


def _operands(
    graph: Rewriting, product: onnx.NodeProto, into: Dequantised, axis: int | None
) -> tuple[Dequantised, Dequantised] | None:
    """Input and weights of a product, if integer kernels take them; `axis` is that of the weights' scales."""
    x, w = (graph.dequantised(name) for name in product.input[:2])
    if x is None or w is None or not x.is_single or x.zero_point.dtype != into.zero_point.dtype:
        return None
    if any(one.zero_point.dtype not in (np.uint8, np.int8) for one in (x, w)):
        return None
    if not w.is_single:
        weights = graph.constant(w.integers)
        if axis is None or weights is None or w.axis % weights.ndim != axis % weights.ndim:
            return None
    # As ONNX Runtime's kernels have it: signed inputs take signed weights, and filters share a zero point.
    if x.zero_point.dtype == np.int8 and w.zero_point.dtype != np.int8:
        return None
    return (x, w) if (w.zero_point == w.zero_point.flat[0]).all() else None


def _with_bias(
    graph: Rewriting, name: str, x: Dequantised, w: Dequantised, near: str
) -> tuple[Dequantised, str] | None:
    """The weights and the int32 constant of a bias, "" where there is none; None where it cannot be one.

    Weights are returned with a larger scale where the bias needs it: those of a column that is almost zero
    have so small a scale that its bias would leave int32.
    """
    if not name:
        return w, ""
    value, source = graph.constant(name), graph.dequantised(name)
    if value is None and source is not None:
        integers = graph.constant(source.integers)
        if integers is None or source.zero_point.any():
            return None
        value = integers.astype(np.float32) * source.scale
        if integers.dtype == np.int32 and np.abs(integers.astype(np.int64)).max() <= MOST_BIAS:
            unit = _unit(x, w)
            if np.array_equal(np.broadcast_to(source.scale, unit.shape), unit):
                return w, source.integers
    if value is None or value.dtype != np.float32:
        return None
    least = np.abs(value).astype(np.float64).reshape(-1) / MOST_BIAS / x.scale.item()
    if (least > w.scale.reshape(-1)).any():
        fitted = _coarser(graph, w, least, near)
        if fitted is None:
            return None
        w = fitted
    steps = np.rint(value.astype(np.float64) / _unit(x, w).astype(np.float64))
    return w, graph.add_constant(near, steps.astype(np.int32))


def _unit(x: Dequantised, w: Dequantised) -> Array:
    unit: Array = (x.scale.reshape(()) * w.scale.reshape(-1)).astype(np.float32)
    return unit


def _coarser(
    graph: Rewriting, w: Dequantised, least: npt.NDArray[np.float64], near: str
) -> Dequantised | None:
    """The same weights in scales of at least `least`, one a column or, where `w` has one, one for all."""
    weights = graph.constant(w.integers)
    if weights is None or (not w.is_single and least.size not in (1, w.scale.size)):
        return None
    needed = least.max() if w.is_single else least
    # A little more than needed: a float32 may be rounded down.
    scale = np.maximum(w.scale, (needed * 1.001).astype(np.float32)).astype(np.float32)
    real = spread(w.scale, w, weights) * (weights.astype(np.float32) - w.zero_point.flat[0])
    coarser = Dequantised(w.integers, scale, w.zero_point, w.axis)
    return replace(coarser, integers=graph.add_constant(near, quantised(real, coarser)))


def _factors(graph: Rewriting, x: Dequantised, w: Dequantised, output: str) -> list[str]:
    """The first six inputs of every quantised product."""
    return [x.integers, *_parameters(graph, x, output), w.integers, *_parameters(graph, w, output)]


def _conv(graph: Rewriting, product: onnx.NodeProto, into: Dequantised, output: str) -> onnx.NodeProto | None:
    found = _operands(graph, product, into, 0)
    if found is None:
        return None
    x, w = found
    fitted = _with_bias(graph, product.input[2] if len(product.input) > 2 else "", x, w, output)
    if fitted is None:
        return None
    w, bias = fitted
    inputs = [*_factors(graph, x, w, output), *_parameters(graph, into, output), *([bias] if bias else [])]
    node = helper.make_node("QLinearConv", inputs, [output], name=product.name)
    node.attribute.extend(product.attribute)
    return node


def _gemm(graph: Rewriting, product: onnx.NodeProto, into: Dequantised, output: str) -> onnx.NodeProto | None:
    found = _operands(graph, product, into, 0 if attribute(product, "transB", 0) else 1)
    factors = [attribute(product, name, 1.0) for name in ("alpha", "beta")]
    if found is None or factors != [1.0, 1.0]:
        return None
    x, w = found
    fitted = _with_bias(graph, product.input[2] if len(product.input) > 2 else "", x, w, output)
    if fitted is None:
        return None
    w, bias = fitted
    inputs = [*_factors(graph, x, w, output), bias, *_parameters(graph, into, output)]
    node = helper.make_node("QGemm", inputs, [output], name=product.name, domain=MICROSOFT_DOMAIN)
    node.attribute.extend(one for one in product.attribute if one.name in ("transA", "transB"))
    return node


def _matmul(
    graph: Rewriting, product: onnx.NodeProto, into: Dequantised, output: str
) -> onnx.NodeProto | None:
    found = _operands(graph, product, into, -1)
    if found is None:
        return None
    x, w = found
    inputs = [*_factors(graph, x, w, output), *_parameters(graph, into, output)]
    return helper.make_node("QLinearMatMul", inputs, [output], name=product.name)
