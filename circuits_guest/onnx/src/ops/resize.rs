//! Resize by the nearest element, or by interpolation along one axis after the other.

use alloc::vec::Vec;

use super::indexing::{axes, axis_below};
use super::interpolate::taps;
use super::pick::{pick, Along};
use super::Args;
use crate::error::{refuse, OpResult};
use crate::spec::resize::{Aspect, Filter, Method, Position, Resize};
use crate::tensor::{checked_count, Data, Tensor, MAX_ELEMENTS};

/// One axis: elements before and after, and how many of the second are one of the first.
#[derive(Clone, Copy)]
struct Scaling {
    from: usize,
    to: usize,
    scale: f32,
}

impl Scaling {
    /// Place in the input of the middle of element `i` of the result, in float32.
    fn position(self, mode: Position, i: usize) -> f32 {
        let (x, from, to) = (i as f32, self.from as f32, self.to as f32);
        let half = (x + 0.5) / self.scale - 0.5;
        match mode {
            Position::Asymmetric => x / self.scale,
            Position::HalfPixel => half,
            Position::HalfPixelSymmetric => {
                let center = from / 2.0;
                center * (1.0 - to / (self.scale * from)) + half
            }
            Position::PytorchHalfPixel | Position::AlignCorners if self.to == 1 => 0.0,
            Position::PytorchHalfPixel => half,
            Position::AlignCorners => x * (from - 1.0) / (to - 1.0),
        }
    }

    fn nearest(self, mode: Position, method: Method, i: usize) -> usize {
        let x = self.position(mode, i);
        let place = match method {
            Method::Ceil => libm::ceilf(x),
            Method::Floor | Method::Linear | Method::Filtered(_) => libm::floorf(x),
            Method::RoundPreferCeil => libm::floorf(x + 0.5),
            Method::RoundPreferFloor => libm::ceilf(x - 0.5),
        };
        // The cast takes what is below 0 to 0.
        (place as usize).min(self.from - 1)
    }
}

#[inline(never)]
pub(super) fn resize(args: &Args<'_>, resize: &Resize) -> OpResult<Tensor> {
    let x = args.get(0)?;
    if x.data().is_empty() {
        refuse!("input {:?} has no elements", x.dims());
    }
    let scalings = scalings(args, resize)?;
    checked_count(&scalings.iter().map(|s| s.to).collect::<Vec<usize>>())?;
    match &resize.method {
        Method::Linear => return linear(x, resize.position, &scalings),
        Method::Filtered(filter) => return filtered(args, filter, resize.position, &scalings),
        _ => {}
    }
    let places = |s: &Scaling| -> Along {
        let table: Vec<usize> = (0..s.to).map(|i| s.nearest(resize.position, resize.method, i)).collect();
        Some(table).filter(|table| s.from != s.to || table.iter().enumerate().any(|(i, &place)| i != place))
    };
    pick(x, &scalings.iter().map(places).collect::<Vec<Along>>(), None)
}

