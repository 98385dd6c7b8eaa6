//! Element types of an operator's outputs, found when the model is parsed, so that a type that cannot
//! be run is refused before any input is seen.

use alloc::vec;
use alloc::vec::Vec;

use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::tensor::DType::{self, Bool, F32, I32, I64, I8, U8};

pub(crate) const QUANTIZED: &[DType] = &[U8, I8];
pub(crate) const NUMBERS: &[DType] = &[F32, I32, I64, I8, U8];
pub(crate) const ANY: &[DType] = &[F32, I32, I64, I8, U8, Bool];

/// Types of the inputs of one node, `None` where an optional one is left out.
pub(crate) struct Inputs<'a>(pub &'a [Option<DType>]);

impl Inputs<'_> {
    pub(crate) fn given(&self, i: usize) -> Option<DType> {
        self.0.get(i).copied().flatten()
    }

    pub(crate) fn required(&self, i: usize, allowed: &[DType]) -> OpResult<DType> {
        match self.given(i) {
            Some(t) if allowed.contains(&t) => Ok(t),
            Some(t) => refuse!("input {} has type {}, which is not supported there", i, t),
            None => refuse!("input {} is missing", i),
        }
    }

    pub(crate) fn optional(&self, i: usize, expected: DType) -> OpResult<()> {
        match self.given(i) {
            Some(t) if t != expected => refuse!("input {} has type {}, expected {}", i, t, expected),
            _ => Ok(()),
        }
    }

    /// All inputs have the type of the first.
    pub(crate) fn all(&self, allowed: &[DType]) -> OpResult<DType> {
        let t = self.required(0, allowed)?;
        (1..self.0.len()).try_for_each(|i| self.required(i, &[t]).map(drop))?;
        Ok(t)
    }

    pub(crate) fn same(&self, a: usize, b: usize, allowed: &[DType]) -> OpResult<DType> {
        let t = self.required(a, allowed)?;
        self.required(b, &[t])
    }
}

/// Types of the `outputs` results of `op`, or the first reason why these input types cannot be run.
pub(crate) fn infer(op: &Op, types: &[Option<DType>], outputs: usize) -> OpResult<Vec<DType>> {
    let ins = Inputs(types);
    Ok(vec![match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div => ins.same(0, 1, NUMBERS)?,
        Op::ArgMax { .. } | Op::ArgMin { .. } => {
            ins.required(0, NUMBERS)?;
            I64
        }
        Op::AveragePool { .. }
        | Op::GlobalAveragePool
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::Hardmax { .. } => ins.required(0, &[F32])?,
        Op::Cast { to } => {
            ins.required(0, ANY)?;
            *to
        }
        Op::Clip => {
            let t = ins.required(0, NUMBERS)?;
            ins.optional(1, t)?;
            ins.optional(2, t)?;
            t
        }
        Op::Concat { .. } => ins.all(ANY)?,
        Op::Constant(tensor) => tensor.dtype(),
        Op::Conv(_) | Op::ConvTranspose(_) => {
            ins.same(0, 1, &[F32])?;
            ins.optional(2, F32)?;
            F32
        }
        Op::ConvInteger(_) | Op::MatMulInteger => {
            let (a, b) = (ins.required(0, QUANTIZED)?, ins.required(1, QUANTIZED)?);
            ins.optional(2, a)?;
            ins.optional(3, b)?;
            I32
        }
        Op::DequantizeLinear { .. } => {
            let t = ins.required(0, &[U8, I8, I32])?;
            ins.required(1, &[F32])?;
            ins.optional(2, t)?;
            F32
        }
        Op::DynamicQuantizeLinear => {
            ins.required(0, &[F32])?;
            return Ok(vec![U8, F32, U8]);
        }
        Op::Einsum(einsum) => {
            if ins.0.len() != einsum.operands.len() {
                refuse!("{} inputs, but {} in the equation", ins.0.len(), einsum.operands.len());
            }
            ins.all(&[F32, I32, I64])?
        }
        Op::Flatten { .. } | Op::Identity | Op::Transpose { .. } => ins.required(0, ANY)?,
        Op::Gemm { .. } => {
            ins.same(0, 1, &[F32])?;
            ins.optional(2, F32)?;
            F32
        }
        Op::MatMul => ins.same(0, 1, &[F32, I32, I64])?,
        Op::MaxPool(_) => ins.required(0, &[F32, I8, U8])?,
        Op::QGemm { .. } => {
            factor(&ins, 0, 1, 2)?;
            factor(&ins, 3, 4, 5)?;
            ins.optional(6, I32)?;
            ins.optional(7, F32)?;
            match (ins.given(7), ins.given(8)) {
                (None, None) => F32,
                (Some(_), Some(zero)) if QUANTIZED.contains(&zero) => zero,
                _ => refuse!("y_scale and y_zero_point must be given together, or neither"),
            }
        }
        Op::QLinearConv(_) => {
            factor(&ins, 0, 1, 2)?;
            factor(&ins, 3, 4, 5)?;
            ins.required(6, &[F32])?;
            ins.optional(8, I32)?;
            ins.required(7, QUANTIZED)?
        }
        Op::QLinearMatMul => {
            factor(&ins, 0, 1, 2)?;
            factor(&ins, 3, 4, 5)?;
            ins.required(6, &[F32])?;
            ins.required(7, QUANTIZED)?
        }
        Op::QuantizeLinear { to, .. } => {
            ins.same(0, 1, &[F32])?;
            match (ins.given(2), *to) {
                (Some(zero), Some(to)) if zero != to => {
                    refuse!("output_dtype is {}, but the zero point has type {}", to, zero)
                }
                (Some(_), _) => ins.required(2, QUANTIZED)?,
                (None, to) => to.unwrap_or(U8),
            }
        }
        Op::Relu => ins.required(0, &[F32, I8, I32, I64])?,
        Op::Reshape { .. } | Op::Unsqueeze => {
            ins.required(1, &[I64])?;
            ins.required(0, ANY)?
        }
        Op::Ml(op) => return op.types(&ins),
        Op::Recurrent(op) => return op.types(&ins),
        Op::Select(op) => return op.types(&ins),
        Op::Squeeze => {
            ins.optional(1, I64)?;
            ins.required(0, ANY)?
        }
        Op::GlobalMaxPool => ins.required(0, &[F32])?,
        Op::Norm(op) => return op.types(&ins),
        Op::Data(op) => return op.types(&ins, outputs),
        Op::Reduce(op) => op.types(&ins)?,
        Op::Binary(op) => op.types(&ins)?,
        Op::CastLike => {
            ins.required(0, ANY)?;
            ins.required(1, ANY)?
        }
        Op::Compare(op) => op.types(&ins)?,
        Op::Logic(_) => ins.same(0, 1, &[Bool])?,
        Op::Not => ins.required(0, &[Bool])?,
        Op::Test(_) => {
            ins.required(0, &[F32])?;
            Bool
        }
        Op::Unary(op) => op.types(&ins)?,
        Op::Variadic(op) => op.types(&ins)?,
        Op::Where => {
            ins.required(0, &[Bool])?;
            ins.same(1, 2, ANY)?
        }
    }])
}

/// A quantised operand: its values, scale and zero point.
fn factor(ins: &Inputs<'_>, values: usize, scale: usize, zero: usize) -> OpResult<()> {
    let t = ins.required(values, QUANTIZED)?;
    ins.required(scale, &[F32])?;
    ins.optional(zero, t)
}
