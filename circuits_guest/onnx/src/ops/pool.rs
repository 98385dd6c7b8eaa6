//! Pooling. Averages are sums in order of the window's elements, then one division.

use alloc::vec;
use alloc::vec::Vec;

use super::fold::largest;
use super::window::Window;
use super::Args;
use crate::build::WindowAttributes;
use crate::error::{refuse, OpResult};
use crate::tensor::{checked_count, DType, Data, Element, Tensor};

/// Batch times channels, and the spatial dims.
fn planes(dims: &[usize]) -> OpResult<(usize, &[usize])> {
    match dims {
        [n, c, spatial @ ..] if !spatial.is_empty() => Ok((n * c, spatial)),
        _ => refuse!("shape {:?} has no spatial dimension", dims),
    }
}

fn pooled<T: Element>(
    args: &Args<'_>,
    attributes: &WindowAttributes,
    border: T,
    reduce: impl Fn(&Window, &[usize], &[T], &mut Vec<T>),
) -> OpResult<Tensor> {
    let x = args.slice::<T>(0)?;
    let dims = args.get(0)?.dims();
    let (count, spatial) = planes(dims)?;
    let window = Window::new(attributes, spatial, attributes.kernel.as_deref().unwrap_or(&[]))?;
    args.spend(&[count, window.positions(), window.kernel.iter().product()])?;
    args.spend(&[count, window.plane()])?;
    if window.counts(false).contains(&0) {
        refuse!("a window lies on padding alone");
    }
    let mut out_dims = dims[..2].to_vec();
    out_dims.extend_from_slice(&window.output);
    let mut out = Vec::with_capacity(checked_count(&out_dims)?);
    let (starts, size) = (window.starts(), spatial.iter().product::<usize>());
    let mut plane = vec![border; window.plane()];
    for channel in 0..count {
        window.pad(&x[channel * size..(channel + 1) * size], &mut plane, |v| v);
        reduce(&window, &starts, &plane, &mut out);
    }
    Tensor::of(out_dims, T::wrap(out))
}

#[inline(never)]
pub(super) fn max(args: &Args<'_>, attributes: &WindowAttributes) -> OpResult<Tensor> {
    fn largest<T: Element>(window: &Window, starts: &[usize], plane: &[T], out: &mut Vec<T>) {
        let taps = window.taps();
        out.extend(starts.iter().map(|&start| {
            let values = taps.iter().map(|&tap| plane[start + tap]);
            values.reduce(|best, v| if v > best { v } else { best }).unwrap_or_default()
        }));
    }
    match args.get(0)?.dtype() {
        DType::I8 => pooled(args, attributes, i8::MIN, largest),
        DType::U8 => pooled(args, attributes, u8::MIN, largest),
        _ => pooled(args, attributes, f32::NEG_INFINITY, largest),
    }
}

#[inline(never)]
pub(super) fn average(args: &Args<'_>, attributes: &WindowAttributes, include_pad: bool) -> OpResult<Tensor> {
    pooled(args, attributes, 0f32, |window, starts, plane, out| {
        let (taps, counts) = (window.taps(), window.counts(include_pad));
        out.extend(starts.iter().zip(counts).map(|(&start, count)| {
            let sum = taps.iter().fold(0f32, |sum, &tap| sum + plane[start + tap]);
            sum / count as f32
        }));
    })
}

#[inline(never)]
pub(super) fn global_average(args: &Args<'_>) -> OpResult<Tensor> {
    global(args, |channel| channel.iter().fold(0f32, |sum, v| sum + v) / channel.len() as f32)
}

#[inline(never)]
pub(super) fn global_max(args: &Args<'_>) -> OpResult<Tensor> {
    global(args, largest)
}

fn global(args: &Args<'_>, fold: impl Fn(&[f32]) -> f32) -> OpResult<Tensor> {
    let x = args.slice::<f32>(0)?;
    let dims = args.get(0)?.dims();
    let (_, spatial) = planes(dims)?;
    let size: usize = spatial.iter().product();
    if size == 0 {
        refuse!("shape {:?} has no elements", dims);
    }
    let out = x.chunks(size).map(fold).collect();
    let out_dims = dims[..2].iter().copied().chain(spatial.iter().map(|_| 1)).collect();
    Tensor::of(out_dims, Data::F32(out))
}
