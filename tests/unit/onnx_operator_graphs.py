"""One operator a graph, on random operands of random and of awkward shapes.

The first operand is the graph's input, the others are constants.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from tests.unit.onnx_graphs import Array, Draw, as_model
from tests.unit.onnx_runner import Arrays

Job = tuple[onnx.ModelProto, Arrays]

INTEGERS = (np.int32, np.int64)
SHAPES: tuple[tuple[int, ...], ...] = (
    (),
    (1,),
    (5,),
    (1, 4),
    (3, 1),
    (2, 3, 4),
    (1, 2, 1, 3),
    (2, 1, 3, 1, 2),
)
# Of NumPy's rule: scalars, leading ones, ones in the middle, both sides repeated.
BROADCASTS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((3, 4), (3, 4)), ((3, 4), (4,)), ((4,), (3, 4)), ((3, 4), ()), ((), (3, 4)), ((3, 1), (1, 4)),
    ((2, 3, 4), (3, 1)), ((3, 1), (2, 3, 4)), ((2, 1, 4), (5, 1)), ((1,), (1, 1, 1)), ((2, 3), (1, 1, 2, 1)),
)  # fmt: skip


def job(
    operator: str, operands: Sequence[Array | None], result: Any = None, opset: int = 21, **attributes: Any
) -> Job:
    """`result` is the type of the result where it is not that of the first operand; None is left out."""
    assert operands[0] is not None
    arrays = {f"x{i}": np.asarray(array) for i, array in enumerate(operands) if array is not None}
    names = [f"x{i}" if array is not None else "" for i, array in enumerate(operands)]
    inputs = {"x0": arrays.pop("x0")}
    node = helper.make_node(operator, names, ["y"], **attributes)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(result or operands[0].dtype))
    return as_model([node], inputs, arrays, ("y", kind), opset), inputs


def floats(d: Draw, *shape: int, spread: float = 1) -> Array:
    return np.asarray(d.rng.normal(0, spread, shape), np.float32)


def numbers(d: Draw, dtype: Any, *shape: int) -> Array:
    if dtype == np.float32:
        return floats(d, *shape, spread=3)
    return np.asarray(d.rng.integers(0 if dtype == np.uint8 else -9, 10, shape), dtype)


def bools(d: Draw, *shape: int) -> Array:
    return np.asarray(d.rng.integers(0, 2, shape), np.bool_)


def int64(*values: int) -> Array:
    return np.array(values, np.int64)


def unary(d: Draw) -> Iterator[Job]:
    shape = SHAPES[d.size(0, len(SHAPES) - 1)]
    for spread in (1, 30):
        x = floats(d, *shape, spread=spread)
        for op in (
            "Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Reciprocal", "Exp", "Tanh", "Sigmoid",
            "HardSwish", "Softplus", "Softsign", "Erf", "Sin", "Cos", "Tan", "Atan", "Asinh", "Mish",
        ):  # fmt: skip
            yield job(op, [x])
        for op in ("Sqrt", "Log"):
            yield job(op, [np.abs(x) + np.float32(0.001)])
        for op in ("Asin", "Acos", "Atanh"):
            yield job(op, [np.sin(x) * np.float32(0.99)])
        yield job("Acosh", [np.abs(x) + np.float32(1)])
        yield job("Sinh", [np.clip(x, -80, 80)])
        yield job("Cosh", [np.clip(x, -80, 80)])
        for op in ("Elu", "Celu", "LeakyRelu", "ThresholdedRelu"):
            yield job(op, [x], alpha=float(d.rng.uniform(0.1, 2)))
        yield job("Selu", [x])
        yield job("HardSigmoid", [x], alpha=0.3, beta=0.4)
        yield job("Shrink", [x], bias=0.2, lambd=0.7)
        yield job("Gelu", [x])
        yield job("Gelu", [x], approximate="tanh")
    # Ties go to the even neighbour.
    yield job("Round", [np.arange(-8, 9, dtype=np.float32) / 2])
    for dtype in INTEGERS:
        x = numbers(d, dtype, *shape)
        for op in ("Abs", "Neg", "Sign"):
            yield job(op, [x])


def binary(d: Draw) -> Iterator[Job]:
    for a_shape, b_shape in BROADCASTS:
        a, b = floats(d, *a_shape), floats(d, *b_shape)
        for op in ("Max", "Min", "Sum", "Mean"):
            yield job(op, [a, b, floats(d, 1)])
        yield job("Pow", [np.abs(a), b])
        yield job("Mod", [a, b], fmod=1)
        for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
            for dtype in (np.float32, *INTEGERS):
                # Rounded, so that some are equal.
                yield job(
                    op, [numbers(d, dtype, *a_shape).round(), numbers(d, dtype, *b_shape).round()], np.bool_
                )
        for op in ("And", "Or", "Xor"):
            yield job(op, [bools(d, *a_shape), bools(d, *b_shape)], np.bool_)
        yield job("Where", [bools(d, *a_shape), b, floats(d, 1)], np.float32)
        for dtype in INTEGERS:
            divisor = numbers(d, dtype, *b_shape)
            yield job("Mod", [numbers(d, dtype, *a_shape), np.where(divisor == 0, dtype(7), divisor)])
            yield job("Max", [numbers(d, dtype, *a_shape), numbers(d, dtype, *b_shape)])
            yield job("Pow", [numbers(d, dtype, *a_shape), np.abs(numbers(d, np.int64, *b_shape))])
    yield job("PRelu", [floats(d, 2, 3, 4), floats(d, 3, 1)])
    yield job("Not", [bools(d, 3, 4)])
    yield job("CastLike", [floats(d, 3, 4, spread=9), int64(0)], np.int64)


def reductions(d: Draw) -> Iterator[Job]:
    x = floats(d, 2, 3, 4, 5)
    integers = np.asarray(d.rng.integers(-9, 10, (2, 3, 4, 5)), np.int64)
    folds = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
    for axes in ([0], [3], [-1], [1, 2], [-2, 0], [0, 1, 2, 3], None):
        for fold in folds:
            keepdims, operand = d.size(0, 1), np.abs(x) if fold == "LogSum" else x
            listed = None if axes is None else int64(*axes)
            yield job(f"Reduce{fold}", [operand, listed], opset=18, keepdims=keepdims)
            if fold != "Sum":
                given = {} if axes is None else {"axes": axes}
                yield job(f"Reduce{fold}", [operand], opset=13, keepdims=keepdims, **given)
        for fold in ("Max", "Min", "Sum"):
            yield job(f"Reduce{fold}", [integers, None if axes is None else int64(*axes)], opset=18)
    yield job("ReduceSum", [x, int64()], noop_with_empty_axes=1)
    yield job("ReduceSum", [x, int64()])
    for axis in range(-4, 4):
        for op in ("LogSoftmax", "Softmax", "Hardmax"):
            yield job(op, [x], axis=axis)
        for op in ("ArgMin", "ArgMax"):
            yield job(
                op, [x.round()], np.int64, axis=axis, select_last_index=d.size(0, 1), keepdims=d.size(0, 1)
            )
        for p in (1, 2):
            yield job("LpNormalization", [x], axis=axis, p=p)


def moves(d: Draw) -> Iterator[Job]:
    for dtype in (np.float32, np.int64, np.uint8, np.bool_):
        x = np.asarray(d.rng.integers(0, 2 if dtype == np.bool_ else 100, (3, 4, 5)), dtype)
        axis = d.size(-3, 2)
        size = x.shape[axis]
        places = d.rng.integers(-size, size, (2, 3))
        yield job("Gather", [x, places], axis=axis)
        yield job("Gather", [x, places.astype(np.int32)[0, 0]], axis=axis)
        shape = [d.size(1, n) for n in x.shape]
        yield job("GatherElements", [x, d.rng.integers(-size, size, shape)], axis=axis)
        nd = np.stack([d.rng.integers(-n, n, (2, 2)) for n in x.shape[: d.size(1, 3)]], -1)
        yield job("GatherND", [x, nd])
        yield job("GatherND", [x, d.rng.integers(-4, 4, (3, 2, 1))], batch_dims=1)
        # Distinct places: which of two writes stays is not defined.
        column = np.stack([d.rng.permutation(size)[:2] for _ in range(3)], -1)
        yield job("ScatterElements", [np.moveaxis(x, axis, 0)[:, :3, 0].copy(), column, x[:2, :3, 1].copy()])
        nd = np.stack(np.unravel_index(d.rng.permutation(12)[:3], (3, 4)), -1)
        yield job("ScatterND", [x, nd, x.reshape(-1, 5)[:3].copy()])
        bounds = [d.size(-7, 7), (1 << 63) - 1, d.size(-7, 7)], [d.size(-7, 7), -(1 << 63), d.size(-7, 7)]
        yield job(
            "Slice", [x, int64(*bounds[0]), int64(*bounds[1]), None, int64(d.size(1, 3), -1, -d.size(1, 3))]
        )
        yield job("Slice", [x, int64(1), int64(100), int64(axis)])
        yield job("Tile", [x, int64(d.size(1, 2), d.size(1, 3), d.size(1, 2))])
        yield job("Expand", [x[:, :1], int64(2, 1, 4, 1)])
        yield job("Shape", [x], np.int64, start=d.size(-5, 4), end=d.size(-5, 4))
        yield job("Size", [x], np.int64)
        if dtype == np.bool_:
            continue
        for mode in ("constant", "edge", "reflect", "wrap"):
            pads = int64(*(d.size(0, 2) for _ in range(6)))
            yield job("Pad", [x, pads, np.asarray(7, dtype) if mode == "constant" else None], mode=mode)
        yield job("Pad", [x, int64(-1, 2), None, int64(axis)], mode="constant")
        image = np.asarray(d.rng.integers(0, 100, (2, 8, 4, 6)), dtype)
        if dtype == np.float32:
            for mode in ("DCR", "CRD"):
                yield job("DepthToSpace", [image], mode=mode, blocksize=2)
            yield job("SpaceToDepth", [image], blocksize=2)
        if dtype != np.int64:
            yield from resizes(d, image)
    yield job(
        "OneHot",
        [d.rng.integers(-6, 6, (2, 3)), int64(5), np.array([2, 9], np.float32)],
        np.float32,
        axis=d.size(-3, 2),
    )
    yield job("ConstantOfShape", [int64(2, 0, 3)], np.float32)
    for start, limit, delta in ((3, 10, 3), (10, 3, -2), (1, 1, 5), (5, 1, 1), (-4, 4, 2)):
        for kind in (np.float32, *INTEGERS):
            yield job("Range", [np.asarray(v, kind) for v in (start, limit, delta)])


def resizes(d: Draw, image: Array) -> Iterator[Job]:
    for position in ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"):
        for nearest in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
            attributes: dict[str, Any] = {"coordinate_transformation_mode": position, "nearest_mode": nearest}
            sizes = int64(2, 8, d.size(1, 12), d.size(1, 12))
            yield job("Resize", [image, None, None, sizes], **attributes)
            if image.dtype == np.float32:
                yield job("Resize", [image, None, None, sizes], mode="linear", **attributes)
            scales = np.array([1, 1, d.size(1, 3), d.size(1, 3)], np.float32)
            yield job("Resize", [image, None, scales], **attributes)


def networks(d: Draw) -> Iterator[Job]:
    n, c, groups = d.size(1, 3), 6, (1, 2, 3, 6)[d.size(0, 3)]
    for x in (floats(d, n, c, 5, 4), floats(d, n, c, 7)):
        scale, bias = floats(d, c), floats(d, c)
        yield job("BatchNormalization", [x, scale, bias, floats(d, c), np.abs(floats(d, c))], epsilon=0.01)
        yield job("InstanceNormalization", [x, scale, bias])
        yield job("GroupNormalization", [x, scale, bias], num_groups=groups)
        yield job("GroupNormalization", [x, scale[:groups], bias[:groups]], opset=18, num_groups=groups)
        axis = d.size(1, x.ndim - 1)
        yield job("LayerNormalization", [x, floats(d, *x.shape[axis:]), floats(d, x.shape[-1])], axis=axis)
        yield job("RMSNormalization", [x, floats(d, *x.shape[axis:])], opset=23, axis=axis)
        yield job("GlobalMaxPool", [x])
    yield job("LRN", [floats(d, 2, 9, 3, 3)], size=2 * d.size(0, 4) + 1, alpha=0.3, beta=0.6, bias=1.5)
    for _ in range(4):
        kernel = [d.size(1, 3), d.size(1, 3)]
        attributes: dict[str, Any] = {
            "group": groups,
            "strides": [d.size(1, 3), d.size(1, 3)],
            "dilations": [d.size(1, 2), d.size(1, 2)],
        }
        attributes["output_padding"] = [d.size(0, s - 1) for s in attributes["strides"]]
        if d.size(0, 1):
            attributes["pads"] = [d.size(0, 1) for _ in range(4)]
        weights = floats(d, c, d.size(1, 3), *kernel)
        operands = [floats(d, n, c, 5, 4), weights, floats(d, weights.shape[1] * groups)]
        yield job("ConvTranspose", operands, **attributes)
