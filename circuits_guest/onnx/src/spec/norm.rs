//! Normalisations, as they run in inference, and ConvTranspose.

use alloc::vec;
use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::{window, Op, WindowAttributes};
use crate::error::OpResult;
use crate::infer::Inputs;
use crate::tensor::DType::{self, F32};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Norm {
    Batch {
        epsilon: f32,
    },
    /// `by_group`: scale and bias have one element a group, not one a channel.
    Group {
        groups: usize,
        epsilon: f32,
        by_group: bool,
    },
    Instance {
        epsilon: f32,
    },
    Layer {
        axis: i64,
        epsilon: f32,
    },
    LocalResponse {
        alpha: f32,
        beta: f32,
        bias: f32,
        size: usize,
    },
    Lp {
        axis: i64,
        p: u8,
    },
    Rms {
        axis: i64,
        epsilon: f32,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct ConvTranspose {
    pub window: WindowAttributes,
    pub group: usize,
    pub output_padding: Option<Vec<usize>>,
    pub output_shape: Option<Vec<usize>>,
}

fn epsilon(a: &mut Attributes<'_>) -> f32 {
    a.float("epsilon", 1e-5)
}

pub(crate) fn batch(a: &mut Attributes<'_>) -> Option<Op> {
    // Only of use in training.
    a.float("momentum", 0.9);
    if a.opset >= 14 {
        a.only_int("training_mode", 0);
    }
    Some(Op::Norm(Norm::Batch { epsilon: epsilon(a) }))
}

/// A number of groups or channels.
fn count(a: &mut Attributes<'_>, name: &str) -> Option<usize> {
    let n = a.int(name, 0);
    if !(1..=1 << 24).contains(&n) {
        a.problems.push(alloc::format!("attribute {name:?} is {n}, out of range"));
        return None;
    }
    Some(n as usize)
}

pub(crate) fn group(a: &mut Attributes<'_>) -> Option<Op> {
    if a.opset >= 21 {
        a.only_int("stash_type", F32 as i64);
    }
    let epsilon = epsilon(a);
    Some(Op::Norm(Norm::Group { groups: count(a, "num_groups")?, epsilon, by_group: a.opset < 21 }))
}

pub(crate) fn instance(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Norm(Norm::Instance { epsilon: epsilon(a) }))
}

pub(crate) fn layer(a: &mut Attributes<'_>) -> Option<Op> {
    a.only_int("stash_type", F32 as i64);
    Some(Op::Norm(Norm::Layer { axis: a.int("axis", -1), epsilon: epsilon(a) }))
}

pub(crate) fn rms(a: &mut Attributes<'_>) -> Option<Op> {
    a.only_int("stash_type", F32 as i64);
    Some(Op::Norm(Norm::Rms { axis: a.int("axis", -1), epsilon: epsilon(a) }))
}

pub(crate) fn local_response(a: &mut Attributes<'_>) -> Option<Op> {
    let (alpha, beta, bias) = (a.float("alpha", 1e-4), a.float("beta", 0.75), a.float("bias", 1.0));
    Some(Op::Norm(Norm::LocalResponse { alpha, beta, bias, size: count(a, "size")? }))
}

pub(crate) fn lp(a: &mut Attributes<'_>) -> Option<Op> {
    let axis = a.int("axis", -1);
    match a.int("p", 2) {
        p @ (1 | 2) => Some(Op::Norm(Norm::Lp { axis, p: p as u8 })),
        p => {
            a.problems.push(alloc::format!("attribute \"p\" is {p}, only 1 and 2 are defined"));
            None
        }
    }
}

pub(crate) fn conv_transpose(a: &mut Attributes<'_>) -> Option<Op> {
    let group = a.int("group", 1);
    if !(1..=1 << 24).contains(&group) {
        a.problems.push(alloc::format!("attribute \"group\" is {group}, out of range"));
        return None;
    }
    Some(Op::ConvTranspose(ConvTranspose {
        window: window(a, false),
        group: group as usize,
        output_padding: a.sizes("output_padding", 0),
        output_shape: a.sizes("output_shape", 1),
    }))
}

impl Norm {
    pub(crate) fn types(self, ins: &Inputs<'_>) -> OpResult<Vec<DType>> {
        let required = match self {
            Norm::Batch { .. } => 5,
            Norm::Group { .. } | Norm::Instance { .. } => 3,
            Norm::Layer { .. } | Norm::Rms { .. } => 2,
            Norm::LocalResponse { .. } | Norm::Lp { .. } => 1,
        };
        (0..required).try_for_each(|i| ins.required(i, &[F32]).map(drop))?;
        ins.optional(2, F32)?;
        Ok(vec![F32; if matches!(self, Norm::Layer { .. }) { 3 } else { 1 }])
    }
}
