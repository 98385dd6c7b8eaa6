//! ArgMax and Softmax: operators along one axis.

use alloc::vec;

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

#[inline(never)]
pub(super) fn arg_max(args: &Args<'_>, axis: i64, keepdims: bool, last: bool) -> OpResult<Tensor> {
    fn best<T: Element>(args: &Args<'_>, axis: i64, last: bool) -> OpResult<alloc::vec::Vec<i64>> {
        let x = args.slice::<T>(0)?;
        let (_, outer, size, inner) = split(args.get(0)?.dims(), axis)?;
        let mut out = alloc::vec::Vec::with_capacity(outer * inner);
        for o in 0..outer {
            for i in 0..inner {
                let at = |k: usize| x[(o * size + k) * inner + i];
                let mut found = 0;
                for k in 1..size {
                    if at(k) > at(found) || (last && at(k) == at(found)) {
                        found = k;
                    }
                }
                out.push(found as i64);
            }
        }
        Ok(out)
    }
    let x = args.get(0)?;
    let out = match x.dtype() {
        DType::F32 => best::<f32>(args, axis, last)?,
        DType::U8 => best::<u8>(args, axis, last)?,
        DType::I8 => best::<i8>(args, axis, last)?,
        DType::I32 => best::<i32>(args, axis, last)?,
        DType::I64 => best::<i64>(args, axis, last)?,
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

/// `exp(x - max) / sum`, with the exponential of libm 0.2 and the sum taken in order along the axis.
#[inline(never)]
pub(super) fn softmax(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let x = args.slice::<f32>(0)?;
    let dims = args.get(0)?.dims();
    let (_, outer, size, inner) = split(dims, axis)?;
    let mut out = vec![0f32; x.len()];
    for o in 0..outer {
        for i in 0..inner {
            let at = |k: usize| (o * size + k) * inner + i;
            let mut max = x[at(0)];
            for k in 1..size {
                if x[at(k)] > max {
                    max = x[at(k)];
                }
            }
            let mut sum = 0f32;
            for k in 0..size {
                let e = libm::expf(x[at(k)] - max);
                out[at(k)] = e;
                sum += e;
            }
            for k in 0..size {
                out[at(k)] /= sum;
            }
        }
    }
    Tensor::of(dims.to_vec(), Data::F32(out))
}
