//! Tree ensembles as regressors and classifiers: what their scores mean.

use alloc::format;
use alloc::vec::Vec;

use super::forest::Forest;
use super::ml::{ml, transform, MlOp, Transform};
use super::trees::{Lists, Trees};
use crate::attributes::Attributes;
use crate::build::Op;
use crate::error::{refuse, OpResult};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

#[derive(Clone, Debug)]
pub(crate) struct TreeRegressor {
    pub trees: Trees,
    pub targets: usize,
    pub aggregate: Aggregate,
    pub base: Vec<f32>,
    pub transform: Transform,
}

/// How ONNX Runtime reads scores of two classes; with three or more the largest wins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Binary {
    /// Every weight is that of class 0 by its number, which means the second label; and none is negative.
    Probability,
    /// The same with negative weights.
    Margin,
    /// Every weight is that of class 1, and none is negative; both scores are given.
    SecondProbability,
    SecondMargin,
}

#[derive(Clone, Debug)]
pub(crate) struct TreeClassifier {
    pub trees: Trees,
    pub labels: Vec<i64>,
    pub base: Vec<f32>,
    pub transform: Transform,
    pub binary: Option<Binary>,
}

pub(crate) fn regressor(a: &mut Attributes<'_>) -> Option<Op> {
    let targets = a.int("n_targets", 0);
    let aggregate = match a.text("aggregate_function", "SUM") {
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        other => return a.problem(format!("attribute \"aggregate_function\" is {other:?}")),
    };
    let (transform, base) = (transform(a), a.floats_or_tensor("base_values"));
    let targets = count(a, targets, transform)?;
    if !base.is_empty() && base.len() != targets {
        a.problems.push(format!("{} base_values for {targets} targets", base.len()));
    }
    let trees = Lists::read(a, "target").trees(targets);
    let trees = trees.map_err(|reason| a.problems.push(reason)).ok()?;
    ml(MlOp::TreeRegressor(TreeRegressor { trees, targets, aggregate, base, transform }))
}

/// TreeEnsemble of version 5, which names its choices by number.
pub(crate) fn ensemble(a: &mut Attributes<'_>) -> Option<Op> {
    let targets = a.int("n_targets", 0);
    let aggregate = match a.int("aggregate_function", 1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 => Aggregate::Min,
        3 => Aggregate::Max,
        other => return a.problem(format!("attribute \"aggregate_function\" is {other}")),
    };
    let transform = match a.int("post_transform", 0) {
        0 => Transform::None,
        1 => Transform::Softmax,
        2 => Transform::Logistic,
        3 => Transform::SoftmaxZero,
        other => return a.problem(format!("attribute \"post_transform\" = {other} is not supported")),
    };
    let targets = count(a, targets, transform)?;
    let trees = Forest::read(a).trees(targets).map_err(|reason| a.problems.push(reason)).ok()?;
    ml(MlOp::TreeRegressor(TreeRegressor { trees, targets, aggregate, base: Vec::new(), transform }))
}

fn count(a: &mut Attributes<'_>, targets: i64, transform: Transform) -> Option<usize> {
    let Some(targets) = usize::try_from(targets).ok().filter(|n| (1..=1 << 16).contains(n)) else {
        return a.problem(format!("attribute \"n_targets\" is {targets}, out of range"));
    };
    if targets == 1 && transform != Transform::None {
        // ONNX Runtime leaves it out, the standard does not.
        a.problems.push("one target takes post_transform NONE alone, append the operator instead".into());
    }
    Some(targets)
}

pub(crate) fn classifier(a: &mut Attributes<'_>) -> Option<Op> {
    a.no_texts("classlabels_strings");
    let labels = a.ints("classlabels_int64s").unwrap_or(&[]).to_vec();
    let (transform, base) = (transform(a), a.floats_or_tensor("base_values"));
    let lists = Lists::read(a, "class");
    if !(2..=1 << 16).contains(&labels.len()) {
        return a.problem(format!("{} integer class labels, 2 or more are supported", labels.len()));
    }
    let binary = if labels.len() > 2 {
        if !base.is_empty() && base.len() != labels.len() {
            a.problems.push(format!("{} base_values for {} classes", base.len(), labels.len()));
        }
        None
    } else {
        Some(binary_rule(&lists, base.len(), transform).map_err(|reason| a.problems.push(reason)).ok()?)
    };
    let trees = lists.trees(labels.len()).map_err(|reason| a.problems.push(reason)).ok()?;
    ml(MlOp::TreeClassifier(TreeClassifier { trees, labels, base, transform, binary }))
}

/// The forms of two classes in which ONNX Runtime's answer follows from the standard.
fn binary_rule(lists: &Lists<'_>, base: usize, transform: Transform) -> OpResult<Binary> {
    let positive = lists.weights.iter().all(|&w| w >= 0.0);
    let class = lists.ids.first().copied().unwrap_or(0);
    if lists.ids.iter().any(|&id| id != class) {
        refuse!(
            "two labels with weights for both classes have no agreed meaning, give one class its weights"
        );
    }
    let softmax = matches!(transform, Transform::Softmax | Transform::SoftmaxZero);
    match class {
        0 if softmax => refuse!("a softmax of two classes needs the weights under class 1"),
        0 if base > 1 => refuse!("{} base_values for one score", base),
        0 if positive => Ok(Binary::Probability),
        0 => Ok(Binary::Margin),
        _ if base > 0 => refuse!("base_values of two classes need the weights under class 0"),
        _ if positive => Ok(Binary::SecondProbability),
        _ => Ok(Binary::SecondMargin),
    }
}
