//! Functions of one number. Transcendental ones are those of libm 0.2, which are the same operations in
//! the same order on every target; what is built on them is written out in the order that it runs.

use alloc::vec::Vec;

use super::Args;
use crate::error::{refuse, OpResult};
use crate::spec::elementwise::Unary;
use crate::tensor::{Data, Tensor};

// The nearest float32 to each; the guest has no constants of higher precision to round from.
const FRAC_1_SQRT_2: f32 = core::f32::consts::FRAC_1_SQRT_2;
const SQRT_2_OVER_PI: f32 = 0.797_884_6;

#[inline(never)]
pub(super) fn unary(op: Unary, args: &mut Args<'_>) -> OpResult<Tensor> {
    let x = args.take(0)?;
    let dims = x.dims().to_vec();
    let data = match x.into_data() {
        Data::F32(mut v) => {
            float(op, &mut v);
            Data::F32(v)
        }
        Data::I8(v) => Data::I8(integers(op, v, i8::wrapping_abs, i8::wrapping_neg, i8::signum)?),
        Data::I32(v) => Data::I32(integers(op, v, i32::wrapping_abs, i32::wrapping_neg, i32::signum)?),
        Data::I64(v) => Data::I64(integers(op, v, i64::wrapping_abs, i64::wrapping_neg, i64::signum)?),
        Data::U8(v) => Data::U8(integers(op, v, |x| x, u8::wrapping_neg, |x| x.min(1))?),
        Data::Bool(_) => refuse!("bool is no number"),
    };
    Tensor::of(dims, data)
}

fn integers<T: Copy>(
    op: Unary,
    mut values: Vec<T>,
    abs: impl Fn(T) -> T,
    neg: impl Fn(T) -> T,
    sign: impl Fn(T) -> T,
) -> OpResult<Vec<T>> {
    match op {
        Unary::Abs => map(&mut values, abs),
        Unary::Neg => map(&mut values, neg),
        Unary::Sign => map(&mut values, sign),
        _ => refuse!("it takes float32 alone"),
    }
    Ok(values)
}

fn map<T: Copy>(values: &mut [T], f: impl Fn(T) -> T) {
    values.iter_mut().for_each(|v| *v = f(*v));
}

fn float(op: Unary, values: &mut [f32]) {
    match op {
        Unary::Abs => map(values, libm::fabsf),
        Unary::Acos => map(values, libm::acosf),
        Unary::Acosh => map(values, libm::acoshf),
        Unary::Asin => map(values, libm::asinf),
        Unary::Asinh => map(values, libm::asinhf),
        Unary::Atan => map(values, libm::atanf),
        Unary::Atanh => map(values, libm::atanhf),
        Unary::Ceil => map(values, libm::ceilf),
        Unary::Celu { alpha } => map(values, |x| if x > 0.0 { x } else { alpha * libm::expm1f(x / alpha) }),
        Unary::Cos => map(values, libm::cosf),
        Unary::Cosh => map(values, libm::coshf),
        Unary::Elu { alpha } => map(values, |x| if x > 0.0 { x } else { alpha * libm::expm1f(x) }),
        Unary::Erf => map(values, libm::erff),
        Unary::Exp => map(values, libm::expf),
        Unary::Floor => map(values, libm::floorf),
        Unary::Gelu { tanh: false } => map(values, |x| 0.5 * x * (1.0 + libm::erff(x * FRAC_1_SQRT_2))),
        Unary::Gelu { tanh: true } => map(values, |x| {
            let inner = SQRT_2_OVER_PI * (x + 0.044715 * (x * x * x));
            0.5 * x * (1.0 + libm::tanhf(inner))
        }),
        Unary::HardSigmoid { alpha, beta } => map(values, |x| hard_sigmoid(x, alpha, beta)),
        Unary::HardSwish => map(values, |x| x * hard_sigmoid(x, 1.0 / 6.0, 0.5)),
        Unary::LeakyRelu { alpha } => map(values, |x| if x < 0.0 { alpha * x } else { x }),
        Unary::Log => map(values, libm::logf),
        Unary::Mish => map(values, |x| x * libm::tanhf(softplus(x))),
        Unary::Neg => map(values, |x| -x),
        Unary::Reciprocal => map(values, |x| 1.0 / x),
        Unary::Round => map(values, libm::rintf),
        Unary::Selu { alpha, gamma } => {
            map(values, |x| gamma * if x > 0.0 { x } else { alpha * libm::expm1f(x) });
        }
        Unary::Shrink { bias, lambd } => map(values, |x| match x {
            x if x < -lambd => x + bias,
            x if x > lambd => x - bias,
            _ => 0.0,
        }),
        Unary::Sigmoid => map(values, sigmoid),
        // Zero and NaN as they are.
        Unary::Sign => map(values, |x| match x {
            x if x > 0.0 => 1.0,
            x if x < 0.0 => -1.0,
            x => x,
        }),
        Unary::Sin => map(values, libm::sinf),
        Unary::Sinh => map(values, libm::sinhf),
        Unary::Softplus => map(values, softplus),
        Unary::Softsign => map(values, |x| x / (1.0 + libm::fabsf(x))),
        Unary::Sqrt => map(values, libm::sqrtf),
        Unary::Swish { alpha } => map(values, |x| x * sigmoid(alpha * x)),
        Unary::Tan => map(values, libm::tanf),
        Unary::Tanh => map(values, libm::tanhf),
        Unary::ThresholdedRelu { alpha } => map(values, |x| if x > alpha { x } else { 0.0 }),
    }
}

/// `1 / (1 + exp(-x))`: 0 where the exponential overflows.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

/// `log(1 + exp(x))`, in the form whose exponential cannot overflow.
fn softplus(x: f32) -> f32 {
    if x > 0.0 {
        x + libm::log1pf(libm::expf(-x))
    } else {
        libm::log1pf(libm::expf(x))
    }
}

/// `max(0, min(1, alpha * x + beta))`, NaN kept.
pub(super) fn hard_sigmoid(x: f32, alpha: f32, beta: f32) -> f32 {
    let y = alpha * x + beta;
    let y = if y < 0.0 { 0.0 } else { y };
    if y > 1.0 {
        1.0
    } else {
        y
    }
}
