//! Operators that order, mask or accumulate along an axis.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::indexing::axis_below;
use super::{bits, by_type, Args};
use crate::error::{refuse, OpResult};
use crate::spec::select::Select;
use crate::tensor::{checked_count, DType, Data, Element, Tensor};

#[inline(never)]
pub(super) fn select(op: Select, args: &mut Args<'_>) -> OpResult<Vec<Tensor>> {
    Ok(vec![match op {
        Select::Compress { axis } => compress(args, axis)?,
        Select::CumSum { exclusive, reverse } => cum_sum(args, exclusive, reverse)?,
        Select::EyeLike { diagonal, to } => eye_like(args.get(0)?, diagonal, to)?,
        Select::NonZero => non_zero(args.get(0)?)?,
        Select::TopK { axis, largest } => return top_k(args, axis, largest),
        Select::Trilu { upper } => trilu(args, upper)?,
        _ => bits::bits(op, args)?,
    }])
}

/// Sizes before, along and after an axis.
fn around(dims: &[usize], axis: usize) -> (usize, usize, usize) {
    (dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product())
}

/// The slices whose condition holds; without an axis, of the elements in a row.
fn compress(args: &Args<'_>, axis: Option<i64>) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let condition = match (args.get(1)?.data(), args.get(1)?.dims().len()) {
        (Data::Bool(v), 1) => v,
        _ => refuse!("the condition is no list"),
    };
    let (dims, axis) = match axis {
        Some(axis) => (x.dims().to_vec(), axis_below(axis, x.dims().len())?),
        None => (vec![x.data().len()], 0),
    };
    let (outer, size, inner) = around(&dims, axis);
    if condition.len() > size {
        refuse!("{} conditions for {} slices", condition.len(), size);
    }
    let kept: Vec<usize> = (0..condition.len()).filter(|&i| condition[i] != 0).collect();
    let data = by_type!(x.data(), v => {
        let mut out = Vec::with_capacity(outer * kept.len() * inner);
        for o in 0..outer {
            for &i in &kept {
                let start = (o * size + i) * inner;
                out.extend_from_slice(&v[start..start + inner]);
            }
        }
        out
    });
    let mut dims = dims;
    dims[axis] = kept.len();
    Tensor::of(dims, data)
}

/// Running sums from 0 along the axis; integers wrap.
fn cum_sum(args: &Args<'_>, exclusive: bool, reverse: bool) -> OpResult<Tensor> {
    let axis = match args.get(1)?.data() {
        Data::I32(v) if v.len() == 1 => i64::from(v[0]),
        Data::I64(v) if v.len() == 1 => v[0],
        _ => refuse!("the axis is not a single number"),
    };
    let x = args.get(0)?;
    let (outer, size, inner) = around(x.dims(), axis_below(axis, x.dims().len())?);
    fn sums<T: Copy + Default>(
        x: &[T],
        (outer, size, inner): (usize, usize, usize),
        (exclusive, reverse): (bool, bool),
        add: impl Fn(T, T) -> T,
    ) -> Vec<T> {
        let mut out = vec![T::default(); x.len()];
        for line in (0..outer).flat_map(|o| (0..inner).map(move |i| o * size * inner + i)) {
            let mut sum = T::default();
            for k in 0..size {
                let at = line + if reverse { size - 1 - k } else { k } * inner;
                let next = add(sum, x[at]);
                out[at] = if exclusive { sum } else { next };
                sum = next;
            }
        }
        out
    }
    let (shape, how) = ((outer, size, inner), (exclusive, reverse));
    let data = match x.data() {
        Data::F32(v) => Data::F32(sums(v, shape, how, |a, b| a + b)),
        Data::I32(v) => Data::I32(sums(v, shape, how, i32::wrapping_add)),
        Data::I64(v) => Data::I64(sums(v, shape, how, i64::wrapping_add)),
        other => refuse!("sums of {} are not supported", other.dtype()),
    };
    Tensor::of(x.dims().to_vec(), data)
}

/// Ones on one diagonal of a matrix of the input's dims.
fn eye_like(x: &Tensor, diagonal: i64, to: Option<DType>) -> OpResult<Tensor> {
    let &[rows, columns] = x.dims() else { refuse!("dims {:?} are no matrix", x.dims()) };
    let count = checked_count(&[rows, columns])?;
    let places = (0..rows).filter_map(|row| {
        let column = diagonal.checked_add(row as i64).and_then(|c| usize::try_from(c).ok())?;
        (column < columns).then_some(row * columns + column)
    });
    macro_rules! ones {
        ($one:expr) => {{
            let mut out = vec![$one - $one; count];
            places.for_each(|i| out[i] = $one);
            out
        }};
    }
    let data = match to.unwrap_or(x.dtype()) {
        DType::F32 => Data::F32(ones!(1f32)),
        DType::U8 => Data::U8(ones!(1u8)),
        DType::I8 => Data::I8(ones!(1i8)),
        DType::I32 => Data::I32(ones!(1i32)),
        DType::I64 => Data::I64(ones!(1i64)),
        DType::Bool => Data::Bool(ones!(1u8)),
    };
    Tensor::of(vec![rows, columns], data)
}

