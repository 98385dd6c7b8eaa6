//! Tree ensembles. Scores are sums in the order of the trees, and within a leaf in that of the file.

use alloc::vec;
use alloc::vec::Vec;

use super::transform::{apply, logistic};
use super::{classified, Rows};
use crate::error::{refuse, OpResult};
use crate::ops::Args;
use crate::spec::ensembles::{Aggregate, Binary, TreeClassifier, TreeRegressor};
use crate::spec::ml::Transform;
use crate::spec::trees::{Mode, Node, Trees, Weight};
use crate::tensor::{checked_count, Data, Tensor};

impl Trees {
    /// The weights of the leaf that a row reaches from one root. Parsing made sure that this ends.
    fn leaf(&self, root: u32, row: &[f32]) -> &[Weight] {
        let mut at = root;
        loop {
            match self.nodes[at as usize] {
                Node::Leaf { start, end } => return &self.weights[start as usize..end as usize],
                Node::Branch { mode, feature, threshold, nan_is_true, yes, no } => {
                    let x = row[feature as usize];
                    let taken = match mode {
                        Mode::Leq => x <= threshold,
                        Mode::Lt => x < threshold,
                        Mode::Gte => x >= threshold,
                        Mode::Gt => x > threshold,
                        Mode::Eq => x == threshold,
                        Mode::Neq => x != threshold,
                    };
                    at = if taken || (nan_is_true && x.is_nan()) { yes } else { no };
                }
                Node::Member { feature, start, end, nan_is_true, yes, no } => {
                    let x = row[feature as usize];
                    let taken = self.members[start as usize..end as usize].contains(&x);
                    at = if taken || (nan_is_true && x.is_nan()) { yes } else { no };
                }
            }
        }
    }

    fn rows<'a>(&self, args: &'a Args<'_>, targets: usize) -> OpResult<Rows<'a>> {
        let x = Rows::of(args)?;
        if x.features < self.features {
            refuse!("{} features given, the trees read {}", x.features, self.features);
        }
        args.spend(&[x.rows, self.roots.len(), self.depth + 1])?;
        args.spend(&[x.rows, self.weights.len()])?;
        args.spend(&[x.rows, self.members.len()])?;
        checked_count(&[x.rows, targets])?;
        Ok(x)
    }
}

#[inline(never)]
pub(super) fn regress(args: &Args<'_>, model: &TreeRegressor) -> OpResult<Tensor> {
    let x = model.trees.rows(args, model.targets)?;
    let mut out = Vec::with_capacity(x.rows * model.targets);
    let mut scores: Vec<Option<f32>> = Vec::new();
    for row in x.iter() {
        scores.clear();
        scores.resize(model.targets, None);
        for &root in &model.trees.roots {
            for weight in model.trees.leaf(root, row) {
                let score = &mut scores[weight.target as usize];
                *score = Some(match (*score, model.aggregate) {
                    (None, Aggregate::Min | Aggregate::Max) => weight.value,
                    (Some(s), Aggregate::Min) if weight.value >= s => s,
                    (Some(s), Aggregate::Max) if weight.value <= s => s,
                    (_, Aggregate::Min | Aggregate::Max) => weight.value,
                    (s, Aggregate::Sum | Aggregate::Average) => s.unwrap_or(0.0) + weight.value,
                });
            }
        }
        let start = out.len();
        for (i, score) in scores.iter().enumerate() {
            let mut score = score.unwrap_or(0.0);
            if model.aggregate == Aggregate::Average {
                score /= model.trees.roots.len() as f32;
            }
            out.push(model.base.get(i).map_or(score, |base| score + base));
        }
        apply(&mut out[start..], model.transform);
    }
    Tensor::of(vec![x.rows, model.targets], Data::F32(out))
}

#[inline(never)]
pub(super) fn classify(args: &Args<'_>, model: &TreeClassifier) -> OpResult<Vec<Tensor>> {
    let classes = model.labels.len();
    let x = model.trees.rows(args, classes)?;
    let mut labels = Vec::with_capacity(x.rows);
    let mut out = Vec::with_capacity(x.rows * classes);
    let (mut scores, mut found) = (vec![0f32; classes], vec![false; classes]);
    for row in x.iter() {
        scores.fill(0.0);
        found.fill(false);
        for &root in &model.trees.roots {
            for weight in model.trees.leaf(root, row) {
                scores[weight.target as usize] += weight.value;
                found[weight.target as usize] = true;
            }
        }
        let best = match model.binary {
            Some(rule) => binary(&mut scores, &model.base, model.transform, rule),
            None => {
                let best = many(&mut scores, &mut found, &model.base);
                apply(&mut scores, model.transform);
                best
            }
        };
        labels.push(model.labels[best]);
        out.extend_from_slice(&scores);
    }
    classified(labels, out)
}

/// The class with the largest score among those that a leaf or base value names.
fn many(scores: &mut [f32], found: &mut [bool], base: &[f32]) -> usize {
    for (k, base) in base.iter().enumerate() {
        scores[k] = if found[k] { scores[k] + base } else { *base };
        found[k] = true;
    }
    let first = found.iter().position(|&f| f).unwrap_or(0);
    (first..scores.len()).fold(first, |best, k| if found[k] && scores[k] > scores[best] { k } else { best })
}

/// Both scores from the one that the weights give, and the index of the label.
fn binary(scores: &mut [f32], base: &[f32], transform: Transform, rule: Binary) -> usize {
    let given = usize::from(matches!(rule, Binary::SecondProbability | Binary::SecondMargin));
    let score = base.first().map_or(scores[given], |base| scores[given] + base);
    let positive = match rule {
        Binary::Probability | Binary::SecondProbability => score > 0.5,
        Binary::Margin | Binary::SecondMargin => score > 0.0,
    };
    match (rule, transform) {
        (Binary::SecondProbability | Binary::SecondMargin, _) => apply(scores, transform),
        (Binary::Probability, Transform::Logistic) | (Binary::Margin, Transform::Logistic) => {
            (scores[0], scores[1]) = (logistic(-score), logistic(score));
        }
        (Binary::Probability, _) => (scores[0], scores[1]) = (1.0 - score, score),
        (Binary::Margin, _) => (scores[0], scores[1]) = (-score, score),
    }
    usize::from(positive)
}
