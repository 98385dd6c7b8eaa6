//! Operators that order, mask or accumulate along an axis, and those on bits.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::infer::{Inputs, ANY, NUMBERS};
use crate::tensor::DType::{self, Bool, F32, I32, I64, I8, U8};

const INTEGERS: &[DType] = &[I32, I64, I8, U8];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Select {
    BitShift {
        left: bool,
        /// Opset 28 defines signed shifts; before, only unsigned ones are defined.
        signed: bool,
    },
    BitwiseAnd,
    BitwiseNot,
    BitwiseOr,
    BitwiseXor,
    Compress {
        axis: Option<i64>,
    },
    CumSum {
        exclusive: bool,
        reverse: bool,
    },
    EyeLike {
        diagonal: i64,
        to: Option<DType>,
    },
    NonZero,
    TopK {
        axis: i64,
        largest: bool,
    },
    Trilu {
        upper: bool,
    },
}

pub(crate) fn bit_shift(a: &mut Attributes<'_>) -> Option<Op> {
    let left = match a.text("direction", "") {
        "LEFT" => true,
        "RIGHT" => false,
        other => return a.problem(format!("attribute \"direction\" is {other:?}")),
    };
    Some(Op::Select(Select::BitShift { left, signed: a.opset >= 28 }))
}

pub(crate) fn compress(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Select(Select::Compress { axis: a.optional_int("axis") }))
}

pub(crate) fn cum_sum(a: &mut Attributes<'_>) -> Option<Op> {
    let (exclusive, reverse) = (a.flag("exclusive", false), a.flag("reverse", false));
    Some(Op::Select(Select::CumSum { exclusive, reverse }))
}

pub(crate) fn eye_like(a: &mut Attributes<'_>) -> Option<Op> {
    let diagonal = a.int("k", 0);
    let to = match a.optional_int("dtype") {
        None => None,
        Some(code) => match u32::try_from(code).ok().and_then(DType::from_onnx) {
            Some(to) => Some(to),
            None => return a.problem(format!("attribute \"dtype\": element type {code} is not supported")),
        },
    };
    Some(Op::Select(Select::EyeLike { diagonal, to }))
}

pub(crate) fn top_k(a: &mut Attributes<'_>) -> Option<Op> {
    // Results are sorted in either case: an order that is not defined is none that can be proved.
    a.flag("sorted", true);
    Some(Op::Select(Select::TopK { axis: a.int("axis", -1), largest: a.flag("largest", true) }))
}

pub(crate) fn trilu(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Select(Select::Trilu { upper: a.flag("upper", true) }))
}

impl Select {
    pub(crate) fn types(self, ins: &Inputs<'_>) -> OpResult<Vec<DType>> {
        Ok(vec![match self {
            Select::BitShift { signed: true, .. } => ins.same(0, 1, INTEGERS)?,
            Select::BitShift { signed: false, .. } => ins.same(0, 1, &[U8])?,
            Select::BitwiseAnd | Select::BitwiseOr | Select::BitwiseXor => ins.same(0, 1, INTEGERS)?,
            Select::BitwiseNot => ins.required(0, INTEGERS)?,
            Select::Compress { .. } => {
                ins.required(1, &[Bool])?;
                ins.required(0, ANY)?
            }
            Select::CumSum { .. } => {
                ins.required(1, &[I32, I64])?;
                ins.required(0, &[F32, I32, I64])?
            }
            Select::EyeLike { to, .. } => {
                let own = ins.required(0, ANY)?;
                to.unwrap_or(own)
            }
            Select::NonZero => {
                ins.required(0, ANY)?;
                I64
            }
            Select::TopK { .. } => {
                ins.required(1, &[I64])?;
                return Ok(vec![ins.required(0, NUMBERS)?, I64]);
            }
            Select::Trilu { .. } => {
                if ins.given(1).is_some_and(|t| t != I64) {
                    refuse!("k is not int64");
                }
                ins.required(0, ANY)?
            }
        }])
    }
}
