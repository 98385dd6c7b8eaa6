//! Operators that move, repeat or make up elements, and those that answer with a shape.

use alloc::vec;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::infer::{Inputs, ANY, NUMBERS};
use crate::spec::resize::Resize;
use crate::tensor::DType::{self, Bool, F32, I32, I64};
use crate::tensor::{Data, Tensor};

const INDEX: &[DType] = &[I32, I64];

#[derive(Clone, Debug)]
pub(crate) enum DataOp {
    /// One element of the type and value to repeat.
    ConstantOfShape(Tensor),
    DepthToSpace {
        block: usize,
        column_first: bool,
    },
    Dropout,
    Expand,
    Gather {
        axis: i64,
    },
    GatherElements {
        axis: i64,
    },
    GatherNd {
        batch_dims: usize,
    },
    OneHot {
        axis: i64,
    },
    Pad {
        mode: PadMode,
        axes: bool,
    },
    Range,
    Resize(Resize),
    ScatterElements {
        axis: i64,
        reduction: Reduction,
    },
    ScatterNd {
        reduction: Reduction,
    },
    Shape {
        start: i64,
        end: Option<i64>,
    },
    Size,
    Slice,
    SpaceToDepth {
        block: usize,
        column_first: bool,
    },
    Split {
        axis: i64,
        parts: Parts,
    },
    Tile,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum PadMode {
    Constant,
    Edge,
    Reflect,
    Wrap,
}

/// What ScatterElements and ScatterND do where they write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    None,
    Add,
    Max,
    Min,
    Mul,
}

/// Sizes of Split where its input does not give them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parts {
    /// As many equal ones as there are outputs: before opset 18.
    Equal,
    /// `num_outputs`, the last one smaller where they do not divide the axis.
    Count(usize),
    /// Only the input gives them.
    Given,
}

/// The variant that a text names, among those that the model's opset has.
pub(crate) fn choice<T: Copy>(
    a: &mut Attributes<'_>,
    name: &str,
    default: &'static str,
    all: &[(&str, T)],
) -> Option<T> {
    let text = a.text(name, default);
    let found = all.iter().find(|(known, _)| *known == text).map(|&(_, variant)| variant);
    if found.is_none() {
        a.problems.push(alloc::format!("attribute {name:?} = {text:?} is not supported"));
    }
    found
}

pub(crate) fn constant_of_shape(a: &mut Attributes<'_>) -> Option<Op> {
    let value = match a.tensor("value") {
        None => Tensor::new(vec![1], Data::F32(vec![0.0])),
        Some(tensor) => Some(tensor).filter(|t| t.data().len() == 1),
    };
    if value.is_none() {
        a.problems.push("attribute \"value\" does not have one element".into());
    }
    Some(Op::Data(DataOp::ConstantOfShape(value?)))
}

fn block(a: &mut Attributes<'_>) -> Option<usize> {
    let size = a.int("blocksize", 0);
    if !(1..=1 << 12).contains(&size) {
        a.problems.push(alloc::format!("attribute \"blocksize\" is {size}, out of range"));
        return None;
    }
    Some(size as usize)
}

const ORDERS: &[(&str, bool)] = &[("DCR", false), ("CRD", true)];

pub(crate) fn depth_to_space(a: &mut Attributes<'_>) -> Option<Op> {
    let column_first = choice(a, "mode", "DCR", ORDERS)?;
    Some(Op::Data(DataOp::DepthToSpace { block: block(a)?, column_first }))
}

pub(crate) fn space_to_depth(a: &mut Attributes<'_>) -> Option<Op> {
    // Opset 28 added the second order.
    let column_first = a.opset >= 28 && choice(a, "mode", "DCR", ORDERS)?;
    Some(Op::Data(DataOp::SpaceToDepth { block: block(a)?, column_first }))
}

pub(crate) fn dropout(a: &mut Attributes<'_>) -> Option<Op> {
    // Only of use in training, which is refused.
    a.int("seed", 0);
    Some(Op::Data(DataOp::Dropout))
}

pub(crate) fn gather_nd(a: &mut Attributes<'_>) -> Option<Op> {
    match usize::try_from(a.int("batch_dims", 0)) {
        Ok(batch_dims) => Some(Op::Data(DataOp::GatherNd { batch_dims })),
        Err(_) => {
            a.problems.push("attribute \"batch_dims\" is negative".into());
            None
        }
    }
}

pub(crate) fn pad(a: &mut Attributes<'_>) -> Option<Op> {
    use PadMode::{Constant, Edge, Reflect, Wrap};
    let all = [("constant", Constant), ("edge", Edge), ("reflect", Reflect), ("wrap", Wrap)];
    let known = if a.opset >= 19 { 4 } else { 3 };
    let mode = choice(a, "mode", "constant", &all[..known])?;
    Some(Op::Data(DataOp::Pad { mode, axes: a.opset >= 18 }))
}

