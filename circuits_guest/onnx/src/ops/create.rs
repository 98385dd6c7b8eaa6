//! Tensors made out of a shape or a few numbers, and dropout, which does nothing outside of training.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::{axis_below, check_rank, strides, Offsets};
use super::pick::sizes;
use super::{by_type, Args, Stored};
use crate::error::{refuse, OpResult};
use crate::tensor::{checked_count, Data, Tensor, MAX_ELEMENTS};

#[inline(never)]
pub(super) fn shape(x: &Tensor, start: i64, end: Option<i64>) -> OpResult<Tensor> {
    let rank = x.dims().len() as i64;
    let place = |i: i64| if i < 0 { i.saturating_add(rank) } else { i }.clamp(0, rank) as usize;
    let (start, end) = (place(start), place(end.unwrap_or(rank)));
    let dims: Vec<i64> = x.dims().get(start..end).unwrap_or(&[]).iter().map(|&n| n as i64).collect();
    Tensor::of(vec![dims.len()], Data::I64(dims))
}

#[inline(never)]
pub(super) fn size(x: &Tensor) -> OpResult<Tensor> {
    Tensor::of(Vec::new(), Data::I64(vec![x.data().len() as i64]))
}

#[inline(never)]
pub(super) fn constant_of_shape(args: &Args<'_>, value: &Tensor) -> OpResult<Tensor> {
    let dims = sizes(args.slice::<i64>(0)?)?;
    let count = checked_count(&dims)?;
    let data = by_type!(value.data(), v => vec![v[0]; count]);
    Tensor::of(dims, data)
}

fn scalar<T: Stored>(args: &Args<'_>, i: usize) -> OpResult<T> {
    match T::items(args.get(i)?.data())? {
        &[value] => Ok(value),
        _ => refuse!("input {} has dims {:?}, expected one element", i, args.get(i)?.dims()),
    }
}

/// `start + i * delta`; the number of elements is `ceil((limit - start) / delta)`, if positive.
#[inline(never)]
pub(super) fn range(args: &Args<'_>) -> OpResult<Tensor> {
    fn count(n: i128) -> OpResult<usize> {
        match usize::try_from(n.max(0)) {
            Ok(n) if n <= MAX_ELEMENTS => Ok(n),
            _ => refuse!("a range of {} elements", n),
        }
    }
    fn integers(start: i64, limit: i64, delta: i64) -> OpResult<impl Iterator<Item = i64>> {
        let span = i128::from(limit) - i128::from(start);
        let delta = i128::from(delta);
        if delta == 0 {
            refuse!("delta is 0");
        }
        let n = count((span + delta - delta.signum()) / delta)?;
        // Below the limit, so within its type.
        Ok((0..n).map(move |i| (i128::from(start) + i as i128 * delta) as i64))
    }
    let data = match args.get(0)?.data() {
        Data::F32(_) => {
            let (start, limit, delta): (f32, f32, f32) =
                (scalar(args, 0)?, scalar(args, 1)?, scalar(args, 2)?);
            let n = libm::ceilf((limit - start) / delta);
            if n.is_nan() || delta == 0.0 {
                refuse!("a range from {} to {} by {}", start, limit, delta);
            }
            Data::F32((0..count(n as i128)?).map(|i| start + i as f32 * delta).collect())
        }
        Data::I32(_) => {
            let (start, limit, delta): (i32, i32, i32) =
                (scalar(args, 0)?, scalar(args, 1)?, scalar(args, 2)?);
            Data::I32(integers(start.into(), limit.into(), delta.into())?.map(|v| v as i32).collect())
        }
        _ => {
            let (start, limit, delta) = (scalar(args, 0)?, scalar(args, 1)?, scalar(args, 2)?);
            Data::I64(integers(start, limit, delta)?.collect())
        }
    };
    Tensor::of(vec![data.len()], data)
}

/// Numbers as integers, floats truncated.
fn whole(tensor: &Tensor) -> Vec<i64> {
    match tensor.data() {
        Data::F32(v) => v.iter().map(|&x| x as i64).collect(),
        Data::I64(v) => v.clone(),
        Data::I32(v) => v.iter().map(|&x| x.into()).collect(),
        Data::I8(v) => v.iter().map(|&x| x.into()).collect(),
        Data::U8(v) | Data::Bool(v) => v.iter().map(|&x| x.into()).collect(),
    }
}

