//! The operators of `ai.onnx.ml`: what scikit-learn models are exported to.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::ensembles::{TreeClassifier, TreeRegressor};
use super::features::{Imputer, LabelEncoder, Norm};
use super::linear::{LinearClassifier, LinearRegressor, SvmClassifier, SvmRegressor};
use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};
use crate::infer::Inputs;
use crate::tensor::DType::{self, F32, I32, I64};

/// Types of features.
const FEATURES: &[DType] = &[F32, I32, I64];

#[derive(Clone, Debug)]
pub(crate) enum MlOp {
    ArrayFeatureExtractor,
    Binarizer { threshold: f32 },
    FeatureVectorizer { sizes: Vec<usize> },
    Imputer(Imputer),
    LabelEncoder(LabelEncoder),
    LinearClassifier(LinearClassifier),
    LinearRegressor(LinearRegressor),
    Normalizer(Norm),
    OneHotEncoder { categories: Vec<i64>, zeros: bool },
    Scaler { offset: Vec<f32>, scale: Vec<f32> },
    SvmClassifier(SvmClassifier),
    SvmRegressor(SvmRegressor),
    TreeClassifier(TreeClassifier),
    TreeRegressor(TreeRegressor),
}

/// What is done to the scores of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Transform {
    None,
    Logistic,
    Softmax,
    /// A softmax that leaves scores near 0 where they are.
    SoftmaxZero,
}

pub(super) fn transform(a: &mut Attributes<'_>) -> Transform {
    match a.text("post_transform", "NONE") {
        "NONE" => Transform::None,
        "LOGISTIC" => Transform::Logistic,
        "SOFTMAX" => Transform::Softmax,
        "SOFTMAX_ZERO" => Transform::SoftmaxZero,
        other => {
            a.problems.push(format!("attribute \"post_transform\" = {other:?} is not supported"));
            Transform::None
        }
    }
}

pub(crate) fn ml(op: MlOp) -> Option<Op> {
    Some(Op::Ml(Box::new(op)))
}

impl MlOp {
    pub(crate) fn types(&self, ins: &Inputs<'_>) -> OpResult<Vec<DType>> {
        Ok(match self {
            MlOp::ArrayFeatureExtractor => {
                ins.required(1, &[I64])?;
                vec![ins.required(0, FEATURES)?]
            }
            MlOp::Binarizer { .. } => vec![ins.required(0, FEATURES)?],
            MlOp::FeatureVectorizer { sizes } => {
                if ins.0.len() != sizes.len() {
                    refuse!("{} inputs, but {} inputdimensions", ins.0.len(), sizes.len());
                }
                (0..sizes.len()).try_for_each(|i| ins.required(i, FEATURES).map(drop))?;
                vec![F32]
            }
            MlOp::Imputer(Imputer::Floats { .. }) => vec![ins.required(0, &[F32])?],
            MlOp::Imputer(Imputer::Ints { .. }) => vec![ins.required(0, &[I64])?],
            MlOp::LabelEncoder(encoder) => {
                ins.required(0, &[encoder.keys.dtype()])?;
                vec![encoder.values.dtype()]
            }
            MlOp::LinearClassifier(_) | MlOp::SvmClassifier(_) | MlOp::TreeClassifier(_) => {
                ins.required(0, FEATURES)?;
                vec![I64, F32]
            }
            MlOp::LinearRegressor(_) | MlOp::SvmRegressor(_) | MlOp::TreeRegressor(_) => {
                ins.required(0, FEATURES)?;
                vec![F32]
            }
            MlOp::Normalizer(_) | MlOp::OneHotEncoder { .. } | MlOp::Scaler { .. } => {
                ins.required(0, FEATURES)?;
                vec![F32]
            }
        })
    }
}

/// Why an operator that is not in the table is not, and what to do instead.
pub(crate) fn remedy(domain: &str, name: &str) -> &'static str {
    match (domain, name) {
        ("ai.onnx.ml", "ZipMap") => {
            "maps are not supported, convert with the option zipmap=False of skl2onnx to have the scores as a tensor"
        }
        ("ai.onnx.ml", "CategoryMapper" | "CastMap" | "DictVectorizer") => {
            "maps and texts are not supported, give the model integers instead"
        }
        _ => "the operator is not supported",
    }
}
