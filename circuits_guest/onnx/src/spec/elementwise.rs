//! Operators on each element alone, with broadcasting where they take more than one tensor.

use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::infer::{Inputs, ANY, NUMBERS};
use crate::tensor::DType::{self, Bool, F32, I32, I64, I8};

/// One tensor of numbers to one of the same type and shape.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unary {
    Abs,
    Acos,
    Acosh,
    Asin,
    Asinh,
    Atan,
    Atanh,
    Ceil,
    Celu { alpha: f32 },
    Cos,
    Cosh,
    Elu { alpha: f32 },
    Erf,
    Exp,
    Floor,
    Gelu { tanh: bool },
    HardSigmoid { alpha: f32, beta: f32 },
    HardSwish,
    LeakyRelu { alpha: f32 },
    Log,
    Mish,
    Neg,
    Reciprocal,
    Round,
    Selu { alpha: f32, gamma: f32 },
    Shrink { bias: f32, lambd: f32 },
    Sigmoid,
    Sign,
    Sin,
    Sinh,
    Softplus,
    Softsign,
    Sqrt,
    Swish { alpha: f32 },
    Tan,
    Tanh,
    ThresholdedRelu { alpha: f32 },
}

/// Two tensors of numbers; Add, Sub, Mul and Div stand alone in [`Op`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binary {
    /// The result has the sign of the dividend with `fmod`, else that of the divisor.
    Mod {
        fmod: bool,
        floats: bool,
    },
    Pow,
    PRelu,
}

/// Any number of tensors of one type, from left to right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Variadic {
    Max,
    Mean,
    Min,
    Sum,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Compare {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Logic {
    And,
    Or,
    Xor,
}

/// Questions about one float.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    Infinite { negative: bool, positive: bool },
    NaN,
}

pub(crate) fn gelu(a: &mut Attributes<'_>) -> Option<Op> {
    let tanh = match a.text("approximate", "none") {
        "none" => false,
        "tanh" => true,
        other => {
            a.problems.push(alloc::format!("attribute \"approximate\" is {other:?}"));
            return None;
        }
    };
    Some(Op::Unary(Unary::Gelu { tanh }))
}

pub(crate) fn hard_sigmoid(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Unary(Unary::HardSigmoid { alpha: a.float("alpha", 0.2), beta: a.float("beta", 0.5) }))
}

pub(crate) fn modulo(a: &mut Attributes<'_>) -> Option<Op> {
    let fmod = a.flag("fmod", false);
    Some(Op::Binary(Binary::Mod { fmod, floats: fmod || a.opset >= 28 }))
}

pub(crate) fn selu(a: &mut Attributes<'_>) -> Option<Op> {
    // The constants of Klambauer et al. 2017, as ONNX gives them.
    let alpha = a.float("alpha", f32::from_bits(0x3fd6_2d7d));
    Some(Op::Unary(Unary::Selu { alpha, gamma: a.float("gamma", f32::from_bits(0x3f86_7d5f)) }))
}

pub(crate) fn shrink(a: &mut Attributes<'_>) -> Option<Op> {
    Some(Op::Unary(Unary::Shrink { bias: a.float("bias", 0.0), lambd: a.float("lambd", 0.5) }))
}

pub(crate) fn is_inf(a: &mut Attributes<'_>) -> Option<Op> {
    let negative = a.flag("detect_negative", true);
    Some(Op::Test(Test::Infinite { negative, positive: a.flag("detect_positive", true) }))
}

pub(crate) fn cast_like(a: &mut Attributes<'_>) -> Option<Op> {
    // Both attributes only concern 8-bit floats.
    a.flag("saturate", true);
    a.text("round_mode", "up");
    Some(Op::CastLike)
}

impl Unary {
    pub(crate) fn types(self, ins: &Inputs<'_>) -> OpResult<DType> {
        match self {
            Unary::Abs | Unary::Sign => ins.required(0, NUMBERS),
            Unary::Neg => ins.required(0, &[F32, I8, I32, I64]),
            _ => ins.required(0, &[F32]),
        }
    }
}

impl Binary {
    pub(crate) fn types(self, ins: &Inputs<'_>) -> OpResult<DType> {
        match self {
            Binary::Mod { floats, .. } => match ins.same(0, 1, NUMBERS)? {
                F32 if !floats => refuse!("floats need fmod = 1 before opset 28"),
                t => Ok(t),
            },
            Binary::Pow => {
                ins.required(1, &[F32, I32, I64])?;
                ins.required(0, &[F32, I32, I64])
            }
            Binary::PRelu => ins.same(0, 1, &[F32, I32, I64]),
        }
    }
}

impl Variadic {
    pub(crate) fn types(self, ins: &Inputs<'_>) -> OpResult<DType> {
        ins.all(match self {
            Variadic::Max | Variadic::Min => NUMBERS,
            Variadic::Mean | Variadic::Sum => &[F32],
        })
    }
}

impl Compare {
    pub(crate) fn types(self, ins: &Inputs<'_>) -> OpResult<DType> {
        ins.same(0, 1, if matches!(self, Compare::Equal) { ANY } else { NUMBERS })?;
        Ok(Bool)
    }
}
