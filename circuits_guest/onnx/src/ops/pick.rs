//! Operators that pick elements by their place along each axis: Slice, Split, Gather, Pad, Tile, Expand.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::{axes, axis_below, broadcast, check_rank, strides};
use super::{by_type, Args, Stored};
use crate::error::{refuse, OpResult};
use crate::spec::data::{PadMode, Parts};
use crate::tensor::{checked_count, Data, Tensor};

/// Which elements along one axis, in order; `None` for all of them as they are.
pub(super) type Along = Option<Vec<usize>>;

/// A place that is on no element, where the filling goes.
const OUTSIDE: usize = usize::MAX;

/// The tensor of these elements of `x`, with `fill` (one element of its type) for those outside.
pub(super) fn pick(x: &Tensor, along: &[Along], fill: Option<&Tensor>) -> OpResult<Tensor> {
    check_rank(along.len())?;
    let sizes = along.iter().zip(x.dims()).map(|(places, &size)| places.as_ref().map_or(size, Vec::len));
    let dims: Vec<usize> = sizes.collect();
    let count = checked_count(&dims)?;
    let data = by_type!(x.data(), values => {
        let fill = match fill {
            Some(fill) => Stored::items(fill.data())?.first().copied().unwrap_or_default(),
            None => Default::default(),
        };
        let mut out = Vec::with_capacity(count);
        if count > 0 {
            let steps = strides(x.dims());
            // Whole trailing axes are copied in runs.
            let lead = along.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            let run = x.dims()[lead..].iter().product();
            let axes: Vec<Axis<'_>> = (0..lead).map(|i| (along[i].as_deref(), x.dims()[i], steps[i])).collect();
            walk(values, &axes, run, Some(0), fill, &mut out);
        }
        out
    });
    Tensor::of(dims, data)
}

/// Places, size and stride.
type Axis<'a> = (Option<&'a [usize]>, usize, usize);

