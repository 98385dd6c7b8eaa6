//! Comparisons, logic on bools, and the choice between two tensors.

use alloc::vec::Vec;

use super::elementwise::zip;
use super::indexing::{broadcast, broadcast_strides, Offsets};
use super::{by_type, Args, Stored};
use crate::error::OpResult;
use crate::spec::elementwise::{Compare, Logic, Test};
use crate::tensor::{checked_count, DType, Data, Tensor};

/// False wherever NaN takes part.
#[inline(never)]
pub(super) fn compare(op: Compare, args: &Args<'_>) -> OpResult<Tensor> {
    fn of<T: Stored + PartialOrd>(op: Compare, args: &Args<'_>) -> OpResult<Tensor> {
        bools(match op {
            Compare::Equal => zip(args, |x: T, y: T| x == y)?,
            Compare::Greater => zip(args, |x: T, y: T| x > y)?,
            Compare::GreaterOrEqual => zip(args, |x: T, y: T| x >= y)?,
            Compare::Less => zip(args, |x: T, y: T| x < y)?,
            Compare::LessOrEqual => zip(args, |x: T, y: T| x <= y)?,
        })
    }
    match args.get(0)?.dtype() {
        DType::F32 => of::<f32>(op, args),
        DType::U8 | DType::Bool => of::<u8>(op, args),
        DType::I8 => of::<i8>(op, args),
        DType::I32 => of::<i32>(op, args),
        DType::I64 => of::<i64>(op, args),
    }
}

fn bools((dims, values): (Vec<usize>, Vec<bool>)) -> OpResult<Tensor> {
    Tensor::of(dims, Data::Bool(values.into_iter().map(u8::from).collect()))
}

#[inline(never)]
pub(super) fn logic(op: Logic, args: &Args<'_>) -> OpResult<Tensor> {
    let (dims, values) = match op {
        Logic::And => zip(args, |x: u8, y: u8| x & y)?,
        Logic::Or => zip(args, |x: u8, y: u8| x | y)?,
        Logic::Xor => zip(args, |x: u8, y: u8| x ^ y)?,
    };
    Tensor::of(dims, Data::Bool(values))
}

#[inline(never)]
pub(super) fn not(args: &Args<'_>) -> OpResult<Tensor> {
    let values = u8::items(args.get(0)?.data())?.iter().map(|&x| x ^ 1).collect();
    Tensor::of(args.get(0)?.dims().to_vec(), Data::Bool(values))
}

#[inline(never)]
pub(super) fn test(op: Test, args: &Args<'_>) -> OpResult<Tensor> {
    let holds = |&x: &f32| match op {
        Test::Infinite { negative, positive } => {
            (negative && x == f32::NEG_INFINITY) || (positive && x == f32::INFINITY)
        }
        Test::NaN => x.is_nan(),
    };
    bools((args.get(0)?.dims().to_vec(), args.slice::<f32>(0)?.iter().map(holds).collect()))
}

#[inline(never)]
pub(super) fn choose(args: &Args<'_>) -> OpResult<Tensor> {
    let (condition, x, y) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let dims = broadcast(&broadcast(condition.dims(), x.dims())?, y.dims())?;
    let count = checked_count(&dims)?;
    let steps = [condition, x, y].map(|t| broadcast_strides(t.dims(), &dims));
    let [which, left, right] = [0, 1, 2].map(|i| Offsets::new(&dims, &steps[i], count));
    let pick = u8::items(condition.data())?;
    let offsets = which.zip(left.zip(right));
    let data = by_type!(x.data(), x => {
        let y = Stored::items(y.data())?;
        offsets.map(|(c, (i, j))| if pick[c] != 0 { x[i] } else { y[j] }).collect()
    });
    Tensor::of(dims, data)
}
