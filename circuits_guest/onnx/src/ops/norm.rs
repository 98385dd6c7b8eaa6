//! Normalisations. Means and variances are sums in row-major order divided by the number of elements, the
//! variance that of the distances from the mean.

use alloc::vec::Vec;

use super::elementwise::{zip_tensors, Arithmetic};
use super::fold::{sum, sum_square};
use super::indexing::axis_below;
use super::reduce::by_lane;
use super::Args;
use crate::error::{refuse, OpResult};
use crate::spec::norm::Norm;
use crate::tensor::{Data, Tensor};

#[inline(never)]
pub(super) fn norm(op: Norm, args: &Args<'_>) -> OpResult<Vec<Tensor>> {
    Ok(Vec::from([match op {
        Norm::Batch { epsilon } => batch(args, epsilon)?,
        Norm::Group { groups, epsilon, by_group } => group(args, Some(groups), epsilon, by_group)?,
        Norm::Instance { epsilon } => group(args, None, epsilon, false)?,
        Norm::Layer { axis, epsilon } => return layer(args, axis, epsilon),
        Norm::LocalResponse { alpha, beta, bias, size } => local_response(args, (alpha, beta, bias), size)?,
        Norm::Lp { axis, p } => lp(args, axis, p)?,
        Norm::Rms { axis, epsilon } => rms(args, axis, epsilon)?,
    }]))
}

/// Elements of the inputs from `first` on, each a vector of `n`.
fn vectors<'a, const N: usize>(args: &'a Args<'_>, first: usize, n: usize) -> OpResult<[&'a [f32]; N]> {
    let mut out: [&'a [f32]; N] = [&[]; N];
    for (i, vector) in (first..).zip(&mut out) {
        *vector = args.slice::<f32>(i)?;
        if args.get(i)?.dims() != [n] {
            refuse!("input {} has dims {:?}, expected {}", i, args.get(i)?.dims(), n);
        }
    }
    Ok(out)
}

/// Channels, and elements of each one of them.
fn channels(dims: &[usize]) -> OpResult<(usize, usize)> {
    match dims {
        [_] => Ok((1, 1)),
        [_, c, spatial @ ..] => Ok((*c, spatial.iter().product())),
        [] => refuse!("a scalar has no channels"),
    }
}

/// `(x - mean) * (scale / sqrt(variance + epsilon)) + bias`, all four by channel.
fn batch(args: &Args<'_>, epsilon: f32) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let (n, size) = channels(x.dims())?;
    let [scale, bias, mean, variance] = vectors(args, 1, n)?;
    let mut out = args.slice::<f32>(0)?.to_vec();
    for (i, plane) in out.chunks_mut(size.max(1)).enumerate() {
        let c = i % n;
        let factor = scale[c] / libm::sqrtf(variance[c] + epsilon);
        plane.iter_mut().for_each(|v| *v = (*v - mean[c]) * factor + bias[c]);
    }
    Tensor::of(x.dims().to_vec(), Data::F32(out))
}

/// Subtracts the mean of the row from each, and gives the mean and the variance.
fn center(row: &mut [f32]) -> (f32, f32) {
    let mean = sum(row) / row.len() as f32;
    row.iter_mut().for_each(|v| *v -= mean);
    (mean, sum_square(row) / row.len() as f32)
}

/// `(x - mean) * (scale / sqrt(variance + epsilon)) + bias`, with mean and variance of each group of channels
/// of each instance; without a number of groups each channel is one.
fn group(args: &Args<'_>, groups: Option<usize>, epsilon: f32, by_group: bool) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let (n, size) = match x.dims() {
        [_, _, ..] => channels(x.dims())?,
        dims => refuse!("shape {:?} has no channels", dims),
    };
    let groups = groups.unwrap_or(n);
    if groups == 0 || n % groups != 0 || size == 0 {
        refuse!("{} channels of {} elements in {} groups", n, size, groups);
    }
    let [scale, bias] = vectors(args, 1, if by_group { groups } else { n })?;
    let each = n / groups;
    let mut out = args.slice::<f32>(0)?.to_vec();
    for (i, row) in out.chunks_mut((each * size).max(1)).enumerate() {
        let (_, variance) = center(row);
        let deviation = libm::sqrtf(variance + epsilon);
        for (j, plane) in row.chunks_mut(size).enumerate() {
            let c = if by_group { i % groups } else { i % groups * each + j };
            let factor = scale[c] / deviation;
            plane.iter_mut().for_each(|v| *v = *v * factor + bias[c]);
        }
    }
    Tensor::of(x.dims().to_vec(), Data::F32(out))
}

