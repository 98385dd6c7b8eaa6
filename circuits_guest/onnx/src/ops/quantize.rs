//! Between floats and 8-bit integers, and the scales and zero points of quantised operands.

use alloc::vec;
use alloc::vec::Vec;

use super::indexing::axis_below;
use super::kernel::widen;
use super::requantize::{round_half_even, Quantized};
use super::Args;
use crate::error::{refuse, OpResult};
use crate::tensor::{DType, Data, Tensor};

fn positive(scale: f32) -> OpResult<f32> {
    if !(scale > 0.0 && scale < f32::INFINITY) {
        refuse!("scale {} is not positive and finite", scale);
    }
    Ok(scale)
}

/// A scale of one element.
pub(crate) fn scalar_scale(args: &Args<'_>, i: usize) -> OpResult<f32> {
    match args.slice::<f32>(i)? {
        &[scale] => positive(scale),
        _ => refuse!("input {} has dims {:?}, only one scale is supported", i, args.get(i)?.dims()),
    }
}

/// One scale, or one for each of `n` channels.
pub(crate) fn scales<'a>(args: &'a Args<'_>, i: usize, n: usize) -> OpResult<&'a [f32]> {
    let values = args.slice::<f32>(i)?;
    check_channels(args, i, values.len(), n)?;
    values.iter().try_for_each(|&scale| positive(scale).map(drop))?;
    Ok(values)
}

/// A zero point of one element; 0 where it is left out.
pub(crate) fn scalar_zero(args: &Args<'_>, i: usize) -> OpResult<i32> {
    match *zeros(args, i, 1)? {
        [zero] => Ok(zero),
        _ => refuse!("input {} holds more than one zero point", i),
    }
}

/// One zero point, or one for each of `n` channels.
pub(crate) fn zeros(args: &Args<'_>, i: usize, n: usize) -> OpResult<Vec<i32>> {
    let Some(tensor) = args.optional(i) else { return Ok(vec![0]) };
    let values = match tensor.data() {
        Data::I32(v) => v.clone(),
        data => widen(data, 0),
    };
    check_channels(args, i, values.len(), n)?;
    Ok(values)
}

fn check_channels(args: &Args<'_>, i: usize, len: usize, n: usize) -> OpResult<()> {
    if len != 1 && !(len == n && args.get(i)?.dims().len() == 1) {
        refuse!("input {} has dims {:?}, expected one element or {}", i, args.get(i)?.dims(), n);
    }
    Ok(())
}

/// Scales and zero points of a tensor along `axis`, and how many elements lie inside one channel.
struct Channels<'a> {
    scales: &'a [f32],
    zeros: Vec<i32>,
    inner: usize,
}

impl Channels<'_> {
    fn of<'a>(args: &'a Args<'_>, axis: i64) -> OpResult<Channels<'a>> {
        let dims = args.get(0)?.dims();
        let scale = args.get(1)?;
        let (n, inner) = match scale.dims().len() {
            0 => (1, args.get(0)?.data().len()),
            1 => match axis_below(axis, dims.len()) {
                Ok(axis) => (dims[axis], dims[axis + 1..].iter().product()),
                // The axis has no meaning for a single scale.
                Err(_) if scale.data().len() == 1 => (1, args.get(0)?.data().len()),
                Err(reason) => return Err(reason),
            },
            _ => refuse!("a scale with dims {:?} is not supported", scale.dims()),
        };
        let (scales, zeros) = (scales(args, 1, n)?, zeros(args, 2, n)?);
        if args.optional(2).is_some() && zeros.len() != scales.len() {
            refuse!("{} scales, but {} zero points", scales.len(), zeros.len());
        }
        let zeros = if zeros.len() == scales.len() { zeros } else { vec![zeros[0]; scales.len()] };
        let inner = if scales.len() == 1 { args.get(0)?.data().len() } else { inner };
        Ok(Channels { scales, zeros, inner: inner.max(1) })
    }

    /// Scale and zero point of each run of `inner` elements.
    fn runs(&self) -> impl Iterator<Item = (f32, i32)> + '_ {
        self.scales.iter().copied().zip(self.zeros.iter().copied()).cycle()
    }
}

#[inline(never)]
pub(super) fn dequantize(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let channels = Channels::of(args, axis)?;
    if x.dtype() == DType::I32 && channels.zeros.iter().any(|&z| z != 0) {
        refuse!("int32 has no zero point");
    }
    let values = match x.data() {
        Data::I32(v) => v.clone(),
        data => widen(data, 0),
    };
    let mut out = Vec::with_capacity(values.len());
    for (run, (scale, zero)) in values.chunks(channels.inner).zip(channels.runs()) {
        out.extend(run.iter().map(|&q| (q - zero) as f32 * scale));
    }
    Tensor::of(x.dims().to_vec(), Data::F32(out))
}

#[inline(never)]
pub(super) fn quantize(args: &Args<'_>, axis: i64, to: Option<DType>) -> OpResult<Tensor> {
    match args.optional(2).map(Tensor::dtype).or(to).unwrap_or(DType::U8) {
        DType::I8 => quantized::<i8>(args, axis),
        _ => quantized::<u8>(args, axis),
    }
}

fn quantized<T: Quantized>(args: &Args<'_>, axis: i64) -> OpResult<Tensor> {
    let x = args.slice::<f32>(0)?;
    let channels = Channels::of(args, axis)?;
    let mut out = Vec::with_capacity(x.len());
    for (run, (scale, zero)) in x.chunks(channels.inner).zip(channels.runs()) {
        quantize_run::<T>(run, scale, zero, &mut out)?;
    }
    Tensor::of(args.get(0)?.dims().to_vec(), T::wrap(out))
}

/// `saturate(round_half_even(x / scale) + zero)`, the division rounded to float32.
fn quantize_run<T: Quantized>(x: &[f32], scale: f32, zero: i32, out: &mut Vec<T>) -> OpResult<()> {
    for &x in x {
        if x.is_nan() {
            refuse!("NaN cannot be quantised");
        }
        let value = round_half_even(x / scale) + zero;
        out.push(T::truncate(value.clamp(T::LOW, T::HIGH)));
    }
    Ok(())
}

/// Scale and zero point from the range of the input, widened to hold 0.
#[inline(never)]
pub(super) fn dynamic(args: &Args<'_>) -> OpResult<Vec<Tensor>> {
    let x = args.slice::<f32>(0)?;
    let (mut low, mut high) = (0f32, 0f32);
    for &v in x {
        if v < low {
            low = v;
        }
        if v > high {
            high = v;
        }
    }
    let scale = positive(if high == low { 1.0 } else { (high - low) / 255.0 })?;
    let zero = round_half_even(0.0 - low / scale).clamp(0, 255);
    let mut out = Vec::with_capacity(x.len());
    quantize_run::<u8>(x, scale, zero, &mut out)?;
    Ok(vec![
        Tensor::of(args.get(0)?.dims().to_vec(), Data::U8(out))?,
        Tensor::of(Vec::new(), Data::F32(vec![scale]))?,
        Tensor::of(Vec::new(), Data::U8(vec![zero as u8]))?,
    ])
}