/// What `scales` or `sizes` say of each axis; an empty list counts as left out.
fn scalings(args: &Args<'_>, resize: &Resize) -> OpResult<Vec<Scaling>> {
    let dims = args.get(0)?.dims();
    let mut out: Vec<Scaling> = dims.iter().map(|&n| Scaling { from: n, to: n, scale: 1.0 }).collect();
    let all: Vec<i64> = (0..dims.len() as i64).collect();
    let chosen = resize.axes.as_ref().unwrap_or(&all);
    axes(chosen, dims.len())?;
    let scales = args.optional_slice::<f32>(2)?.filter(|v| !v.is_empty());
    let sizes = args.optional_slice::<i64>(3)?.filter(|v| !v.is_empty());
    match (scales, sizes) {
        (Some(scales), None) if scales.len() == chosen.len() => {
            for (&axis, &scale) in chosen.iter().zip(scales) {
                let axis = &mut out[axis_below(axis, dims.len())?];
                if !(scale > 0.0 && scale < f32::INFINITY) {
                    refuse!("scale {} is not positive and finite", scale);
                }
                let size = axis.from as f32 * scale;
                let to = libm::floorf(size);
                // There ONNX's text and its own tests disagree on the last corner.
                if matches!(resize.position, Position::AlignCorners) && size != to {
                    refuse!("align_corners with scale {} of {} elements, no whole number", scale, axis.from);
                }
                *axis = Scaling { to: to as usize, scale, ..*axis };
            }
        }
        (None, Some(sizes)) if sizes.len() == chosen.len() => {
            let mut ratios = Vec::with_capacity(sizes.len());
            for (&axis, &size) in chosen.iter().zip(sizes) {
                if !(0..=MAX_ELEMENTS as i64).contains(&size) {
                    refuse!("size {} is out of range", size);
                }
                ratios.push(size as f32 / dims[axis_below(axis, dims.len())?] as f32);
            }
            let common = match resize.aspect {
                Aspect::Stretch => None,
                Aspect::NotLarger => ratios.iter().copied().reduce(|a, b| if b < a { b } else { a }),
                Aspect::NotSmaller => ratios.iter().copied().reduce(|a, b| if b > a { b } else { a }),
            };
            for ((&axis, &size), &ratio) in chosen.iter().zip(sizes).zip(&ratios) {
                let axis = &mut out[axis_below(axis, dims.len())?];
                let (to, scale) = match common {
                    None => (size as usize, ratio),
                    Some(scale) => (libm::floorf(scale * axis.from as f32 + 0.5) as usize, scale),
                };
                *axis = Scaling { to, scale, ..*axis };
            }
        }
        _ => refuse!("it needs scales or sizes, one of them, for {} axes", chosen.len()),
    }
    Ok(out)
}

/// `(1 - w) * x[low] + w * x[high]` along each axis that changes, from the first to the last.
fn linear(x: &Tensor, mode: Position, scalings: &[Scaling]) -> OpResult<Tensor> {
    let Data::F32(values) = x.data() else { refuse!("linear interpolation is of float32") };
    let mut values = values.clone();
    let mut dims = x.dims().to_vec();
    for (axis, s) in scalings.iter().enumerate() {
        if s.from == s.to && s.scale == 1.0 {
            continue;
        }
        let inner: usize = dims[axis + 1..].iter().product();
        let last = s.from - 1;
        let taps = (0..s.to).map(|i| {
            let position = s.position(mode, i);
            let position = if position > 0.0 { position } else { 0.0 };
            let low = (position as usize).min(last);
            let weight = if low == last { 0.0 } else { position - low as f32 };
            (low, (low + 1).min(last), weight)
        });
        let taps: Vec<(usize, usize, f32)> = taps.collect();
        dims[axis] = s.to;
        let mut out = Vec::with_capacity(checked_count(&dims)?);
        for block in values.chunks(s.from * inner) {
            for &(low, high, weight) in &taps {
                let (low, high) = (&block[low * inner..][..inner], &block[high * inner..][..inner]);
                out.extend(low.iter().zip(high).map(|(&a, &b)| (1.0 - weight) * a + weight * b));
            }
        }
        values = out;
    }
    Tensor::of(dims, Data::F32(values))
}

/// The weighted sum of the elements around each place, from the first to the last, along each axis that
/// changes.
fn filtered(args: &Args<'_>, filter: &Filter, mode: Position, scalings: &[Scaling]) -> OpResult<Tensor> {
    let x = args.get(0)?;
    let mut values = args.slice::<f32>(0)?.to_vec();
    let mut dims = x.dims().to_vec();
    for (axis, s) in scalings.iter().enumerate() {
        if s.from == s.to && s.scale == 1.0 {
            continue;
        }
        let places: Vec<f32> = (0..s.to).map(|i| s.position(mode, i)).collect();
        let taps = taps(args, filter, (s.from, s.scale), &places)?;
        let inner: usize = dims[axis + 1..].iter().product();
        dims[axis] = s.to;
        let count = checked_count(&dims)?;
        args.spend(&[count, taps.width])?;
        let mut out = Vec::with_capacity(count);
        for block in values.chunks(s.from * inner) {
            let own = taps.places.chunks(taps.width).zip(taps.weights.chunks(taps.width));
            for (places, weights) in own {
                let start = out.len();
                out.resize(start + inner, 0.0f32);
                for (&place, &weight) in places.iter().zip(weights) {
                    let from = &block[place * inner..][..inner];
                    out[start..].iter_mut().zip(from).for_each(|(sum, &v)| *sum += weight * v);
                }
            }
        }
        values = out;
    }
    Tensor::of(dims, Data::F32(values))
}