/// Elements from `axis` on, and the dims with these axes as 1.
fn rows(x: &Tensor, axis: i64) -> OpResult<(usize, Vec<usize>)> {
    let axis = axis_below(axis, x.dims().len())?;
    let size = x.dims()[axis..].iter().product();
    if size == 0 {
        refuse!("shape {:?} has no elements from axis {} on", x.dims(), axis);
    }
    Ok((size, x.dims().iter().enumerate().map(|(i, &n)| if i < axis { n } else { 1 }).collect()))
}

/// Each element with that of `other`, which broadcasts to `x`, not the other way.
fn onto(x: &Tensor, other: &Tensor, f: impl Fn(f32, f32) -> f32) -> OpResult<Tensor> {
    let (dims, values) = zip_tensors(x, other, f)?;
    if dims != x.dims() {
        refuse!("{:?} does not broadcast to {:?}", other.dims(), x.dims());
    }
    Tensor::of(dims, Data::F32(values))
}

/// `(x - mean) * (1 / sqrt(variance + epsilon)) * scale + bias`, with the mean and the factor.
fn layer(args: &Args<'_>, axis: i64, epsilon: f32) -> OpResult<Vec<Tensor>> {
    let x = args.get(0)?;
    let (size, dims) = rows(x, axis)?;
    let mut out = args.slice::<f32>(0)?.to_vec();
    let (mut means, mut factors) = (Vec::new(), Vec::new());
    for row in out.chunks_mut(size) {
        let (mean, variance) = center(row);
        let factor = 1.0 / libm::sqrtf(variance + epsilon);
        row.iter_mut().for_each(|v| *v *= factor);
        means.push(mean);
        factors.push(factor);
    }
    let mut y = onto(&Tensor::of(x.dims().to_vec(), Data::F32(out))?, args.get(1)?, f32::mul)?;
    if let Some(bias) = args.optional(2) {
        y = onto(&y, bias, f32::add)?;
    }
    Ok(Vec::from([y, Tensor::of(dims.clone(), Data::F32(means))?, Tensor::of(dims, Data::F32(factors))?]))
}

/// `x / sqrt(mean of squares + epsilon) * scale`.
fn rms(args: &Args<'_>, axis: i64, epsilon: f32) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let (size, _) = rows(x, axis)?;
    let mut out = args.slice::<f32>(0)?.to_vec();
    for row in out.chunks_mut(size) {
        let root = libm::sqrtf(sum_square(row) / size as f32 + epsilon);
        row.iter_mut().for_each(|v| *v /= root);
    }
    onto(&Tensor::of(x.dims().to_vec(), Data::F32(out))?, args.get(1)?, f32::mul)
}

/// Each element divided by the sum of absolute values along the axis or the root of the sum of squares; 0
/// where that is 0.
fn lp(args: &Args<'_>, axis: i64, p: u8) -> OpResult<Tensor> {
    by_lane(args, axis, |lane| {
        let norm = match p {
            1 => lane.iter().fold(0.0, |sum, &x| sum + libm::fabsf(x)),
            _ => libm::sqrtf(sum_square(lane)),
        };
        lane.iter_mut().for_each(|x| *x = if norm == 0.0 { 0.0 } else { *x / norm });
    })
}

/// `x / (bias + (alpha / size) * sum of squares) ^ beta` over `size` channels around each.
fn local_response(args: &Args<'_>, (alpha, beta, bias): (f32, f32, f32), size: usize) -> OpResult<Tensor> {
    let x = args.slice::<f32>(0)?;
    let dims = args.get(0)?.dims();
    let (n, plane) = match dims {
        [_, _, _, ..] => channels(dims)?,
        dims => refuse!("shape {:?} has no spatial dimension", dims),
    };
    args.spend(&[x.len(), size.min(n)])?;
    let (before, after) = ((size - 1) / 2, size / 2);
    let mut out = Vec::with_capacity(x.len());
    for image in x.chunks((n * plane).max(1)) {
        for (i, &value) in image.iter().enumerate() {
            let (c, at) = (i / plane, i % plane);
            let around = c.saturating_sub(before)..(c + after + 1).min(n);
            let squares = around.map(|c| image[c * plane + at]).fold(0.0, |sum, v| sum + v * v);
            out.push(value / libm::powf(bias + alpha / size as f32 * squares, beta));
        }
    }
    Tensor::of(dims.to_vec(), Data::F32(out))
}
