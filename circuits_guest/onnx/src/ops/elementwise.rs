//! Operators that treat each element alone. Integer Add, Sub and Mul wrap, as in ONNX Runtime.

use alloc::vec::Vec;

use super::indexing::{broadcast, broadcast_strides, Offsets};
use super::{Args, Stored};
use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::tensor::{checked_count, DType, Data, Element, Tensor};

pub(super) trait Arithmetic: Element + Stored {
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Integers truncate toward zero; the divisor is never an integer zero.
    fn div(self, other: Self) -> Self;
    const INTEGER: bool;
}

macro_rules! integer {
    ($($t:ty),*) => {$(impl Arithmetic for $t {
        fn add(self, other: Self) -> Self { self.wrapping_add(other) }
        fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
        fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
        fn div(self, other: Self) -> Self { self.wrapping_div(other) }
        const INTEGER: bool = true;
    })*};
}
integer!(u8, i8, i32, i64);

impl Arithmetic for f32 {
    fn add(self, other: Self) -> Self {
        self + other
    }
    fn sub(self, other: Self) -> Self {
        self - other
    }
    fn mul(self, other: Self) -> Self {
        self * other
    }
    fn div(self, other: Self) -> Self {
        self / other
    }
    const INTEGER: bool = false;
}

#[inline(never)]
pub(super) fn binary(op: &Op, args: &Args<'_>) -> OpResult<Tensor> {
    match args.get(0)?.dtype() {
        DType::F32 => typed_binary::<f32>(op, args),
        DType::U8 => typed_binary::<u8>(op, args),
        DType::I8 => typed_binary::<i8>(op, args),
        DType::I32 => typed_binary::<i32>(op, args),
        DType::I64 => typed_binary::<i64>(op, args),
        DType::Bool => refuse!("bool has no arithmetic"),
    }
}

fn typed_binary<T: Arithmetic>(op: &Op, args: &Args<'_>) -> OpResult<Tensor> {
    if matches!(op, Op::Div) && T::INTEGER && args.slice::<T>(1)?.contains(&T::default()) {
        refuse!("integer division by zero");
    }
    let (dims, values) = match op {
        Op::Add => zip(args, T::add)?,
        Op::Sub => zip(args, T::sub)?,
        Op::Mul => zip(args, T::mul)?,
        _ => zip(args, T::div)?,
    };
    Tensor::of(dims, T::wrap(values))
}

/// The function of each pair of elements of the first two inputs, under their broadcast dims.
pub(super) fn zip<A: Stored, B: Stored, C>(
    args: &Args<'_>,
    f: impl Fn(A, B) -> C,
) -> OpResult<(Vec<usize>, Vec<C>)> {
    zip_tensors(args.get(0)?, args.get(1)?, f)
}

/// Not inlined: each use is one small function, and code that is not reached costs no page of the guest.
#[inline(never)]
pub(super) fn zip_tensors<A: Stored, B: Stored, C>(
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(A, B) -> C,
) -> OpResult<(Vec<usize>, Vec<C>)> {
    let (a_dims, b_dims) = (a.dims(), b.dims());
    let (a, b) = (A::items(a.data())?, B::items(b.data())?);
    let dims = broadcast(a_dims, b_dims)?;
    let count = checked_count(&dims)?;
    // A bias: b repeats as a whole along a, also where it is as large as a or a single element.
    let lead = b_dims.iter().take_while(|&&d| d == 1).count();
    let values: Vec<C> = if a.len() == count && dims.ends_with(&b_dims[lead..]) {
        let mut values = Vec::with_capacity(count);
        a.chunks(b.len().max(1)).for_each(|run| values.extend(run.iter().zip(b).map(|(&x, &y)| f(x, y))));
        values
    } else {
        let (a_strides, b_strides) = (broadcast_strides(a_dims, &dims), broadcast_strides(b_dims, &dims));
        let pairs = Offsets::new(&dims, &a_strides, count).zip(Offsets::new(&dims, &b_strides, count));
        pairs.map(|(i, j)| f(a[i], b[j])).collect()
    };
    Ok((dims, values))
}

fn map<T: Copy>(mut values: Vec<T>, f: impl Fn(T) -> T) -> Vec<T> {
    values.iter_mut().for_each(|v| *v = f(*v));
    values
}

