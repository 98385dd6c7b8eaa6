//! ArgMax, ArgMin, Softmax, LogSoftmax and Hardmax: operators along one axis.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::axis_below;
use super::Args;
use crate::error::{refuse, OpResult};
use crate::tensor::{DType, Data, Element, Tensor};

/// Sizes before, along and after the axis.
fn split(dims: &[usize], axis: i64) -> OpResult<(usize, usize, usize, usize)> {
    let axis = axis_below(axis, dims.len())?;
    if dims.contains(&0) {
        refuse!("shape {:?} has no elements", dims);
    }
    let outer = dims[..axis].iter().product();
    Ok((axis, outer, dims[axis], dims[axis + 1..].iter().product()))
}

/// Which of two wins: the largest or the smallest, and of equal ones the first or the last.
#[derive(Clone, Copy)]
pub(super) struct Best {
    pub least: bool,
    pub last: bool,
}

impl Best {
    /// Index of the winner of `size` elements.
    fn of<T: Element>(self, size: usize, at: impl Fn(usize) -> T) -> usize {
        let mut found = 0;
        for k in 1..size {
            let (x, best) = (at(k), at(found));
            if (if self.least { x < best } else { x > best }) || (self.last && x == best) {
                found = k;
            }
        }
        found
    }
}

#[inline(never)]
pub(super) fn arg_best(args: &Args<'_>, axis: i64, keepdims: bool, choice: Best) -> OpResult<Tensor> {
    fn best<T: Element>(args: &Args<'_>, axis: i64, choice: Best) -> OpResult<Vec<i64>> {
        let x = args.slice::<T>(0)?;
        let (_, outer, size, inner) = split(args.get(0)?.dims(), axis)?;
        let mut out = Vec::with_capacity(outer * inner);
        for o in 0..outer {
            for i in 0..inner {
                out.push(choice.of(size, |k| x[(o * size + k) * inner + i]) as i64);
            }
        }
        Ok(out)
    }
    let x = args.get(0)?;
    let out = match x.dtype() {
        DType::F32 => best::<f32>(args, axis, choice)?,
        DType::U8 => best::<u8>(args, axis, choice)?,
        DType::I8 => best::<i8>(args, axis, choice)?,
        DType::I32 => best::<i32>(args, axis, choice)?,
        DType::I64 => best::<i64>(args, axis, choice)?,
        DType::Bool => refuse!("bool has no order"),
    };
    let mut dims = x.dims().to_vec();
    let axis = axis_below(axis, dims.len())?;
    if keepdims {
        dims[axis] = 1;
    } else {
        dims.remove(axis);
    }
    Tensor::of(dims, Data::I64(out))
}

/// The scores of each lane along an axis, in place of its elements.
pub(super) fn by_lane(args: &Args<'_>, axis: i64, f: impl Fn(&mut [f32])) -> OpResult<Tensor> {
    let x = args.slice::<f32>(0)?;
    let dims = args.get(0)?.dims();
    let (_, outer, size, inner) = split(dims, axis)?;
    let mut out = x.to_vec();
    let mut lane = vec![0f32; size];
    for o in 0..outer {
        for i in 0..inner {
            let at = |k: usize| (o * size + k) * inner + i;
            (0..size).for_each(|k| lane[k] = x[at(k)]);
            f(&mut lane);
            (0..size).for_each(|k| out[at(k)] = lane[k]);
        }
    }
    Tensor::of(dims.to_vec(), Data::F32(out))
}

/// Subtracts the largest from each, so that no exponential overflows.
fn shift(lane: &mut [f32]) {
    let max = lane[Best { least: false, last: false }.of(lane.len(), |k| lane[k])];
    lane.iter_mut().for_each(|x| *x -= max);
}

/// `exp(x - max) / sum`, with the exponential of libm 0.2 and the sum taken in order along the axis.
#[inline(never)]
pub(super) fn softmax(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    by_lane(args, axis, |lane| {
        shift(lane);
        let mut sum = 0f32;
        for x in lane.iter_mut() {
            *x = libm::expf(*x);
            sum += *x;
        }
        lane.iter_mut().for_each(|x| *x /= sum);
    })
}

/// `(x - max) - log(sum of exp(x - max))`.
#[inline(never)]
pub(super) fn log_softmax(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    by_lane(args, axis, |lane| {
        shift(lane);
        let log = libm::logf(lane.iter().fold(0f32, |sum, &x| sum + libm::expf(x)));
        lane.iter_mut().for_each(|x| *x -= log);
    })
}

/// 1 for the first of the largest elements, 0 for the others.
#[inline(never)]
pub(super) fn hardmax(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    by_lane(args, axis, |lane| {
        let found = Best { least: false, last: false }.of(lane.len(), |k| lane[k]);
        lane.fill(0.0);
        lane[found] = 1.0;
    })
}
