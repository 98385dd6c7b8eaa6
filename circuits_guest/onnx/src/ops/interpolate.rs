//! Weights of the elements around a place, for cubic interpolation and for antialiasing.
//!
//! ONNX's formulas in float32, in the order in which the operator's text has them; elements beyond an end are
//! the one at the end.

use alloc::vec::Vec;

use crate::error::OpResult;
use crate::ops::Args;
use crate::spec::resize::Filter;
use crate::tensor::checked_count;

/// Taps of one axis: `width` places and weights for each element of the result.
pub(super) struct Taps {
    pub width: usize,
    pub places: Vec<usize>,
    pub weights: Vec<f32>,
}

/// One axis of `from` elements and the places of the result's elements in it.
pub(super) fn taps(
    args: &Args<'_>,
    filter: &Filter,
    (from, scale): (usize, f32),
    places: &[f32],
) -> OpResult<Taps> {
    // Making a result smaller, the filter reaches as far as the elements that fall together.
    let narrow = if filter.antialias && scale < 1.0 { scale } else { 1.0 };
    let reach = if filter.cubic { 2.0 } else { 1.0 };
    let first = libm::floorf(-reach / narrow) as i64;
    let first = first.saturating_add(1);
    let width = usize::try_from(2i64.saturating_sub(first.saturating_mul(2))).unwrap_or(usize::MAX);
    let count = checked_count(&[places.len(), width])?;
    args.spend(&[count])?;
    let mut out = Taps { width, places: Vec::with_capacity(count), weights: Vec::with_capacity(count) };
    let last = from as i64 - 1;
    for &place in places {
        // A whole place counts as the upper end of the step before it.
        let base = libm::ceilf(place) - 1.0;
        let (ratio, base) = (place - base, base as i64);
        let start = out.weights.len();
        for k in 0..width as i64 {
            let at = base.saturating_add(first + k);
            let outside = !(0..=last).contains(&at);
            out.places.push(at.clamp(0, last) as usize);
            let x = ((first + k) as f32 - ratio) * narrow;
            let weight = if filter.cubic { cubic(x, filter.coefficient) } else { linear(x) };
            out.weights.push(if filter.exclude_outside && outside { 0.0 } else { weight });
        }
        if filter.antialias || filter.exclude_outside {
            let own = &mut out.weights[start..];
            let sum = own.iter().fold(0.0f32, |sum, w| sum + w);
            own.iter_mut().for_each(|w| *w /= sum);
        }
    }
    Ok(out)
}

/// Keys' cubic convolution kernel with the coefficient `a`.
fn cubic(x: f32, a: f32) -> f32 {
    let x = libm::fabsf(x);
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn linear(x: f32) -> f32 {
    let weight = 1.0 - libm::fabsf(x);
    if weight > 0.0 {
        weight
    } else {
        0.0
    }
}
