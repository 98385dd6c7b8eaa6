//! Attributes of Resize. Crops are refused.

use alloc::vec::Vec;

use crate::attributes::Attributes;
use crate::build::Op;
use crate::spec::data::{choice, DataOp};

#[derive(Clone, Debug)]
pub(crate) struct Resize {
    pub axes: Option<Vec<i64>>,
    pub position: Position,
    pub method: Method,
    pub aspect: Aspect,
}

/// How a place in the result is one in the input: `coordinate_transformation_mode`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Position {
    AlignCorners,
    Asymmetric,
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Ceil,
    Floor,
    /// Weights `1 - w` and `w` of the two elements around a place.
    Linear,
    Filtered(Filter),
    RoundPreferCeil,
    RoundPreferFloor,
}

impl Method {
    /// Whether an element of the result is made of several.
    pub(crate) fn mixes(&self) -> bool {
        matches!(self, Method::Linear | Method::Filtered(_))
    }
}

/// Interpolation by more elements, or by weights that are made to sum to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    pub cubic: bool,
    /// Of the cubic kernel.
    pub coefficient: f32,
    pub antialias: bool,
    pub exclude_outside: bool,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Aspect {
    NotLarger,
    NotSmaller,
    Stretch,
}

pub(crate) fn resize(a: &mut Attributes<'_>) -> Option<Op> {
    use Position::{AlignCorners, Asymmetric, HalfPixel, HalfPixelSymmetric, PytorchHalfPixel};
    let positions = [
        ("align_corners", AlignCorners),
        ("asymmetric", Asymmetric),
        ("half_pixel", HalfPixel),
        ("pytorch_half_pixel", PytorchHalfPixel),
        ("half_pixel_symmetric", HalfPixelSymmetric),
    ];
    let known = if a.opset >= 19 { 5 } else { 4 };
    let position = choice(a, "coordinate_transformation_mode", "half_pixel", &positions[..known]);
    let rounding = [
        ("round_prefer_floor", Method::RoundPreferFloor),
        ("round_prefer_ceil", Method::RoundPreferCeil),
        ("floor", Method::Floor),
        ("ceil", Method::Ceil),
    ];
    let rounding = choice(a, "nearest_mode", "round_prefer_floor", &rounding);
    let modes = [("nearest", Mode::Nearest), ("linear", Mode::Linear), ("cubic", Mode::Cubic)];
    let mode = choice(a, "mode", "nearest", &modes);
    let coefficient = a.float("cubic_coeff_a", -0.75);
    // Without meaning outside of crops.
    a.float("extrapolation_value", 0.0);
    let exclude_outside = a.flag("exclude_outside", false);
    let (mut axes, mut aspect, mut antialias) = (None, Some(Aspect::Stretch), false);
    if a.opset >= 18 {
        antialias = a.flag("antialias", false);
        axes = a.ints("axes").map(<[i64]>::to_vec);
        let policies = [
            ("stretch", Aspect::Stretch),
            ("not_larger", Aspect::NotLarger),
            ("not_smaller", Aspect::NotSmaller),
        ];
        aspect = choice(a, "keep_aspect_ratio_policy", "stretch", &policies);
    }
    let filter = Filter { cubic: matches!(mode, Some(Mode::Cubic)), coefficient, antialias, exclude_outside };
    let method = match mode? {
        Mode::Nearest => rounding?,
        Mode::Linear if !antialias && !exclude_outside => Method::Linear,
        Mode::Linear | Mode::Cubic => Method::Filtered(filter),
    };
    Some(Op::Data(DataOp::Resize(Resize { axes, position: position?, method, aspect: aspect? })))
}
