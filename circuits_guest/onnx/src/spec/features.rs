//! Operators of `ai.onnx.ml` that prepare features or name labels.

use alloc::format;
use alloc::vec::Vec;

use super::ml::{ml, MlOp};
use crate::attributes::Attributes;
use crate::build::Op;
use crate::tensor::{DType, Data, Tensor};

#[derive(Clone, Debug)]
pub(crate) enum Imputer {
    Floats { values: Vec<f32>, replaced: f32 },
    Ints { values: Vec<i64>, replaced: i64 },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Norm {
    Max,
    L1,
    L2,
}

/// Keys of a label encoder, sorted, each with the place of its value in the file.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Floats(Vec<(f32, u32)>),
    Ints(Vec<(i64, u32)>),
}

impl Keys {
    pub(super) fn dtype(&self) -> DType {
        match self {
            Keys::Floats(_) => DType::F32,
            Keys::Ints(_) => DType::I64,
        }
    }
}

/// What keys become, and what becomes of anything else.
#[derive(Clone, Debug)]
pub(crate) enum Labels {
    Floats(Vec<f32>, f32),
    Ints(Vec<i64>, i64),
}

impl Labels {
    pub(super) fn dtype(&self) -> DType {
        match self {
            Labels::Floats(..) => DType::F32,
            Labels::Ints(..) => DType::I64,
        }
    }

    fn len(&self) -> usize {
        match self {
            Labels::Floats(v, _) => v.len(),
            Labels::Ints(v, _) => v.len(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct LabelEncoder {
    pub keys: Keys,
    pub values: Labels,
}

pub(crate) fn binarizer(a: &mut Attributes<'_>) -> Option<Op> {
    ml(MlOp::Binarizer { threshold: a.float("threshold", 0.0) })
}

pub(crate) fn feature_vectorizer(a: &mut Attributes<'_>) -> Option<Op> {
    let sizes = a.sizes("inputdimensions", 1).unwrap_or_default();
    ml(MlOp::FeatureVectorizer { sizes })
}

pub(crate) fn imputer(a: &mut Attributes<'_>) -> Option<Op> {
    let floats = a.floats("imputed_value_floats");
    let ints = a.ints("imputed_value_int64s").unwrap_or(&[]).to_vec();
    // NaN is what is most often replaced.
    let replaced = a.any_float("replaced_value_float", 0.0);
    let replaced_int = a.int("replaced_value_int64", 0);
    ml(MlOp::Imputer(match (floats.is_empty(), ints.is_empty()) {
        (false, true) => Imputer::Floats { values: floats, replaced },
        (true, false) => Imputer::Ints { values: ints, replaced: replaced_int },
        _ => return a.problem("exactly one list of imputed values is needed".into()),
    }))
}

pub(crate) fn normalizer(a: &mut Attributes<'_>) -> Option<Op> {
    ml(MlOp::Normalizer(match a.text("norm", "MAX") {
        "MAX" => Norm::Max,
        "L1" => Norm::L1,
        "L2" => Norm::L2,
        other => return a.problem(format!("attribute \"norm\" is {other:?}")),
    }))
}

pub(crate) fn scaler(a: &mut Attributes<'_>) -> Option<Op> {
    let (offset, scale) = (a.floats("offset"), a.floats("scale"));
    if offset.is_empty() || offset.len() != scale.len() {
        return a.problem(format!("{} offsets, but {} scales", offset.len(), scale.len()));
    }
    ml(MlOp::Scaler { offset, scale })
}

pub(crate) fn one_hot_encoder(a: &mut Attributes<'_>) -> Option<Op> {
    a.no_texts("cats_strings");
    let categories = a.ints("cats_int64s").unwrap_or(&[]).to_vec();
    let zeros = a.flag("zeros", true);
    if categories.is_empty() {
        return a.problem("integer categories are needed".into());
    }
    ml(MlOp::OneHotEncoder { categories, zeros })
}

pub(crate) fn label_encoder(a: &mut Attributes<'_>) -> Option<Op> {
    a.no_texts("keys_strings");
    a.no_texts("values_strings");
    a.ignore("default_string");
    let default = (a.float("default_float", -0.0), a.int("default_int64", -1));
    let mut lists = Vec::new();
    for part in ["keys", "values"] {
        let mut found = Vec::new();
        found.extend(a.ints(&format!("{part}_int64s")).map(|v| Data::I64(v.to_vec())));
        found.extend(a.raw_floats(&format!("{part}_floats")).map(|v| Data::F32(v.to_vec())));
        found.extend(a.tensor(&format!("{part}_tensor")).map(Tensor::into_data));
        match found.len() {
            1 => lists.extend(found.pop()),
            n => return a.problem(format!("{n} lists of {part} in numbers, exactly one is defined")),
        }
    }
    let fallback = a.tensor("default_tensor").map(Tensor::into_data);
    let values = match (lists.pop()?, fallback) {
        (Data::I64(v), None) => Labels::Ints(v, default.1),
        (Data::I64(v), Some(Data::I64(d))) if d.len() == 1 => Labels::Ints(v, d[0]),
        (Data::F32(v), None) => Labels::Floats(v, default.0),
        (Data::F32(v), Some(Data::F32(d))) if d.len() == 1 => Labels::Floats(v, d[0]),
        _ => return a.problem("values and default must both be int64 or both float32".into()),
    };
    let keys = match lists.pop()? {
        Data::I64(v) => {
            let mut keys: Vec<(i64, u32)> = v.into_iter().zip(0..).collect();
            keys.sort_unstable();
            unique(a, keys.windows(2).all(|pair| pair[0].0 != pair[1].0));
            Keys::Ints(keys)
        }
        Data::F32(v) => {
            // One zero, one NaN: keys are compared by value, but sorted by bits.
            let mut keys: Vec<(f32, u32)> = v.into_iter().map(by_value).zip(0..).collect();
            keys.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
            unique(a, keys.windows(2).all(|pair| pair[0].0.total_cmp(&pair[1].0).is_ne()));
            Keys::Floats(keys)
        }
        _ => return a.problem("keys are neither int64 nor float32".into()),
    };
    let count = match &keys {
        Keys::Floats(v) => v.len(),
        Keys::Ints(v) => v.len(),
    };
    if count != values.len() {
        return a.problem(format!("{count} keys, but {} values", values.len()));
    }
    ml(MlOp::LabelEncoder(LabelEncoder { keys, values }))
}

fn unique(a: &mut Attributes<'_>, holds: bool) {
    if !holds {
        a.problems.push("a key is given twice".into());
    }
}

/// The same bits for all that compare equal, and for every NaN.
pub(crate) fn by_value(x: f32) -> f32 {
    match x {
        x if x.is_nan() => f32::from_bits(0x7fc0_0000),
        x => x + 0.0,
    }
}
