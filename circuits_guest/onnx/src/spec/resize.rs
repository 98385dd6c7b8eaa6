//! Attributes of Resize. Cubic interpolation, antialiasing and crops are refused.

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
    Linear,
    RoundPreferCeil,
    RoundPreferFloor,
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
    let linear = choice(a, "mode", "nearest", &[("nearest", false), ("linear", true)]);
    // Without meaning outside of cubic interpolation and of crops.
    a.float("cubic_coeff_a", -0.75);
    a.float("extrapolation_value", 0.0);
    a.only_int("exclude_outside", 0);
    let (mut axes, mut aspect) = (None, Some(Aspect::Stretch));
    if a.opset >= 18 {
        a.only_int("antialias", 0);
        axes = a.ints("axes").map(<[i64]>::to_vec);
        let policies = [
            ("stretch", Aspect::Stretch),
            ("not_larger", Aspect::NotLarger),
            ("not_smaller", Aspect::NotSmaller),
        ];
        aspect = choice(a, "keep_aspect_ratio_policy", "stretch", &policies);
    }
    let method = if linear? { Method::Linear } else { rounding? };
    Some(Op::Data(DataOp::Resize(Resize { axes, position: position?, method, aspect: aspect? })))
}