#[inline(never)]
pub(super) fn one_hot(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let (places, values) = (args.get(0)?, args.get(2)?);
    let depth = match whole(args.get(1)?)[..] {
        [depth] if (1..=MAX_ELEMENTS as i64).contains(&depth) => depth,
        _ => refuse!("depth is not one number from 1 to {}", MAX_ELEMENTS),
    };
    if values.data().len() != 2 {
        refuse!("values has dims {:?}, expected an off and an on value", values.dims());
    }
    let rank = places.dims().len() + 1;
    check_rank(rank)?;
    let axis = axis_below(axis, rank)?;
    let mut dims = places.dims().to_vec();
    dims.insert(axis, depth as usize);
    let count = checked_count(&dims)?;
    let inner: usize = places.dims()[axis..].iter().product();
    let data = by_type!(values.data(), v => {
        let mut out = vec![v[0]; count];
        for (i, &place) in whole(places).iter().enumerate() {
            let place = if place < 0 { place.saturating_add(depth) } else { place };
            if (0..depth).contains(&place) {
                out[(i / inner * depth as usize + place as usize) * inner + i % inner] = v[1];
            }
        }
        out
    });
    Tensor::of(dims, data)
}

#[inline(never)]
pub(super) fn dropout(args: &mut Args<'_>) -> OpResult<Vec<Tensor>> {
    let training = args.optional(2).is_some_and(|t| !matches!(t.data(), Data::Bool(v) if v[..] == [0]));
    if training && args.optional_slice::<f32>(1)? != Some(&[0.0]) {
        refuse!("training_mode is not false: what it drops is random");
    }
    let x = args.take(0)?;
    let kept = Tensor::of(x.dims().to_vec(), Data::Bool(vec![1; x.data().len()]))?;
    Ok(vec![x, kept])
}

/// The elements of `x` as if it had the dims `split`, with these axes in the order `perm`.
fn rearranged(x: &Tensor, split: &[usize], perm: &[usize], dims: Vec<usize>) -> OpResult<Tensor> {
    let own = strides(split);
    let view: Vec<usize> = perm.iter().map(|&axis| split[axis]).collect();
    let steps: Vec<usize> = perm.iter().map(|&axis| own[axis]).collect();
    let data = by_type!(x.data(), v => Offsets::new(&view, &steps, v.len()).map(|i| v[i]).collect());
    Tensor::of(dims, data)
}

#[inline(never)]
pub(super) fn depth_to_space(x: &Tensor, block: usize, column_first: bool) -> OpResult<Tensor> {
    let &[n, c, h, w] = x.dims() else { refuse!("shape {:?} is not of an image batch", x.dims()) };
    if c % (block * block) != 0 {
        refuse!("{} channels are not blocks of {} x {}", c, block, block);
    }
    let depth = c / (block * block);
    let dims = vec![n, depth, h * block, w * block];
    checked_count(&dims)?;
    if column_first {
        rearranged(x, &[n, depth, block, block, h, w], &[0, 1, 4, 2, 5, 3], dims)
    } else {
        rearranged(x, &[n, block, block, depth, h, w], &[0, 3, 4, 1, 5, 2], dims)
    }
}

#[inline(never)]
pub(super) fn space_to_depth(x: &Tensor, block: usize, column_first: bool) -> OpResult<Tensor> {
    let &[n, c, h, w] = x.dims() else { refuse!("shape {:?} is not of an image batch", x.dims()) };
    if h % block != 0 || w % block != 0 {
        refuse!("an image of {} x {} is not made of blocks of {} x {}", h, w, block, block);
    }
    let (h, w) = (h / block, w / block);
    let dims = vec![n, c * block * block, h, w];
    checked_count(&dims)?;
    let perm = if column_first { [0, 1, 3, 5, 2, 4] } else { [0, 3, 5, 1, 2, 4] };
    rearranged(x, &[n, c, h, block, w, block], &perm, dims)
}