pub(crate) fn range(a: &mut Attributes<'_>) -> Option<Op> {
    if a.opset >= 27 {
        // Only concerns 16-bit floats.
        a.int("stash_type", 1);
    }
    Some(Op::Data(DataOp::Range))
}

fn reduction(a: &mut Attributes<'_>) -> Option<Reduction> {
    use Reduction::{Add, Max, Min, Mul, None};
    let all = [("none", None), ("add", Add), ("mul", Mul), ("max", Max), ("min", Min)];
    let known = match a.opset {
        18.. => 5,
        16.. => 3,
        _ => 1,
    };
    choice(a, "reduction", "none", &all[..known])
}

pub(crate) fn scatter_elements(a: &mut Attributes<'_>) -> Option<Op> {
    let axis = a.int("axis", 0);
    Some(Op::Data(DataOp::ScatterElements { axis, reduction: reduction(a)? }))
}

pub(crate) fn scatter_nd(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Data(DataOp::ScatterNd { reduction: reduction(a)? }))
}

pub(crate) fn shape(a: &mut Attributes<'_>) -> Option<Op> {
    let (mut start, mut end) = (0, None);
    if a.opset >= 15 {
        start = a.int("start", 0);
        end = a.optional_int("end");
    }
    Some(Op::Data(DataOp::Shape { start, end }))
}

pub(crate) fn split(a: &mut Attributes<'_>) -> Option<Op> {
    let axis = a.int("axis", 0);
    let parts = match a.opset {
        18.. => match a.optional_int("num_outputs") {
            None => Parts::Given,
            Some(n) => Parts::Count(usize::try_from(n).ok().filter(|&n| n > 0).or_else(|| {
                a.problems.push(alloc::format!("attribute \"num_outputs\" is {n}"));
                None
            })?),
        },
        _ => Parts::Equal,
    };
    Some(Op::Data(DataOp::Split { axis, parts }))
}

impl DataOp {
    pub(crate) fn types(&self, ins: &Inputs<'_>, outputs: usize) -> OpResult<Vec<DType>> {
        Ok(vec![match self {
            DataOp::ConstantOfShape(value) => {
                ins.required(0, &[I64])?;
                value.dtype()
            }
            DataOp::DepthToSpace { .. } | DataOp::SpaceToDepth { .. } => ins.required(0, ANY)?,
            DataOp::Dropout => {
                ins.optional(1, F32)?;
                ins.optional(2, Bool)?;
                return Ok(vec![ins.required(0, &[F32])?, Bool]);
            }
            DataOp::Expand | DataOp::Tile => {
                ins.required(1, &[I64])?;
                ins.required(0, ANY)?
            }
            DataOp::Gather { .. } | DataOp::GatherElements { .. } => {
                ins.required(1, INDEX)?;
                ins.required(0, ANY)?
            }
            DataOp::GatherNd { .. } => {
                ins.required(1, &[I64])?;
                ins.required(0, ANY)?
            }
            DataOp::OneHot { .. } => {
                ins.required(0, NUMBERS)?;
                ins.required(1, NUMBERS)?;
                ins.required(2, ANY)?
            }
            DataOp::Pad { axes, .. } => {
                let t = ins.required(0, ANY)?;
                ins.required(1, &[I64])?;
                ins.optional(2, t)?;
                match ins.given(3) {
                    Some(_) if !axes => refuse!("it takes axes from opset 18"),
                    Some(_) => drop(ins.required(3, INDEX)?),
                    None => {}
                }
                t
            }
            DataOp::Range => {
                ins.same(0, 2, &[F32, I32, I64])?;
                ins.same(0, 1, &[F32, I32, I64])?
            }
            DataOp::Resize(resize) => {
                ins.optional(1, F32)?;
                ins.optional(2, F32)?;
                ins.optional(3, I64)?;
                ins.required(0, if resize.method.mixes() { &[F32] } else { NUMBERS })?
            }
            DataOp::ScatterElements { reduction, .. } | DataOp::ScatterNd { reduction } => {
                ins.required(1, if matches!(self, DataOp::ScatterNd { .. }) { &[I64] } else { INDEX })?;
                ins.same(0, 2, if *reduction == Reduction::None { ANY } else { NUMBERS })?
            }
            DataOp::Shape { .. } | DataOp::Size => {
                ins.required(0, ANY)?;
                I64
            }
            DataOp::Slice => {
                let index = ins.same(1, 2, INDEX)?;
                ins.optional(3, index)?;
                ins.optional(4, index)?;
                ins.required(0, ANY)?
            }
            DataOp::Split { parts, .. } => {
                match (parts, ins.given(1)) {
                    (Parts::Count(_), Some(_)) => refuse!("both split and num_outputs are given"),
                    (Parts::Count(n), None) if *n != outputs => {
                        refuse!("num_outputs is {}, not {}", n, outputs)
                    }
                    (Parts::Given, None) => refuse!("neither split nor num_outputs is given"),
                    _ => ins.optional(1, I64)?,
                }
                return Ok(vec![ins.required(0, ANY)?; outputs]);
            }
        }])
    }
}
