//! Rounding to integers, and the requantisation of an int32 accumulator, in exact IEEE arithmetic.

use alloc::vec::Vec;

use crate::error::{refuse, OpResult};
use crate::tensor::Element;

/// An 8-bit quantised type.
pub(crate) trait Quantized: Element {
    const LOW: i32;
    const HIGH: i32;
    /// The value of a number between `LOW` and `HIGH`.
    fn truncate(value: i32) -> Self;
}

macro_rules! quantized {
    ($t:ty) => {
        impl Quantized for $t {
            const LOW: i32 = <$t>::MIN as i32;
            const HIGH: i32 = <$t>::MAX as i32;
            fn truncate(value: i32) -> Self {
                value as $t
            }
        }
    };
}
quantized!(u8);
quantized!(i8);

/// Above every value that is not clamped, and far enough from the end of `i32` to add a zero point.
const SATURATED: i32 = 1 << 24;

/// Nearest integer, ties to even, saturating at 2^24; NaN gives 0.
pub(super) fn round_half_even(x: f32) -> i32 {
    let bits = x.to_bits();
    let exponent = ((bits >> 23) & 0xff) as i32;
    let mantissa = (bits & 0x7f_ffff) | 0x80_0000;
    let magnitude = match exponent {
        255 if bits & 0x7f_ffff != 0 => return 0,
        // Below one half, where the mantissa without its leading one (subnormals) does not matter.
        0..=125 => 0,
        126..=149 => shift_half_even(mantissa, (150 - exponent) as u32) as i32,
        _ => SATURATED,
    };
    if bits >> 31 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

/// `x / 2^shift` to the nearest integer, ties to even, for `shift` from 1 to 31.
fn shift_half_even(x: u32, shift: u32) -> u32 {
    let quotient = x >> shift;
    let rest = x << (32 - shift);
    quotient + u32::from(rest > 1 << 31 || (rest == 1 << 31 && quotient & 1 == 1))
}

/// From the lowest to the highest value of an 8-bit type.
const STEPS: i32 = 255;
/// Bits behind the point of what [`Requantizer::one`] computes with.
const FRACTION: u32 = 22;
const HALF: i32 = 1 << (FRACTION - 1);
/// Four times what the two roundings of float32 and the cut product change of a value below 2^8.
const MARGIN: i32 = 1 << (FRACTION - 13);

/// A positive finite float32 as `mantissa * 2^exponent`, the mantissa filling 32 bits.
#[derive(Clone, Copy)]
struct Scale {
    mantissa: u32,
    exponent: i32,
    /// Moves an accumulator so that the high word of its product with the mantissa has [`FRACTION`] bits
    /// behind the point.
    shift: u32,
    /// Largest accumulator for which that word stays below 2^30: a value of 256, where every result is clamped.
    reach: i32,
}

/// Turns accumulators into quantised values: `saturate(round_half_even(float32(acc) * scale) + zero)`.
///
/// That product and its two roundings are computed with integers, some twenty times cheaper in the guest
/// than in soft float, and give the same bits as float32 arithmetic.
pub(crate) struct Requantizer {
    scales: Vec<Scale>,
    zero: i32,
    low: i32,
    /// Added to a scaled accumulator: what makes results count from `low` on, half a step to round down from,
    /// and the margin.
    raise: i32,
}

impl Requantizer {
    /// One scale for all columns, or one for each.
    pub(crate) fn new<T: Quantized>(scales: &[f32], zero: i32) -> OpResult<Requantizer> {
        let mut decomposed = Vec::with_capacity(scales.len());
        for &scale in scales {
            if !(scale > 0.0 && scale < f32::INFINITY) {
                refuse!("the combined scale {} is not positive and finite", scale);
            }
            let bits = scale.to_bits();
            let (mantissa, exponent) = match bits >> 23 {
                0 => (bits, -149),
                e => ((bits & 0x7f_ffff) | 0x80_0000, e as i32 - 150),
            };
            let lead = mantissa.leading_zeros();
            let exponent = exponent - lead as i32;
            let (shift, reach) = match exponent + 32 + FRACTION as i32 {
                shift @ 0..=31 => (shift as u32, (1 << 30) >> shift),
                _ => (0, 0),
            };
            decomposed.push(Scale { mantissa: mantissa << lead, exponent, shift, reach });
        }
        let raise = ((zero - T::LOW) << FRACTION) + HALF + MARGIN;
        Ok(Requantizer { scales: decomposed, zero, low: T::LOW, raise })
    }

    /// Requantises the accumulators of one row, handing each to `store(column, value)`.
    pub(super) fn row(&self, sums: &[i32], mut store: impl FnMut(usize, i32)) {
        match self.scales.as_slice() {
            [scale] => sums.iter().enumerate().for_each(|(c, &acc)| store(c, self.one(acc, scale))),
            scales => {
                let pairs = sums.iter().zip(scales).enumerate();
                pairs.for_each(|(c, (&acc, scale))| store(c, self.one(acc, scale)));
            }
        }
    }

    /// As [`Requantizer::row`], into the bytes of the values.
    pub(crate) fn bytes(&self, sums: impl Iterator<Item = i32>, out: &mut [u8]) {
        let pairs = out.iter_mut().zip(sums);
        match self.scales.as_slice() {
            [scale] => pairs.for_each(|(to, acc)| *to = self.one(acc, scale) as u8),
            scales => pairs.zip(scales).for_each(|((to, acc), scale)| *to = self.one(acc, scale) as u8),
        }
    }

    /// The range is clamped after rounding and after adding the zero point. ONNX Runtime clamps the
    /// float before both, at integers, which is the same since rounding is monotonic and keeps them.
    ///
    /// Most values lie far enough from a tie that no rounding of float32 can move them across it: those need
    /// one product of words.
    #[inline(always)]
    fn one(&self, acc: i32, scale: &Scale) -> i32 {
        if acc.wrapping_add(scale.reach) as u32 <= 2 * scale.reach as u32 {
            let product = i64::from(acc << scale.shift) * i64::from(scale.mantissa);
            let raised = ((product >> 32) as i32).wrapping_add(self.raise);
            // Within two margins of a step no bit of the fraction above them is set.
            if raised & ((1 << FRACTION) - 2 * MARGIN) != 0 {
                let steps = raised >> FRACTION;
                return steps.clamp(0, STEPS) + self.low;
            }
        }
        self.exactly(acc, scale)
    }

    #[inline(never)]
    fn exactly(&self, acc: i32, scale: &Scale) -> i32 {
        let magnitude = scaled(acc.unsigned_abs(), *scale);
        let rounded = if acc < 0 { -magnitude } else { magnitude };
        (rounded + self.zero).clamp(self.low, self.low + STEPS)
    }
}

/// `round_half_even(float32(magnitude) * scale)`, saturating at 2^24.
fn scaled(magnitude: u32, scale: Scale) -> i32 {
    if magnitude == 0 {
        return 0;
    }
    let lead = magnitude.leading_zeros();
    let mut top = magnitude << lead;
    // The value is top * mantissa * 2^exponent.
    let mut exponent = scale.exponent - lead as i32;
    if top & 0xff != 0 {
        // More than 24 bits: the conversion to float32 rounds, and may carry into a new leading bit.
        let rounded = shift_half_even(top, 8);
        (top, exponent) = if rounded == 1 << 24 { (1 << 31, exponent + 1) } else { (rounded << 8, exponent) };
    }
    let product = u64::from(top) * u64::from(scale.mantissa);
    let (mut high, mut low) = ((product >> 32) as u32, product as u32);
    exponent += 40;
    if high >> 31 == 0 {
        high = high << 1 | low >> 31;
        low <<= 1;
        exponent -= 1;
    }
    // The product rounded to 24 bits; bits of the low word only tell a tie from just above it.
    let (kept, rest) = (high >> 8, high & 0xff);
    let up = rest > 0x80 || (rest == 0x80 && (low != 0 || kept & 1 == 1));
    let mantissa = kept + u32::from(up);
    match exponent {
        0.. => SATURATED,
        -31..=-1 => shift_half_even(mantissa, -exponent as u32) as i32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: float32 arithmetic, then nearest with ties to even.
    fn by_floats(acc: i32, scale: f32, zero: i32) -> i32 {
        let v = acc as f32 * scale;
        let v = v.clamp((i8::MIN as i32 - zero) as f32, (i8::MAX as i32 - zero) as f32);
        libm::rintf(v) as i32 + zero
    }

    #[test]
    fn requantizes_as_float_arithmetic_does() {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for i in 0..3_000_000u32 {
            let acc = (random() as i32) >> (random() % 32);
            // Scales from far below to far above the useful ones; every fourth makes exact ties.
            let exponent = 127 - 32 + (random() % 40) as u32;
            let mantissa = if i % 4 == 0 { (random() as u32 & 7) << 20 } else { random() as u32 & 0x7f_ffff };
            let scale = f32::from_bits(exponent << 23 | mantissa);
            let zero = random() as i8 as i32;
            let fast = Requantizer::new::<i8>(&[scale], zero).unwrap();
            assert_eq!(
                fast.one(acc, &fast.scales[0]),
                by_floats(acc, scale, zero),
                "{acc} * {scale:e} + {zero}"
            );
        }
        for scale in [f32::MIN_POSITIVE / 4.0, f32::MAX, 0.5, 1.0] {
            let fast = Requantizer::new::<i8>(&[scale], 3).unwrap();
            for acc in [i32::MIN, i32::MAX, -1, 0, 1, 3, 5, 0x0100_0001, 0x01ff_ffff, -0x7fff_ffff] {
                assert_eq!(fast.one(acc, &fast.scales[0]), by_floats(acc, scale, 3), "{acc} * {scale:e}");
            }
        }
    }

    #[test]
    fn rounds_half_to_even() {
        for i in 0..4_000_000u32 {
            let x = f32::from_bits(i.wrapping_mul(1_073_741_827));
            let expected = if x.is_nan() { 0.0 } else { libm::rintf(x).clamp(-16_777_216.0, 16_777_216.0) };
            assert_eq!(round_half_even(x), expected as i32, "{x:e}");
        }
    }

    #[test]
    fn refuses_scales_that_are_not_positive_and_finite() {
        for scale in [0.0, -1.0, f32::INFINITY, f32::NAN] {
            assert!(Requantizer::new::<u8>(&[scale], 0).is_err());
        }
    }
}
