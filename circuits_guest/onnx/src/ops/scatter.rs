//! GatherElements and GatherND, and ScatterElements and ScatterND, which are them the other way round.

use alloc::vec::Vec;

use super::elementwise::Arithmetic;
use super::indexing::{axis_below, check_rank, strides, Offsets};
use super::pick::indices;
use super::{by_type, Args, Stored};
use crate::error::{refuse, OpResult};
use crate::spec::data::Reduction;
use crate::tensor::{checked_count, DType, Data, Tensor};

/// Offset in a tensor of dims `own` for each element of `places`: its own place, but along `axis` the value.
fn element_offsets(own: &[usize], places: &Tensor, axis: i64) -> OpResult<Vec<usize>> {
    let dims = places.dims();
    let axis = axis_below(axis, own.len())?;
    let fits = |(i, (&n, &size)): (usize, (&usize, &usize))| i == axis || n <= size;
    if dims.len() != own.len() || !dims.iter().zip(own).enumerate().all(fits) {
        refuse!("indices {:?} do not fit {:?} along axis {}", dims, own, axis);
    }
    let all = strides(own);
    let mut steps = all.clone();
    steps[axis] = 0;
    let list = indices(places)?;
    let offsets = Offsets::new(dims, &steps, list.len());
    list.iter().zip(offsets).map(|(&i, at)| Ok(at + axis_below(i, own[axis])? * all[axis])).collect()
}

#[inline(never)]
pub(super) fn gather_elements(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let (x, places) = (args.get(0)?, args.get(1)?);
    let offsets = element_offsets(x.dims(), places, axis)?;
    let data = by_type!(x.data(), v => offsets.iter().map(|&at| v[at]).collect());
    Tensor::of(places.dims().to_vec(), data)
}

/// Where each index tuple of `places` points: start of a run of `run` elements.
struct Tuples {
    starts: Vec<usize>,
    run: usize,
    /// Dims of the tensor that the runs make up.
    dims: Vec<usize>,
}

impl Tuples {
    fn of(own: &[usize], places: &Tensor, batch: usize) -> OpResult<Tuples> {
        let Some((&depth, lead)) = places.dims().split_last() else { refuse!("indices are a scalar") };
        if batch > lead.len() || batch > own.len() || own[..batch] != lead[..batch] {
            refuse!("{:?} and indices {:?} do not share {} dimensions", own, places.dims(), batch);
        }
        if depth == 0 || depth > own.len() - batch {
            refuse!("index tuples of {} for {:?}", depth, own);
        }
        let inside = batch + depth;
        let dims = [lead, &own[inside..]].concat();
        check_rank(dims.len())?;
        checked_count(&dims)?;
        let steps = strides(own);
        let run = own[inside..].iter().product();
        // Tuples of one batch lie side by side.
        let each = lead[batch..].iter().product::<usize>().max(1);
        let block: usize = own[batch..].iter().product();
        let mut starts = Vec::with_capacity(checked_count(lead)?);
        for (i, tuple) in indices(places)?.chunks(depth).enumerate() {
            let mut at = i / each * block;
            for (axis, &index) in (batch..inside).zip(tuple) {
                at += axis_below(index, own[axis])? * steps[axis];
            }
            starts.push(at);
        }
        Ok(Tuples { starts, run, dims })
    }
}

#[inline(never)]
pub(super) fn gather_nd(args: &Args<'_>, batch_dims: usize) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let tuples = Tuples::of(x.dims(), args.get(1)?, batch_dims)?;
    let data = by_type!(x.data(), v => {
        tuples.starts.iter().flat_map(|&at| v[at..at + tuples.run].iter().copied()).collect()
    });
    Tensor::of(tuples.dims, data)
}

/// Updates are applied in order, so of two to the same place the last one stays.
#[inline(never)]
pub(super) fn scatter_elements(args: &mut Args<'_>, axis: i64, reduction: Reduction) -> OpResult<Tensor> {
    let places = args.get(1)?;
    if args.get(2)?.dims() != places.dims() {
        refuse!("updates {:?} for indices {:?}", args.get(2)?.dims(), places.dims());
    }
    let offsets = element_offsets(args.get(0)?.dims(), places, axis)?;
    scatter(args, &offsets, 1, reduction)
}

#[inline(never)]
pub(super) fn scatter_nd(args: &mut Args<'_>, reduction: Reduction) -> OpResult<Tensor> {
    let tuples = Tuples::of(args.get(0)?.dims(), args.get(1)?, 0)?;
    if args.get(2)?.dims() != tuples.dims {
        refuse!("updates {:?}, expected {:?}", args.get(2)?.dims(), tuples.dims);
    }
    scatter(args, &tuples.starts, tuples.run, reduction)
}

fn scatter(args: &mut Args<'_>, starts: &[usize], run: usize, reduction: Reduction) -> OpResult<Tensor> {
    let x = args.take(0)?;
    let dims = x.dims().to_vec();
    let updates = args.get(2)?.data();
    if reduction == Reduction::None {
        let data = by_type!(x.into_data(), v => {
            let mut v = v;
            write(&mut v, Stored::items(updates)?, starts, run, |_, new| new);
            v
        });
        return Tensor::of(dims, data);
    }
    fn reduced<T: Arithmetic>(
        mut v: Vec<T>,
        updates: &Data,
        (starts, run): (&[usize], usize),
        reduction: Reduction,
    ) -> OpResult<Data> {
        let updates = T::items(updates)?;
        match reduction {
            Reduction::Add => write(&mut v, updates, starts, run, T::add),
            Reduction::Mul => write(&mut v, updates, starts, run, T::mul),
            Reduction::Max => write(&mut v, updates, starts, run, |x, y| if y > x { y } else { x }),
            _ => write(&mut v, updates, starts, run, |x, y| if y < x { y } else { x }),
        }
        Ok(T::wrap(v))
    }
    let at = (starts, run);
    let data = match x.into_data() {
        Data::F32(v) => reduced(v, updates, at, reduction)?,
        Data::U8(v) => reduced(v, updates, at, reduction)?,
        Data::I8(v) => reduced(v, updates, at, reduction)?,
        Data::I32(v) => reduced(v, updates, at, reduction)?,
        Data::I64(v) => reduced(v, updates, at, reduction)?,
        Data::Bool(_) => refuse!("{} has no arithmetic", DType::Bool),
    };
    Tensor::of(dims, data)
}

fn write<T: Copy>(values: &mut [T], updates: &[T], starts: &[usize], run: usize, f: impl Fn(T, T) -> T) {
    // Runs without elements have no chunks.
    for (&start, update) in starts.iter().zip(updates.chunks(run.max(1))) {
        let place = &mut values[start..start + run];
        place.iter_mut().zip(update).for_each(|(old, &new)| *old = f(*old, new));
    }
}