/// `x < 0 ? 0 : x`, which keeps -0.
#[inline(never)]
pub(super) fn relu(x: Tensor) -> OpResult<Tensor> {
    let dims = x.dims().to_vec();
    let data = match x.into_data() {
        Data::F32(v) => Data::F32(map(v, |x| if x < 0.0 { 0.0 } else { x })),
        Data::I8(v) => Data::I8(map(v, |x| x.max(0))),
        Data::I32(v) => Data::I32(map(v, |x| x.max(0))),
        Data::I64(v) => Data::I64(map(v, |x| x.max(0))),
        other => other,
    };
    Tensor::of(dims, data)
}

/// `min(max(x, low), high)`, so that `high` wins where the bounds cross.
#[inline(never)]
pub(super) fn clip(args: &mut Args<'_>) -> OpResult<Tensor> {
    fn clamped<T: Element>(x: Vec<T>, args: &Args<'_>) -> OpResult<Data> {
        let bound = |i: usize| match args.optional_slice::<T>(i)? {
            None => Ok(None),
            Some(&[bound]) => Ok(Some(bound)),
            Some(_) => refuse!("a bound has more than one element"),
        };
        let (low, high) = (bound(1)?, bound(2)?);
        Ok(T::wrap(map(x, |x| {
            let x = low.filter(|&low| x < low).unwrap_or(x);
            high.filter(|&high| x > high).unwrap_or(x)
        })))
    }
    let x = args.take(0)?;
    let dims = x.dims().to_vec();
    let data = match x.into_data() {
        Data::F32(v) => clamped(v, args)?,
        Data::U8(v) => clamped(v, args)?,
        Data::I8(v) => clamped(v, args)?,
        Data::I32(v) => clamped(v, args)?,
        Data::I64(v) => clamped(v, args)?,
        Data::Bool(_) => refuse!("bool cannot be clipped"),
    };
    Tensor::of(dims, data)
}

/// Integers wrap, as in C. Floats truncate toward zero, and outside the target's range are refused.
#[inline(never)]
pub(super) fn cast(x: Tensor, to: DType) -> OpResult<Tensor> {
    if x.dtype() == to {
        return Ok(x);
    }
    let dims = x.dims().to_vec();
    let data = match x.into_data() {
        Data::F32(v) => from_float(&v, to)?,
        Data::U8(v) => from_integer(v.iter().map(|&x| i64::from(x)), to),
        Data::Bool(v) => from_integer(v.iter().map(|&x| i64::from(x)), to),
        Data::I8(v) => from_integer(v.iter().map(|&x| i64::from(x)), to),
        Data::I32(v) => from_integer(v.iter().map(|&x| i64::from(x)), to),
        Data::I64(v) => from_integer(v.iter().copied(), to),
    };
    Tensor::of(dims, data)
}

fn from_integer(values: impl Iterator<Item = i64>, to: DType) -> Data {
    match to {
        DType::F32 => Data::F32(values.map(|x| x as f32).collect()),
        DType::U8 => Data::U8(values.map(|x| x as u8).collect()),
        DType::I8 => Data::I8(values.map(|x| x as i8).collect()),
        DType::I32 => Data::I32(values.map(|x| x as i32).collect()),
        DType::I64 => Data::I64(values.collect()),
        DType::Bool => Data::Bool(values.map(|x| u8::from(x != 0)).collect()),
    }
}

fn from_float(values: &[f32], to: DType) -> OpResult<Data> {
    // The nearest floats outside the range after truncation; comparisons are false for NaN.
    let (low, high) = match to {
        DType::U8 => (-1.0, 256.0),
        DType::I8 => (-129.0, 128.0),
        DType::I32 => (-2_147_483_904.0, 2_147_483_648.0),
        DType::I64 => (-9_223_373_136_366_403_584.0, 9_223_372_036_854_775_808.0),
        DType::F32 | DType::Bool => (f32::NEG_INFINITY, f32::INFINITY),
    };
    if to == DType::Bool {
        return Ok(Data::Bool(values.iter().map(|&x| u8::from(x != 0.0)).collect()));
    }
    if let Some(x) = values.iter().find(|&&x| !(x > low && x < high)) {
        refuse!("{} is outside the range of {}", x, to);
    }
    Ok(match to {
        DType::U8 => Data::U8(values.iter().map(|&x| x as u8).collect()),
        DType::I8 => Data::I8(values.iter().map(|&x| x as i8).collect()),
        DType::I32 => Data::I32(values.iter().map(|&x| x as i32).collect()),
        _ => Data::I64(values.iter().map(|&x| x as i64).collect()),
    })
}
