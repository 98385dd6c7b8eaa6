//! Operators that prepare features.

use alloc::vec;
use alloc::vec::Vec;

use super::{floats, Rows};
use crate::error::{refuse, OpResult};
use crate::ops::{by_type, Args};
use crate::spec::features::{Imputer, Norm};
use crate::tensor::{checked_count, Data, Tensor};

/// Columns of the last axis, in the order of the indices.
#[inline(never)]
pub(super) fn extract(args: &Args<'_>) -> OpResult<Tensor> {
    let (x, indices) = (args.get(0)?, args.slice::<i64>(1)?);
    let Some((&columns, lead)) = x.dims().split_last() else { refuse!("a scalar has no features") };
    let mut chosen = Vec::with_capacity(indices.len());
    for &index in indices {
        match usize::try_from(index) {
            Ok(i) if i < columns => chosen.push(i),
            _ => refuse!("index {} is out of range for {} features", index, columns),
        }
    }
    let mut dims = if lead.is_empty() { vec![1] } else { lead.to_vec() };
    dims.push(chosen.len());
    checked_count(&dims)?;
    let data = by_type!(x.data(), v => {
        v.chunks_exact(columns.max(1)).flat_map(|row| chosen.iter().map(|&i| row[i])).collect()
    });
    Tensor::of(dims, data)
}

#[inline(never)]
pub(super) fn binarize(args: &Args<'_>, threshold: f32) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let data = match x.data() {
        Data::F32(v) => Data::F32(v.iter().map(|&x| if x > threshold { 1.0 } else { 0.0 }).collect()),
        Data::I32(v) => Data::I32(v.iter().map(|&x| i32::from(x as f32 > threshold)).collect()),
        Data::I64(v) => Data::I64(v.iter().map(|&x| i64::from(x as f32 > threshold)).collect()),
        other => refuse!("features of type {} are not supported", other.dtype()),
    };
    Tensor::of(x.dims().to_vec(), data)
}

/// Features side by side, each cut or filled with zeros to its size.
#[inline(never)]
pub(super) fn vectorize(args: &Args<'_>, sizes: &[usize]) -> OpResult<Tensor> {
    let total = sizes.iter().try_fold(0usize, |sum, &n| sum.checked_add(n)).unwrap_or(usize::MAX);
    let mut parts = Vec::with_capacity(sizes.len());
    for i in 0..sizes.len() {
        let x = args.get(i)?;
        let (rows, columns) = match x.dims() {
            [] => refuse!("a scalar has no features"),
            [columns] => (1, *columns),
            [rows, rest @ ..] => (*rows, rest.iter().product()),
        };
        parts.push((floats(x)?, rows, columns));
    }
    let rows = parts.first().map_or(0, |&(_, rows, _)| rows);
    if parts.iter().any(|part| part.1 != rows) {
        refuse!("inputs have different numbers of rows");
    }
    let mut out = Vec::with_capacity(checked_count(&[rows, total])?);
    for row in 0..rows {
        for ((values, _, columns), &size) in parts.iter().zip(sizes) {
            let own = &values[row * columns..(row + 1) * columns];
            out.extend(own.iter().copied().chain(core::iter::repeat(0.0)).take(size));
        }
    }
    Tensor::of(vec![rows, total], Data::F32(out))
}

/// The entry of a list with one value, or one a feature, that belongs to an element.
fn by_feature<'a, T: Copy>(list: &'a [T], dims: &[usize]) -> OpResult<impl Iterator<Item = T> + 'a> {
    let features = match dims {
        [] => refuse!("a scalar has no features"),
        [features] | [_, features, ..] => *features,
    };
    if list.len() != 1 && (list.len() != features || dims.len() > 2) {
        refuse!("{} values for dims {:?}", list.len(), dims);
    }
    Ok(list.iter().copied().cycle())
}

#[inline(never)]
pub(super) fn impute(args: &Args<'_>, imputer: &Imputer) -> OpResult<Tensor> {
    let dims = args.get(0)?.dims();
    let data = match imputer {
        Imputer::Floats { values, replaced } => {
            let missing = |x: f32| x == *replaced || (x.is_nan() && replaced.is_nan());
            let pairs = args.slice::<f32>(0)?.iter().zip(by_feature(values, dims)?);
            Data::F32(pairs.map(|(&x, value)| if missing(x) { value } else { x }).collect())
        }
        Imputer::Ints { values, replaced } => {
            let pairs = args.slice::<i64>(0)?.iter().zip(by_feature(values, dims)?);
            Data::I64(pairs.map(|(&x, value)| if x == *replaced { value } else { x }).collect())
        }
    };
    Tensor::of(dims.to_vec(), data)
}

/// `(x - offset) * scale`.
#[inline(never)]
pub(super) fn scale(args: &Args<'_>, offset: &[f32], scale: &[f32]) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let (offsets, scales) = (by_feature(offset, x.dims())?, by_feature(scale, x.dims())?);
    let values = floats(x)?;
    let scaled = values.iter().zip(offsets.zip(scales)).map(|(x, (offset, scale))| (x - offset) * scale);
    Tensor::of(x.dims().to_vec(), Data::F32(scaled.collect()))
}

/// Rows divided by their norm, unless that is 0.
#[inline(never)]
pub(super) fn normalize(args: &Args<'_>, norm: Norm) -> OpResult<Tensor> {
    let x = Rows::of(args)?;
    let mut out = Vec::with_capacity(x.values.len());
    for row in x.iter() {
        let size = match norm {
            Norm::Max => row.iter().copied().fold(f32::MIN, |max, v| if v > max { v } else { max }),
            Norm::L1 => row.iter().fold(0f32, |sum, &v| sum + libm::fabsf(v)),
            Norm::L2 => row.iter().fold(0f32, |sum, &v| sum + v * v),
        };
        out.extend(row.iter().map(|&v| match norm {
            _ if size == 0.0 => v,
            Norm::Max | Norm::L1 => v / size,
            Norm::L2 if v < 0.0 => -libm::sqrtf(v * v / size),
            Norm::L2 => libm::sqrtf(v * v / size),
        }));
    }
    Tensor::of(args.get(0)?.dims().to_vec(), Data::F32(out))
}
