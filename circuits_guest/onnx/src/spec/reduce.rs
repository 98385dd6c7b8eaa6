//! Operators that fold one or more axes.

use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::infer::Inputs;
use crate::tensor::DType::{self, Bool, F32, I32, I64, I8, U8};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    L1,
    L2,
    LogSum,
    LogSumExp,
    Max,
    Mean,
    Min,
    Prod,
    Sum,
    SumSquare,
}

#[derive(Clone, Debug)]
pub(crate) struct Reduce {
    pub fold: Fold,
    pub keepdims: bool,
    pub axes: ReduceAxes,
}

/// Where the axes stand: from opset 18 (for the sum: 13) they are the second input.
#[derive(Clone, Debug)]
pub(crate) enum ReduceAxes {
    Attribute(Option<Vec<i64>>),
    /// Left out or empty means all axes, or none with `noop`.
    Input {
        noop: bool,
    },
}

pub(crate) fn reduce(a: &mut Attributes<'_>, fold: Fold) -> Option<Op> {
    let axes = if a.opset >= 18 || fold == Fold::Sum {
        ReduceAxes::Input { noop: a.flag("noop_with_empty_axes", false) }
    } else {
        ReduceAxes::Attribute(a.ints("axes").map(<[i64]>::to_vec))
    };
    Some(Op::Reduce(Reduce { fold, keepdims: a.flag("keepdims", true), axes }))
}

pub(crate) fn arg_min(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::ArgMin {
        axis: a.int("axis", 0),
        keepdims: a.flag("keepdims", true),
        last: a.flag("select_last_index", false),
    })
}

impl Reduce {
    pub(crate) fn types(&self, ins: &Inputs<'_>) -> OpResult<DType> {
        match self.axes {
            ReduceAxes::Attribute(_) if ins.given(1).is_some() => {
                refuse!("axes are an attribute before opset 18")
            }
            ReduceAxes::Attribute(_) => {}
            ReduceAxes::Input { .. } => ins.optional(1, I64)?,
        }
        ins.required(
            0,
            match self.fold {
                Fold::L2 | Fold::LogSum | Fold::LogSumExp | Fold::Mean => &[F32],
                Fold::Max | Fold::Min => &[F32, I32, I64, I8, U8, Bool],
                Fold::L1 | Fold::Prod | Fold::Sum | Fold::SumSquare => WIDE,
            },
        )
    }
}

const WIDE: &[DType] = &[F32, I32, I64];
