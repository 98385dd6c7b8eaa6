//! The operators of `ai.onnx.ml`, on rows of features.

mod features;
mod labels;
mod linear;
mod svm;
mod transform;
mod trees;

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use super::Args;
use crate::error::{refuse, OpResult};
use crate::spec::ml::MlOp;
use crate::tensor::{Data, Tensor};

/// Features of samples as float32, as they are compared and summed.
struct Rows<'a> {
    values: Cow<'a, [f32]>,
    rows: usize,
    features: usize,
}

impl<'a> Rows<'a> {
    /// A matrix of samples, or one sample alone.
    fn of(args: &'a Args<'_>) -> OpResult<Rows<'a>> {
        let x = args.get(0)?;
        let (rows, features) = match *x.dims() {
            [features] => (1, features),
            [rows, features] => (rows, features),
            _ => refuse!("features have dims {:?}, expected two", x.dims()),
        };
        if rows == 0 || features == 0 {
            refuse!("shape {:?} has no elements", x.dims());
        }
        Ok(Rows { values: floats(x)?, rows, features })
    }

    /// The rows of exactly so many features.
    fn exactly(args: &'a Args<'_>, features: usize) -> OpResult<Rows<'a>> {
        let rows = Rows::of(args)?;
        if rows.features != features {
            refuse!("{} features given, the model takes {}", rows.features, features);
        }
        Ok(rows)
    }

    fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.features)
    }
}

fn floats(x: &Tensor) -> OpResult<Cow<'_, [f32]>> {
    Ok(match x.data() {
        Data::F32(v) => Cow::Borrowed(v),
        Data::I32(v) => v.iter().map(|&x| x as f32).collect(),
        Data::I64(v) => v.iter().map(|&x| x as f32).collect(),
        other => refuse!("features of type {} are not supported", other.dtype()),
    })
}

/// A label a row, and the scores of each row.
fn classified(labels: Vec<i64>, scores: Vec<f32>) -> OpResult<Vec<Tensor>> {
    let rows = labels.len();
    let columns = scores.len() / rows.max(1);
    Ok(vec![Tensor::of(vec![rows], Data::I64(labels))?, Tensor::of(vec![rows, columns], Data::F32(scores))?])
}

/// Index of the largest score, the first of equal ones.
fn largest(scores: &[f32]) -> usize {
    (1..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
}

#[inline(never)]
pub(super) fn run(op: &MlOp, args: &mut Args<'_>) -> OpResult<Vec<Tensor>> {
    Ok(vec![match op {
        MlOp::ArrayFeatureExtractor => features::extract(args)?,
        MlOp::Binarizer { threshold } => features::binarize(args, *threshold)?,
        MlOp::FeatureVectorizer { sizes } => features::vectorize(args, sizes)?,
        MlOp::Imputer(imputer) => features::impute(args, imputer)?,
        MlOp::LabelEncoder(encoder) => labels::encode(args, encoder)?,
        MlOp::LinearClassifier(model) => return linear::classify(args, model),
        MlOp::LinearRegressor(model) => linear::regress(args, model)?,
        MlOp::Normalizer(norm) => features::normalize(args, *norm)?,
        MlOp::OneHotEncoder { categories, zeros } => labels::one_hot(args, categories, *zeros)?,
        MlOp::Scaler { offset, scale } => features::scale(args, offset, scale)?,
        MlOp::SvmClassifier(model) => return svm::classify(args, model),
        MlOp::SvmRegressor(model) => svm::regress(args, model)?,
        MlOp::TreeClassifier(model) => return trees::classify(args, model),
        MlOp::TreeRegressor(model) => trees::regress(args, model)?,
    }])
}
