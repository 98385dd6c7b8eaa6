//! Axes, strides and broadcasting.

use alloc::vec;
use alloc::vec::Vec;

use crate::encoding::MAX_RANK;
use crate::error::{refuse, OpResult};

/// A possibly negative axis as an index below `rank`.
pub(super) fn axis_below(axis: i64, rank: usize) -> OpResult<usize> {
    let positive = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    match positive.and_then(|a| usize::try_from(a).ok()) {
        Some(a) if a < rank => Ok(a),
        _ => refuse!("axis {} is out of range for {} dimensions", axis, rank),
    }
}

/// A list of axes as a set of indices below `rank`.
pub(super) fn axes(values: &[i64], rank: usize) -> OpResult<Vec<bool>> {
    let mut chosen = vec![false; rank];
    for &axis in values {
        let axis = axis_below(axis, rank)?;
        if core::mem::replace(&mut chosen[axis], true) {
            refuse!("axis {} is given twice", axis);
        }
    }
    Ok(chosen)
}

/// Refuses ranks that no tensor of the encoding has: an operator that adds dimensions could otherwise
/// double them with each node.
pub(super) fn check_rank(rank: usize) -> OpResult<()> {
    if rank > MAX_RANK {
        refuse!("{} dimensions, at most {} supported", rank, MAX_RANK);
    }
    Ok(())
}

/// Row-major strides, in elements.
pub(super) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut out = vec![1; dims.len()];
    for i in (1..dims.len()).rev() {
        out[i - 1] = out[i] * dims[i];
    }
    out
}

/// Dims of the result of broadcasting two shapes (the multidirectional rule of ONNX and NumPy).
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> OpResult<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |i| dims[i]);
    let mut out = Vec::with_capacity(rank);
    for i in 0..rank {
        out.push(match (at(a, i), at(b, i)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => refuse!("shapes {:?} and {:?} do not broadcast", a, b),
        });
    }
    Ok(out)
}

/// Strides that read `dims` as if it had the broadcast shape `out`: zero along repeated axes.
pub(super) fn broadcast_strides(dims: &[usize], out: &[usize]) -> Vec<usize> {
    let own = strides(dims);
    let lead = out.len() - dims.len();
    (0..out.len()).map(|i| if i < lead || dims[i - lead] == 1 { 0 } else { own[i - lead] }).collect()
}

/// Offsets of the elements of a strided view, in row-major order of `dims`.
pub(super) struct Offsets<'a> {
    dims: &'a [usize],
    strides: &'a [usize],
    index: Vec<usize>,
    offset: usize,
    left: usize,
}

impl<'a> Offsets<'a> {
    /// `left` is the number of elements, the product of `dims`.
    pub(super) fn new(dims: &'a [usize], strides: &'a [usize], left: usize) -> Self {
        Offsets { dims, strides, index: vec![0; dims.len()], offset: 0, left }
    }
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    #[inline(never)]
    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let current = self.offset;
        for axis in (0..self.dims.len()).rev() {
            self.index[axis] += 1;
            self.offset += self.strides[axis];
            if self.index[axis] < self.dims[axis] {
                break;
            }
            self.offset -= self.strides[axis] * self.dims[axis];
            self.index[axis] = 0;
        }
        Some(current)
    }
}
