//! From a node of the file to an operator with its attributes read. Groups of
//! operators have their attributes and types together in [`crate::spec`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::spec::data::DataOp;
use crate::spec::einsum::Einsum;
use crate::spec::elementwise::{Binary, Compare, Logic, Test, Unary, Variadic};
use crate::spec::ml::MlOp;
use crate::spec::norm::{ConvTranspose, Norm};
use crate::spec::recurrent::Recurrent;
use crate::spec::reduce::Reduce;
use crate::spec::select::Select;
use crate::tensor::{DType, Tensor};

/// An operator ready to run. Its inputs are those of the ONNX operator, in the same order.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Add,
    ArgMax { axis: i64, keepdims: bool, last: bool },
    AveragePool { window: WindowAttributes, include_pad: bool },
    Cast { to: DType },
    Clip,
    Concat { axis: i64 },
    Constant(Tensor),
    Conv(ConvAttributes),
    ConvInteger(ConvAttributes),
    DequantizeLinear { axis: i64 },
    Div,
    DynamicQuantizeLinear,
    Einsum(Einsum),
    Flatten { axis: i64 },
    Gemm { alpha: f32, beta: f32, trans_a: bool, trans_b: bool },
    GlobalAveragePool,
    Identity,
    MatMul,
    MatMulInteger,
    MaxPool(WindowAttributes),
    Mul,
    QGemm { alpha: f32, trans_a: bool, trans_b: bool },
    QLinearConv(ConvAttributes),
    QLinearMatMul,
    QuantizeLinear { axis: i64, to: Option<DType> },
    Relu,
    Reshape { allow_zero: bool },
    Softmax { axis: i64 },
    Squeeze,
    Sub,
    Transpose { perm: Option<Vec<usize>> },
    Unsqueeze,
    Ml(Box<MlOp>),
    Recurrent(Recurrent),
    Select(Select),
    ArgMin { axis: i64, keepdims: bool, last: bool },
    Hardmax { axis: i64 },
    LogSoftmax { axis: i64 },
    ConvTranspose(ConvTranspose),
    GlobalMaxPool,
    Norm(Norm),
    Reduce(Reduce),
    Data(DataOp),
    // Groups, by number and kind of their operands.
    Binary(Binary),
    CastLike,
    Compare(Compare),
    Logic(Logic),
    Not,
    Test(Test),
    Unary(Unary),
    Variadic(Variadic),
    Where,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoPad {
    NotSet,
    SameUpper,
    SameLower,
    Valid,
}

/// What the sliding window of a convolution or pooling looks like; lists left out take their defaults
/// once the rank is known.
#[derive(Clone, Debug)]
pub(crate) struct WindowAttributes {
    pub auto_pad: AutoPad,
    pub kernel: Option<Vec<usize>>,
    pub strides: Option<Vec<usize>>,
    pub dilations: Option<Vec<usize>>,
    pub pads: Option<Vec<usize>>,
    pub ceil_mode: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ConvAttributes {
    pub window: WindowAttributes,
    pub group: usize,
}

pub(crate) fn arg_max(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::ArgMax {
        axis: a.int("axis", 0),
        keepdims: a.flag("keepdims", true),
        last: a.flag("select_last_index", false),
    })
}

pub(crate) fn average_pool(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::AveragePool { window: window(a, true), include_pad: a.flag("count_include_pad", false) })
}

pub(crate) fn cast(a: &mut Attributes<'_>) -> Option<Op> {
    // Both attributes only concern 8-bit floats.
    a.flag("saturate", true);
    a.text("round_mode", "up");
    Some(Op::Cast { to: dtype(a, "to")? })
}

pub(crate) fn dequantize_linear(a: &mut Attributes<'_>) -> Option<Op> {
    a.only_int("block_size", 0);
    let to = a.int("output_dtype", 0);
    if to != 0 && to != DType::F32 as i64 {
        a.problems.push("attribute \"output_dtype\" is not float32".into());
    }
    Some(Op::DequantizeLinear { axis: a.int("axis", 1) })
}

pub(crate) fn gemm(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Gemm {
        alpha: a.float("alpha", 1.0),
        beta: a.float("beta", 1.0),
        trans_a: a.int("transA", 0) != 0,
        trans_b: a.int("transB", 0) != 0,
    })
}

pub(crate) fn max_pool(a: &mut Attributes<'_>) -> Option<Op> {
    // Only orders the optional second output, which is not computed.
    a.flag("storage_order", false);
    Some(Op::MaxPool(window(a, true)))
}

pub(crate) fn qgemm(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::QGemm {
        alpha: a.float("alpha", 1.0),
        trans_a: a.int("transA", 0) != 0,
        trans_b: a.int("transB", 0) != 0,
    })
}

pub(crate) fn quantize_linear(a: &mut Attributes<'_>) -> Option<Op> {
    a.only_int("block_size", 0);
    a.flag("saturate", true);
    let precision = a.int("precision", 0);
    if precision != 0 && precision != DType::F32 as i64 {
        a.problems.push("attribute \"precision\" is not float32".into());
    }
    let to = match a.int("output_dtype", 0) {
        0 => None,
        code => Some(quantized(a, code)?),
    };
    Some(Op::QuantizeLinear { axis: a.int("axis", 1), to })
}

pub(crate) fn dtype(a: &mut Attributes<'_>, name: &str) -> Option<DType> {
    let code = a.int(name, 0);
    let found = u32::try_from(code).ok().and_then(DType::from_onnx);
    if found.is_none() {
        a.problems.push(alloc::format!("attribute {name:?}: element type {code} is not supported"));
    }
    found
}

fn quantized(a: &mut Attributes<'_>, code: i64) -> Option<DType> {
    match u32::try_from(code).ok().and_then(DType::from_onnx) {
        Some(to @ (DType::U8 | DType::I8)) => Some(to),
        _ => {
            a.problems.push(alloc::format!("output element type {code} is neither uint8 nor int8"));
            None
        }
    }
}

pub(crate) fn window(a: &mut Attributes<'_>, pooling: bool) -> WindowAttributes {
    let auto_pad = match a.text("auto_pad", "NOTSET") {
        "NOTSET" => AutoPad::NotSet,
        "SAME_UPPER" => AutoPad::SameUpper,
        "SAME_LOWER" => AutoPad::SameLower,
        "VALID" => AutoPad::Valid,
        other => {
            a.problems.push(alloc::format!("attribute \"auto_pad\" is {other:?}"));
            AutoPad::NotSet
        }
    };
    let window = WindowAttributes {
        auto_pad,
        kernel: a.sizes("kernel_shape", 1),
        strides: a.sizes("strides", 1),
        dilations: a.sizes("dilations", 1),
        pads: a.sizes("pads", 0),
        ceil_mode: pooling && a.flag("ceil_mode", false),
    };
    if pooling && window.kernel.is_none() {
        a.problems.push("attribute \"kernel_shape\" is missing".into());
    }
    window
}

pub(crate) fn conv(a: &mut Attributes<'_>) -> ConvAttributes {
    let group = a.int("group", 1);
    if !(1..=1 << 24).contains(&group) {
        a.problems.push(alloc::format!("attribute \"group\" is {group}, out of range"));
    }
    ConvAttributes { window: window(a, false), group: group.max(1) as usize }
}