/// Places of all elements but zeros, a column each, in row-major order.
fn non_zero(x: &Tensor) -> OpResult<Tensor> {
    let dims = x.dims();
    if dims.is_empty() {
        refuse!("a scalar has no places, reshape it to one dimension");
    }
    fn places<T: PartialEq + Default>(v: &[T]) -> Vec<usize> {
        (0..v.len()).filter(|&i| v[i] != T::default()).collect()
    }
    let found = match x.data() {
        Data::F32(v) => places(v),
        Data::U8(v) | Data::Bool(v) => places(v),
        Data::I8(v) => places(v),
        Data::I32(v) => places(v),
        Data::I64(v) => places(v),
    };
    let mut out = Vec::with_capacity(checked_count(&[dims.len(), found.len()])?);
    let mut inner: usize = dims.iter().product();
    for &size in dims {
        // No element is found where a size is 0.
        inner /= size.max(1);
        out.extend(found.iter().map(|&i| (i / inner.max(1) % size.max(1)) as i64));
    }
    Tensor::of(vec![dims.len(), found.len()], Data::I64(out))
}

/// The `k` largest or smallest along an axis, the best first and the first of equal ones first.
fn top_k(args: &Args<'_>, axis: i64, largest: bool) -> OpResult<Vec<Tensor>> {
    let x = args.get(0)?;
    let axis = axis_below(axis, x.dims().len())?;
    let k = match *args.slice::<i64>(1)? {
        [k] => usize::try_from(k).ok().filter(|&k| k <= x.dims()[axis]),
        _ => refuse!("k is not a single number"),
    };
    let Some(k) = k else { refuse!("k is out of range for {} elements", x.dims()[axis]) };
    let mut dims = x.dims().to_vec();
    dims[axis] = k;
    fn best<T: Element>(
        x: &[T],
        (outer, size, inner): (usize, usize, usize),
        (k, largest): (usize, bool),
    ) -> OpResult<(Data, Vec<i64>)> {
        // A NaN is neither more nor less than anything: there is no order to go by.
        if x.iter().any(|v| v.partial_cmp(v).is_none()) {
            refuse!("NaN has no place among the largest");
        }
        let (mut values, mut indices) = (vec![T::default(); outer * k * inner], vec![0; outer * k * inner]);
        let mut order: Vec<usize> = Vec::with_capacity(size);
        for o in 0..outer {
            for i in 0..inner {
                let at = |j: usize| x[(o * size + j) * inner + i];
                order.clear();
                order.extend(0..size);
                order.sort_by(|&a, &b| {
                    let (a, b) = if largest { (b, a) } else { (a, b) };
                    at(a).partial_cmp(&at(b)).unwrap_or(Ordering::Equal)
                });
                for (j, &from) in order[..k].iter().enumerate() {
                    let to = (o * k + j) * inner + i;
                    values[to] = at(from);
                    indices[to] = from as i64;
                }
            }
        }
        Ok((T::wrap(values), indices))
    }
    let (shape, how) = (around(x.dims(), axis), (k, largest));
    let (values, indices) = match x.data() {
        Data::F32(v) => best(v, shape, how)?,
        Data::U8(v) => best(v, shape, how)?,
        Data::I8(v) => best(v, shape, how)?,
        Data::I32(v) => best(v, shape, how)?,
        Data::I64(v) => best(v, shape, how)?,
        Data::Bool(_) => refuse!("bool has no order"),
    };
    Ok(vec![Tensor::of(dims.clone(), values)?, Tensor::of(dims, Data::I64(indices))?])
}

/// The triangle of each matrix from the `k`-th diagonal, zeros beside it.
fn trilu(args: &mut Args<'_>, upper: bool) -> OpResult<Tensor> {
    let k = match args.optional_slice::<i64>(1)? {
        None => 0,
        Some(&[k]) => k,
        Some(_) => refuse!("k is not a single number"),
    };
    let x = args.take(0)?;
    let dims = x.dims().to_vec();
    let &[.., rows, columns] = dims.as_slice() else { refuse!("dims {:?} are no matrices", dims) };
    let kept = |i: usize| {
        let (row, column) = ((i / columns % rows) as i64, (i % columns) as i64);
        if upper {
            column - row >= k
        } else {
            column - row <= k
        }
    };
    fn masked<T: Default>(mut v: Vec<T>, kept: impl Fn(usize) -> bool) -> Vec<T> {
        v.iter_mut().enumerate().filter(|(i, _)| !kept(*i)).for_each(|(_, x)| *x = T::default());
        v
    }
    let data = by_type!(x.into_data(), v => masked(v, kept));
    Tensor::of(dims, data)
}
