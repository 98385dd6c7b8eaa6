//! Mod, Pow and PRelu, and Max, Mean, Min and Sum of any number of tensors.

use alloc::vec::Vec;

use super::elementwise::{zip, zip_tensors, Arithmetic};
use super::{Args, Stored};
use crate::error::{refuse, OpResult};
use crate::spec::elementwise::{Binary, Variadic};
use crate::tensor::{DType, Data, Element, Tensor};

#[inline(never)]
pub(super) fn binary(op: Binary, args: &Args<'_>) -> OpResult<Tensor> {
    match op {
        Binary::Mod { fmod, .. } => modulo(args, fmod),
        Binary::Pow => pow(args),
        Binary::PRelu => prelu(args),
    }
}

fn modulo(args: &Args<'_>, fmod: bool) -> OpResult<Tensor> {
    /// Where `remainder` (that of C) has the wrong sign, one divisor more.
    fn by<T: Arithmetic>(args: &Args<'_>, fmod: bool, remainder: fn(T, T) -> T) -> OpResult<Tensor> {
        let zero = T::default();
        if args.slice::<T>(1)?.contains(&zero) {
            refuse!("integer division by zero");
        }
        result(zip(args, |x: T, y: T| match remainder(x, y) {
            r if !fmod && r != zero && (r < zero) != (y < zero) => r.add(y),
            r => r,
        })?)
    }
    match args.get(0)?.dtype() {
        DType::U8 => by::<u8>(args, fmod, u8::wrapping_rem),
        DType::I8 => by::<i8>(args, fmod, i8::wrapping_rem),
        DType::I32 => by::<i32>(args, fmod, i32::wrapping_rem),
        DType::I64 => by::<i64>(args, fmod, i64::wrapping_rem),
        _ if fmod => result(zip(args, libm::fmodf)?),
        _ => result(zip(args, |x: f32, y: f32| match libm::fmodf(x, y) {
            0.0 => libm::copysignf(0.0, y),
            r if (r < 0.0) != (y < 0.0) => r + y,
            r => r,
        })?),
    }
}

/// Integers to a power that is an integer wrap; to a power that is a float they are taken to float64, and the
/// result truncated.
fn pow(args: &Args<'_>) -> OpResult<Tensor> {
    /// `limit` is the first power of two outside of the type.
    fn by_float<T: Stored>(
        args: &Args<'_>,
        limit: f64,
        wide: fn(T) -> f64,
    ) -> OpResult<(Vec<usize>, Vec<f64>)> {
        let (dims, powers) = zip(args, |x: T, y: f32| libm::pow(wide(x), f64::from(y)))?;
        // Comparisons are false for NaN.
        if let Some(power) = powers.iter().find(|&&p| !(p >= -limit && p < limit)) {
            refuse!("{} is outside the range of {}", power, args.get(0)?.dtype());
        }
        Ok((dims, powers))
    }
    let exponents = match args.get(1)?.data() {
        Data::I32(v) => v.iter().all(|&y| y >= 0),
        Data::I64(v) => v.iter().all(|&y| u32::try_from(y).is_ok()),
        _ => true,
    };
    let (base, exponent) = (args.get(0)?.dtype(), args.get(1)?.dtype());
    if base != DType::F32 && !exponents {
        refuse!("an integer to a power that is not between 0 and 2^32 - 1");
    }
    match (base, exponent) {
        (DType::F32, DType::F32) => result(zip(args, libm::powf)?),
        (DType::F32, DType::I32) => result(zip(args, |x, y: i32| libm::powf(x, y as f32))?),
        (DType::F32, _) => result(zip(args, |x, y: i64| libm::powf(x, y as f32))?),
        (DType::I32, DType::I32) => result(zip(args, |x: i32, y: i32| x.wrapping_pow(y as u32))?),
        (DType::I32, DType::I64) => result(zip(args, |x: i32, y: i64| x.wrapping_pow(y as u32))?),
        (DType::I64, DType::I32) => result(zip(args, |x: i64, y: i32| x.wrapping_pow(y as u32))?),
        (DType::I64, DType::I64) => result(zip(args, |x: i64, y: i64| x.wrapping_pow(y as u32))?),
        (DType::I32, _) => {
            let (dims, powers) = by_float::<i32>(args, 2_147_483_648.0, f64::from)?;
            result((dims, powers.iter().map(|&p| p as i32).collect()))
        }
        _ => {
            let (dims, powers) = by_float::<i64>(args, 9_223_372_036_854_775_808.0, |x| x as f64)?;
            result((dims, powers.iter().map(|&p| p as i64).collect()))
        }
    }
}

fn result<T: Element>((dims, values): (Vec<usize>, Vec<T>)) -> OpResult<Tensor> {
    Tensor::of(dims, T::wrap(values))
}

/// `slope * x` where x is negative; the slope broadcasts to x, not the other way.
fn prelu(args: &Args<'_>) -> OpResult<Tensor> {
    fn of<T: Arithmetic>(args: &Args<'_>) -> OpResult<Tensor> {
        let (dims, values) = zip(args, |x: T, slope: T| if x < T::default() { slope.mul(x) } else { x })?;
        if dims != args.get(0)?.dims() {
            refuse!("slope {:?} does not broadcast to {:?}", args.get(1)?.dims(), args.get(0)?.dims());
        }
        result((dims, values))
    }
    match args.get(0)?.dtype() {
        DType::F32 => of::<f32>(args),
        DType::I32 => of::<i32>(args),
        _ => of::<i64>(args),
    }
}

#[inline(never)]
pub(super) fn variadic(op: Variadic, args: &Args<'_>) -> OpResult<Tensor> {
    match (op, args.get(0)?.dtype()) {
        (Variadic::Max, DType::F32) => fold(args, |x: f32, y| if x >= y || x.is_nan() { x } else { y }),
        (Variadic::Min, DType::F32) => fold(args, |x: f32, y| if x <= y || x.is_nan() { x } else { y }),
        (Variadic::Sum, _) => fold(args, |x: f32, y| x + y),
        (Variadic::Mean, _) => {
            let sum = fold(args, |x: f32, y| x + y)?;
            let count = args.len() as f32;
            let dims = sum.dims().to_vec();
            match sum.into_data() {
                Data::F32(v) => Tensor::of(dims, Data::F32(v.iter().map(|x| x / count).collect())),
                _ => refuse!("it takes float32 alone"),
            }
        }
        (op, DType::U8) => extreme::<u8>(op, args),
        (op, DType::I8) => extreme::<i8>(op, args),
        (op, DType::I32) => extreme::<i32>(op, args),
        (op, DType::I64) => extreme::<i64>(op, args),
        (_, DType::Bool) => refuse!("bool has no order"),
    }
}

fn extreme<T: Element + Stored + Ord>(op: Variadic, args: &Args<'_>) -> OpResult<Tensor> {
    match op {
        Variadic::Max => fold(args, T::max),
        _ => fold(args, T::min),
    }
}

/// The first tensor with the second, the result with the third, and so on.
fn fold<T: Element + Stored>(args: &Args<'_>, f: impl Fn(T, T) -> T) -> OpResult<Tensor> {
    let mut total = args.get(0)?.clone();
    for i in 1..args.len() {
        total = result(zip_tensors(&total, args.get(i)?, &f)?)?;
    }
    Ok(total)
}
