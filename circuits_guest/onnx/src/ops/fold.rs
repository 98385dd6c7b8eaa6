//! The reductions. What is folded into one result is first laid out in a row, in row-major order of the
//! folded axes; every fold then runs over its row from left to right.

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use super::indexing::{axes, strides, Offsets};
use super::{Args, Stored};
use crate::error::{refuse, OpResult};
use crate::spec::reduce::{Fold, Reduce, ReduceAxes};
use crate::tensor::{checked_count, DType, Data, Element, Tensor};

/// A tensor as rows that are folded to one element each.
struct Rows<'a, T: Clone> {
    values: Cow<'a, [T]>,
    count: usize,
    size: usize,
    dims: Vec<usize>,
}

impl<'a, T: Stored> Rows<'a, T> {
    fn of(reduce: &Reduce, args: &'a Args<'_>) -> OpResult<Self> {
        let x = args.get(0)?;
        let (own, rank) = (x.dims(), x.dims().len());
        let (given, noop) = match &reduce.axes {
            ReduceAxes::Attribute(axes) => (axes.as_deref(), false),
            ReduceAxes::Input { noop } => (args.optional_slice::<i64>(1)?, *noop),
        };
        let folded = match given.unwrap_or(&[]) {
            [] => vec![!noop; rank],
            given => axes(given, rank)?,
        };
        let (kept, gone): (Vec<usize>, Vec<usize>) = (0..rank).partition(|&axis| !folded[axis]);
        let sizes = |axes: &[usize]| axes.iter().map(|&axis| own[axis]).collect::<Vec<usize>>();
        let (count, size) = (checked_count(&sizes(&kept))?, checked_count(&sizes(&gone))?);
        let values = T::items(x.data())?;
        let order: Vec<usize> = kept.iter().chain(&gone).copied().collect();
        let values = if order.is_sorted() {
            Cow::Borrowed(values)
        } else {
            let steps = strides(own);
            let steps: Vec<usize> = order.iter().map(|&axis| steps[axis]).collect();
            let dims = sizes(&order);
            Cow::Owned(Offsets::new(&dims, &steps, values.len()).map(|i| values[i]).collect())
        };
        let dims = if reduce.keepdims {
            own.iter().zip(&folded).map(|(&size, &gone)| if gone { 1 } else { size }).collect()
        } else {
            sizes(&kept)
        };
        Ok(Rows { values, count, size, dims })
    }

    /// The fold of each row; of rows without elements, that of none.
    fn fold<U>(&self, fold: impl Fn(&[T]) -> U) -> Vec<U> {
        match self.size {
            0 => (0..self.count).map(|_| fold(&[])).collect(),
            size => self.values.chunks(size).map(fold).collect(),
        }
    }
}

#[inline(never)]
pub(super) fn reduce(reduce: &Reduce, args: &Args<'_>) -> OpResult<Tensor> {
    match args.get(0)?.dtype() {
        DType::F32 => {
            let rows = Rows::<f32>::of(reduce, args)?;
            let out = floats(reduce.fold, &rows)?;
            Tensor::of(rows.dims, Data::F32(out))
        }
        DType::I32 => integers::<i32>(reduce, args),
        DType::I64 => integers::<i64>(reduce, args),
        DType::U8 => smallest_or_largest::<u8>(reduce, args, (u8::MIN, u8::MAX), Data::U8),
        DType::I8 => smallest_or_largest::<i8>(reduce, args, (i8::MIN, i8::MAX), Data::I8),
        DType::Bool => smallest_or_largest::<u8>(reduce, args, (0, 1), Data::Bool),
    }
}

fn floats(fold: Fold, rows: &Rows<'_, f32>) -> OpResult<Vec<f32>> {
    Ok(match fold {
        Fold::L1 => rows.fold(|row| row.iter().fold(0.0, |sum, &x| sum + libm::fabsf(x))),
        Fold::L2 => rows.fold(|row| libm::sqrtf(sum_square(row))),
        Fold::LogSum => rows.fold(|row| libm::logf(sum(row))),
        Fold::LogSumExp => rows.fold(log_sum_exp),
        Fold::Max => rows.fold(largest),
        Fold::Mean if rows.size == 0 => refuse!("the mean of no elements is not defined"),
        Fold::Mean => rows.fold(|row| sum(row) / row.len() as f32),
        Fold::Min => rows.fold(|row| {
            row.iter().fold(f32::INFINITY, |best, &x| if x < best || x.is_nan() { x } else { best })
        }),
        Fold::Prod => rows.fold(|row| row.iter().fold(1.0, |product, &x| product * x)),
        Fold::Sum => rows.fold(sum),
        Fold::SumSquare => rows.fold(sum_square),
    })
}

pub(super) fn sum(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |sum, &x| sum + x)
}

pub(super) fn sum_square(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |sum, &x| sum + x * x)
}

/// Minus infinity for no elements; NaN where any is.
pub(super) fn largest(row: &[f32]) -> f32 {
    row.iter().fold(f32::NEG_INFINITY, |best, &x| if x > best || x.is_nan() { x } else { best })
}

/// `m + log(sum of exp(x - m))` with the largest element `m`, or 0 where that is infinite.
fn log_sum_exp(row: &[f32]) -> f32 {
    let m = Some(largest(row)).filter(|m| m.is_finite()).unwrap_or(0.0);
    m + libm::logf(row.iter().fold(0.0, |sum, &x| sum + libm::expf(x - m)))
}

trait Integer: Element + Stored + Ord {
    const LIMITS: (Self, Self);
    const ONE: Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn abs(self) -> Self;
}

macro_rules! integer {
    ($($t:ty),*) => {$(impl Integer for $t {
        const LIMITS: (Self, Self) = (<$t>::MIN, <$t>::MAX);
        const ONE: Self = 1;
        fn add(self, other: Self) -> Self { self.wrapping_add(other) }
        fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
        fn abs(self) -> Self { self.wrapping_abs() }
    })*};
}
integer!(i32, i64);

/// Sums and products wrap.
fn integers<T: Integer>(reduce: &Reduce, args: &Args<'_>) -> OpResult<Tensor> {
    let zero = T::default();
    let rows = Rows::<T>::of(reduce, args)?;
    let out = match reduce.fold {
        Fold::L1 => rows.fold(|row| row.iter().fold(zero, |sum, &x| sum.add(x.abs()))),
        Fold::Prod => rows.fold(|row| row.iter().fold(T::ONE, |product, &x| product.mul(x))),
        Fold::Sum => rows.fold(|row| row.iter().fold(zero, |sum, &x| sum.add(x))),
        Fold::SumSquare => rows.fold(|row| row.iter().fold(zero, |sum, &x| sum.add(x.mul(x)))),
        _ => return smallest_or_largest(reduce, args, T::LIMITS, T::wrap),
    };
    Tensor::of(rows.dims, T::wrap(out))
}

fn smallest_or_largest<T: Stored + Ord>(
    reduce: &Reduce,
    args: &Args<'_>,
    (least, most): (T, T),
    wrap: fn(Vec<T>) -> Data,
) -> OpResult<Tensor> {
    let rows = Rows::<T>::of(reduce, args)?;
    let out = match reduce.fold {
        Fold::Max => rows.fold(|row| row.iter().copied().fold(least, T::max)),
        Fold::Min => rows.fold(|row| row.iter().copied().fold(most, T::min)),
        _ => refuse!("it has no meaning for {}", args.get(0)?.dtype()),
    };
    Tensor::of(rows.dims, wrap(out))
}