/// Goes as deep as the rank, which is bounded.
fn walk<T: Copy>(values: &[T], axes: &[Axis<'_>], run: usize, at: Option<usize>, fill: T, out: &mut Vec<T>) {
    let Some((&(places, size, step), rest)) = axes.split_first() else {
        match at {
            Some(at) => out.extend_from_slice(&values[at..at + run]),
            None => out.resize(out.len() + run, fill),
        }
        return;
    };
    let mut visit = |place: usize| {
        let at = at.filter(|_| place != OUTSIDE).map(|at| at + place * step);
        walk(values, rest, run, at, fill, out);
    };
    match places {
        Some(places) => places.iter().for_each(|&place| visit(place)),
        None => (0..size).for_each(&mut visit),
    }
}

/// Indices of either width.
pub(super) fn indices(tensor: &Tensor) -> OpResult<Vec<i64>> {
    match tensor.data() {
        Data::I64(v) => Ok(v.clone()),
        Data::I32(v) => Ok(v.iter().map(|&i| i64::from(i)).collect()),
        _ => refuse!("indices are neither int32 nor int64"),
    }
}

#[inline(never)]
pub(super) fn gather(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let (x, places) = (args.get(0)?, args.get(1)?);
    let axis = axis_below(axis, x.dims().len())?;
    check_rank(x.dims().len() - 1 + places.dims().len())?;
    let mut along = vec![None; x.dims().len()];
    let list = indices(places)?;
    let size = x.dims()[axis];
    along[axis] = Some(list.iter().map(|&i| axis_below(i, size)).collect::<OpResult<Vec<usize>>>()?);
    let mut dims = x.dims()[..axis].to_vec();
    dims.extend_from_slice(places.dims());
    dims.extend_from_slice(&x.dims()[axis + 1..]);
    pick(x, &along, None)?.reshaped(dims)
}

/// Places from `start` towards `end` by `step`, all of them within the axis.
fn steps(start: i64, end: i64, step: i64, size: usize) -> OpResult<Along> {
    let limit = size as i64;
    let from_back = |i: i64| if i < 0 { i.saturating_add(limit) } else { i };
    if step == 0 {
        refuse!("a step of 0");
    }
    if size == 0 {
        return Ok(None);
    }
    // Going back, a start before the first element is put on it, which NumPy does not do.
    let (low, high) = if step > 0 { (0, limit) } else { (-1, limit - 1) };
    let (start, end) = (from_back(start).clamp(0, high), from_back(end).clamp(low, high));
    let span = if step > 0 { end - start } else { start - end };
    if step == 1 && span == limit {
        return Ok(None);
    }
    let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
    let forward = start as usize..end.max(0) as usize;
    Ok(Some(match step {
        _ if span <= 0 => Vec::new(),
        1.. => forward.step_by(stride).collect(),
        _ => ((end + 1) as usize..start as usize + 1).rev().step_by(stride).collect(),
    }))
}

#[inline(never)]
pub(super) fn slice(args: &Args<'_>) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let rank = x.dims().len();
    let (starts, ends) = (indices(args.get(1)?)?, indices(args.get(2)?)?);
    let chosen = match args.optional(3) {
        Some(chosen) => indices(chosen)?,
        None => (0..starts.len() as i64).collect(),
    };
    let by = match args.optional(4) {
        Some(by) => indices(by)?,
        None => vec![1; starts.len()],
    };
    if [ends.len(), chosen.len(), by.len()] != [starts.len(); 3] {
        refuse!("{} starts, {} ends, {} axes, {} steps", starts.len(), ends.len(), chosen.len(), by.len());
    }
    axes(&chosen, rank)?;
    let mut along = vec![None; rank];
    for (i, &axis) in chosen.iter().enumerate() {
        let axis = axis_below(axis, rank)?;
        along[axis] = steps(starts[i], ends[i], by[i], x.dims()[axis])?;
    }
    pick(x, &along, None)
}

#[inline(never)]
pub(super) fn split(args: &Args<'_>, axis: i64, parts: Parts, outputs: usize) -> OpResult<Vec<Tensor>> {
    let x = args.get(0)?;
    let axis = axis_below(axis, x.dims().len())?;
    let size = x.dims()[axis];
    let sizes = match (args.optional_slice::<i64>(1)?, parts) {
        (Some(sizes), _) => sizes.to_vec(),
        (None, Parts::Count(n)) => {
            let part = size.div_ceil(n);
            (0..n).map(|i| size.saturating_sub(i.saturating_mul(part)).min(part) as i64).collect()
        }
        (None, _) if size % outputs != 0 => refuse!("{} elements in {} equal parts", size, outputs),
        (None, _) => vec![(size / outputs) as i64; outputs],
    };
    let total = sizes.iter().try_fold(0i64, |sum, &n| sum.checked_add(n).filter(|_| n >= 0));
    if sizes.len() != outputs || total != Some(size as i64) {
        refuse!("sizes {:?} do not split {} elements into {} parts", sizes, size, outputs);
    }
    let mut start = 0;
    let mut out = Vec::with_capacity(outputs);
    for n in sizes {
        let mut along = vec![None; x.dims().len()];
        along[axis] = Some((start..start + n as usize).collect());
        out.push(pick(x, &along, None)?);
        start += n as usize;
    }
    Ok(out)
}

#[inline(never)]
pub(super) fn tile(args: &Args<'_>) -> OpResult<Tensor> {
    let (x, repeats) = (args.get(0)?, args.slice::<i64>(1)?);
    if repeats.len() != x.dims().len() {
        refuse!("{} repeats for {} dimensions", repeats.len(), x.dims().len());
    }
    let mut dims = Vec::with_capacity(repeats.len());
    for (&size, &n) in x.dims().iter().zip(repeats) {
        match usize::try_from(n).ok().and_then(|n| size.checked_mul(n)) {
            Some(size) => dims.push(size),
            None => refuse!("{} repeats of {} elements", n, size),
        }
    }
    checked_count(&dims)?;
    let places =
        |(&size, &n): (&usize, &i64)| (n != 1).then(|| (0..size).cycle().take(size * n as usize).collect());
    pick(x, &x.dims().iter().zip(repeats).map(places).collect::<Vec<Along>>(), None)
}

#[inline(never)]
pub(super) fn expand(args: &mut Args<'_>) -> OpResult<Tensor> {
    let wanted = sizes(args.slice::<i64>(1)?)?;
    let dims = broadcast(args.get(0)?.dims(), &wanted)?;
    checked_count(&dims)?;
    let x = args.take(0)?;
    let lead = vec![1; dims.len() - x.dims().len()];
    let own = [&lead, x.dims()].concat();
    let along: Vec<Along> =
        own.iter().zip(&dims).map(|(&n, &size)| (n != size).then(|| vec![0; size])).collect();
    pick(&x.reshaped(own)?, &along, None)
}

/// A list of dims given as a tensor.
pub(super) fn sizes(values: &[i64]) -> OpResult<Vec<usize>> {
    check_rank(values.len())?;
    let dims: Option<Vec<usize>> = values.iter().map(|&n| usize::try_from(n).ok()).collect();
    match dims {
        Some(dims) => checked_count(&dims).map(|_| dims),
        None => refuse!("{:?} is no shape", values),
    }
}

/// Negative pads cut off; what is left is then padded.
#[inline(never)]
pub(super) fn pad(args: &Args<'_>, mode: PadMode) -> OpResult<Tensor> {
    let (x, pads) = (args.get(0)?, args.slice::<i64>(1)?);
    let rank = x.dims().len();
    let chosen = match args.optional(3) {
        Some(chosen) => indices(chosen)?,
        None => (0..rank as i64).collect(),
    };
    axes(&chosen, rank)?;
    if pads.len() != 2 * chosen.len() {
        refuse!("{} pads for {} axes", pads.len(), chosen.len());
    }
    // Far beyond what a tensor can have, and far from where sums of a few overflow.
    if pads.iter().any(|p| p.unsigned_abs() > 1 << 24) {
        refuse!("pads {:?} are out of range", pads);
    }
    let fill = args.optional(2);
    if fill.is_some_and(|fill| fill.data().len() != 1) {
        refuse!("constant_value does not have one element");
    }
    let mut along = vec![None; rank];
    let mut dims = x.dims().to_vec();
    for (i, &axis) in chosen.iter().enumerate() {
        let axis = axis_below(axis, rank)?;
        let (before, after) = (pads[i], pads[chosen.len() + i]);
        let (first, last) = ((-before).max(0), x.dims()[axis] as i64 - (-after).max(0));
        let (before, after) = (before.max(0), after.max(0));
        if last < first || (last == first && before + after > 0 && !matches!(mode, PadMode::Constant)) {
            refuse!("pads {:?} leave nothing of {:?}", pads, x.dims());
        }
        dims[axis] = (before + last - first + after) as usize;
        checked_count(&dims)?;
        along[axis] =
            Some((-before..last - first + after).map(|p| padded(p, last - first, first, mode)).collect());
    }
    pick(x, &along, fill)
}

/// Place in the input of place `p` in the `n` elements from `first` on.
fn padded(p: i64, n: i64, first: i64, mode: PadMode) -> usize {
    let place = match mode {
        _ if (0..n).contains(&p) => p,
        PadMode::Constant => return OUTSIDE,
        PadMode::Edge => p.clamp(0, n - 1),
        PadMode::Wrap => p.rem_euclid(n),
        PadMode::Reflect if n == 1 => 0,
        PadMode::Reflect => match p.rem_euclid(2 * (n - 1)) {
            q if q < n => q,
            q => 2 * (n - 1) - q,
        },
    };
    (first + place) as usize
}
