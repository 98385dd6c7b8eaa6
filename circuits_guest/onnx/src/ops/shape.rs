//! Operators that move elements or rename dimensions.

use alloc::vec::Vec;

use super::indexing::{axes, axis_below, check_rank, strides, Offsets};
use super::{by_type, Args, Stored};
use crate::error::{refuse, OpResult};
use crate::tensor::{checked_count, Data, Tensor};

#[inline(never)]
pub(super) fn flatten(x: Tensor, axis: i64) -> OpResult<Tensor> {
    let rank = x.dims().len();
    let axis = if axis == rank as i64 { rank } else { axis_below(axis, rank)? };
    let rows: usize = x.dims()[..axis].iter().product();
    let columns: usize = x.dims()[axis..].iter().product();
    x.reshaped([rows, columns].into())
}

#[inline(never)]
pub(super) fn reshape(args: &mut Args<'_>, allow_zero: bool) -> OpResult<Tensor> {
    let wanted = args.slice::<i64>(1)?.to_vec();
    let x = args.take(0)?;
    check_rank(wanted.len())?;
    let mut dims = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (i, &size) in wanted.iter().enumerate() {
        dims.push(match size {
            0 if allow_zero => 0,
            0 if i < x.dims().len() => x.dims()[i],
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            size if size > 0 => usize::try_from(size).unwrap_or(usize::MAX),
            _ => refuse!("shape {:?} is not valid for {:?}", wanted, x.dims()),
        });
    }
    if let Some(i) = open {
        let rest = checked_count(&dims)?;
        if rest == 0 || x.data().len() % rest != 0 {
            refuse!("shape {:?} does not divide {:?}", wanted, x.dims());
        }
        dims[i] = x.data().len() / rest;
    }
    x.reshaped(dims)
}

#[inline(never)]
pub(super) fn squeeze(args: &mut Args<'_>) -> OpResult<Tensor> {
    let rank = args.get(0)?.dims().len();
    let chosen = args.optional_slice::<i64>(1)?.map(|v| axes(v, rank)).transpose()?;
    let x = args.take(0)?;
    let mut dims = Vec::new();
    for (i, &size) in x.dims().iter().enumerate() {
        match chosen.as_ref().map_or(size == 1, |chosen| chosen[i]) {
            true if size != 1 => refuse!("axis {} of {:?} is not of size 1", i, x.dims()),
            true => {}
            false => dims.push(size),
        }
    }
    x.reshaped(dims)
}

#[inline(never)]
pub(super) fn unsqueeze(args: &mut Args<'_>) -> OpResult<Tensor> {
    let values = args.slice::<i64>(1)?;
    let rank = args.get(0)?.dims().len() + values.len();
    check_rank(rank)?;
    let chosen = axes(values, rank)?;
    let x = args.take(0)?;
    let mut own = x.dims().iter();
    let dims = chosen.iter().map(|&new| if new { 1 } else { own.next().copied().unwrap_or(1) }).collect();
    x.reshaped(dims)
}

#[inline(never)]
pub(super) fn transpose(args: &Args<'_>, perm: Option<&[usize]>) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let rank = x.dims().len();
    let perm: Vec<usize> = perm.map_or_else(|| (0..rank).rev().collect(), <[usize]>::to_vec);
    if perm.len() != rank || (0..rank).any(|axis| !perm.contains(&axis)) {
        refuse!("perm {:?} is no permutation of {} axes", perm, rank);
    }
    let own = strides(x.dims());
    let dims: Vec<usize> = perm.iter().map(|&axis| x.dims()[axis]).collect();
    let steps: Vec<usize> = perm.iter().map(|&axis| own[axis]).collect();
    let offsets = || Offsets::new(&dims, &steps, x.data().len());
    let data = by_type!(x.data(), v => offsets().map(|i| v[i]).collect());
    Tensor::of(dims.clone(), data)
}

#[inline(never)]
pub(super) fn concat(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let first = args.get(0)?;
    let axis = axis_below(axis, first.dims().len())?;
    let parts = (0..args.len()).map(|i| args.get(i)).collect::<OpResult<Vec<&Tensor>>>()?;
    let mut dims = first.dims().to_vec();
    dims[axis] = 0;
    for part in &parts {
        let fits = |(i, (&a, &b)): (usize, (&usize, &usize))| i == axis || a == b;
        let own = part.dims();
        if own.len() != dims.len() || !own.iter().zip(first.dims()).enumerate().all(fits) {
            refuse!("shapes {:?} and {:?} do not join along axis {}", first.dims(), own, axis);
        }
        // Counted at once: of many parts without elements the sum could leave the guest's 32 bits.
        dims[axis] = checked_count(&[dims[axis] + own[axis]])?;
    }
    let count = checked_count(&dims)?;
    let outer: usize = dims[..axis].iter().product();
    let inner: usize = dims[axis + 1..].iter().product();
    // Every part has the type of the first, so the data of each can be read as that type.
    let data = by_type!(first.data(), _v => {
        let mut out = Vec::with_capacity(count);
        for row in 0..outer {
            for part in &parts {
                let run = part.dims()[axis] * inner;
                extend(&mut out, part.data(), row * run, run)?;
            }
        }
        out
    });
    Tensor::of(dims, data)
}

fn extend<T: Stored>(out: &mut Vec<T>, data: &Data, start: usize, len: usize) -> OpResult<()> {
    out.extend_from_slice(&T::items(data)?[start..start + len]);
    Ok(())
}
