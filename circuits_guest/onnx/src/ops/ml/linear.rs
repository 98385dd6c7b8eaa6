//! Linear models: `sum(x[i] * w[i])` from 0 with rising `i`, then the intercept.

use alloc::vec;
use alloc::vec::Vec;

use super::transform::apply;
use super::{classified, largest, Rows};
use crate::error::OpResult;
use crate::ops::Args;
use crate::spec::linear::{LinearClassifier, LinearRegressor};
use crate::tensor::{checked_count, Data, Tensor};

/// From 0, with rising index.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0f32, |sum, (&x, &y)| sum + x * y)
}

fn scores(args: &Args<'_>, model: &LinearRegressor) -> OpResult<Vec<f32>> {
    let features = model.coefficients.len() / model.targets;
    let x = Rows::exactly(args, features)?;
    args.spend(&[x.rows, model.coefficients.len()])?;
    let mut out = Vec::with_capacity(checked_count(&[x.rows, model.targets])?);
    for row in x.iter() {
        let rows = model.coefficients.chunks_exact(features).zip(&model.intercepts);
        out.extend(rows.map(|(w, intercept)| dot(row, w) + intercept));
    }
    Ok(out)
}

#[inline(never)]
pub(super) fn regress(args: &Args<'_>, model: &LinearRegressor) -> OpResult<Tensor> {
    let mut out = scores(args, model)?;
    out.chunks_exact_mut(model.targets).for_each(|row| apply(row, model.transform));
    Tensor::of(vec![out.len() / model.targets, model.targets], Data::F32(out))
}

#[inline(never)]
pub(super) fn classify(args: &Args<'_>, classifier: &LinearClassifier) -> OpResult<Vec<Tensor>> {
    let (model, labels) = (&classifier.model, &classifier.labels);
    let mut scores = scores(args, model)?;
    if model.targets == 1 {
        checked_count(&[scores.len(), 2])?;
        let found = scores.iter().map(|&s| labels[usize::from(s > 0.0)]).collect();
        return classified(found, scores.iter().flat_map(|&s| [1.0 - s, s]).collect());
    }
    let found = scores.chunks_exact(model.targets).map(|row| labels[largest(row)]).collect();
    scores.chunks_exact_mut(model.targets).for_each(|row| apply(row, model.transform));
    classified(found, scores)
}
