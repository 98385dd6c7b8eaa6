//! Support vector machines, as ONNX Runtime computes them: kernels and products in float32, the sum of a
//! decision in float64, because its terms cancel.

use alloc::vec;
use alloc::vec::Vec;

use super::linear::dot;
use super::transform::{apply, logistic};
use super::{classified, Rows};
use crate::error::OpResult;
use crate::ops::Args;
use crate::spec::linear::{Kernel, Machine, SvmClassifier, SvmRegressor};
use crate::tensor::{checked_count, Data, Tensor};

impl Machine {
    fn rows<'a>(&self, args: &'a Args<'_>) -> OpResult<Rows<'a>> {
        let x = Rows::exactly(args, self.vectors.len() / self.count)?;
        args.spend(&[x.rows, self.vectors.len()])?;
        Ok(x)
    }

    /// The kernel of one row with each support vector.
    fn kernels(&self, row: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend(self.vectors.chunks_exact(row.len()).map(|vector| match self.kernel {
            Kernel::Linear => dot(row, vector),
            Kernel::Rbf => {
                let square = |(&x, &y): (&f32, &f32)| (x - y) * (x - y);
                let distance = row.iter().zip(vector).map(square).fold(0f32, |sum, d| sum + d);
                libm::expf(-self.gamma * distance)
            }
            Kernel::Sigmoid => libm::tanhf(self.gamma * dot(row, vector) + self.coef0),
            Kernel::Poly => {
                let base = self.gamma * dot(row, vector) + self.coef0;
                match self.degree {
                    2.0 => base * base,
                    3.0 => base * base * base,
                    degree => libm::powf(base, degree),
                }
            }
        }));
    }
}

#[inline(never)]
pub(super) fn regress(args: &Args<'_>, model: &SvmRegressor) -> OpResult<Tensor> {
    let machine = &model.machine;
    let x = machine.rows(args)?;
    let mut kernels = Vec::with_capacity(machine.count);
    let mut out = Vec::with_capacity(x.rows);
    for row in x.iter() {
        machine.kernels(row, &mut kernels);
        let terms = kernels.iter().zip(&machine.coefficients);
        let sum = terms.fold(0f64, |sum, (&k, &c)| sum + f64::from(k * c));
        let score = (sum + f64::from(machine.rho[0])) as f32;
        out.push(match (model.one_class, score > 0.0) {
            (false, _) => score,
            (true, true) => 1.0,
            (true, false) => -1.0,
        });
    }
    Tensor::of(vec![x.rows, 1], Data::F32(out))
}

/// Every pair of classes votes; the class with most votes wins, the first of equal ones.
#[inline(never)]
pub(super) fn classify(args: &Args<'_>, model: &SvmClassifier) -> OpResult<Vec<Tensor>> {
    let (machine, classes) = (&model.machine, model.labels.len());
    let x = machine.rows(args)?;
    let pairs = machine.rho.len();
    args.spend(&[x.rows, classes, machine.count])?;
    // The probabilities of a row take up to 100 rounds over a matrix of the classes.
    args.spend(&[x.rows, if model.prob.is_empty() { 1 } else { 100 * classes }, classes])?;
    checked_count(&[x.rows, pairs.max(classes)])?;
    let mut kernels = Vec::with_capacity(machine.count);
    let (mut labels, mut out) = (Vec::with_capacity(x.rows), Vec::new());
    for row in x.iter() {
        machine.kernels(row, &mut kernels);
        let mut scores = pair_scores(model, &kernels);
        let mut votes = vec![0u32; classes];
        for ((i, j), &score) in all_pairs(classes).zip(&scores) {
            votes[if score > 0.0 { i } else { j }] += 1;
        }
        let best = (1..classes).fold(0, |best, i| if votes[i] > votes[best] { i } else { best });
        labels.push(model.labels[best]);
        if !model.prob.is_empty() {
            scores = probabilities(model, &scores);
        } else if classes == 2 {
            scores = vec![-scores[0], scores[0]];
        }
        apply(&mut scores, model.transform);
        out.append(&mut scores);
    }
    classified(labels, out)
}

fn all_pairs(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |i| (i + 1..classes).map(move |j| (i, j)))
}

/// Decision of each pair: the vectors of one class with their coefficients against the other, then those
/// of the other, then `rho`. Row `k` of the coefficients is against the `k`-th of the other classes.
fn pair_scores(model: &SvmClassifier, kernels: &[f32]) -> Vec<f32> {
    let machine = &model.machine;
    let mut starts = vec![0];
    for n in &model.vectors_per_class {
        starts.push(starts[starts.len() - 1] + n);
    }
    let sum = |start: f64, row: usize, class: usize| {
        let (from, to) = (starts[class], starts[class + 1]);
        let coefficients = &machine.coefficients[row * machine.count..];
        let terms = coefficients[from..to].iter().zip(&kernels[from..to]);
        terms.fold(start, |sum, (&c, &k)| sum + f64::from(c * k))
    };
    let pairs = all_pairs(model.labels.len()).zip(&machine.rho);
    let decision = |i, j, rho: f32| (sum(sum(0.0, j - 1, i), i, j) + f64::from(rho)) as f32;
    pairs.map(|((i, j), &rho)| decision(i, j, rho)).collect()
}

/// Class probabilities from those of the pairs: method 2 of Wu, Lin and Weng, "Probability Estimates for
/// Multi-class Classification by Pairwise Coupling" (2004), as in libsvm.
fn probabilities(model: &SvmClassifier, scores: &[f32]) -> Vec<f32> {
    let n = model.labels.len();
    let mut r = vec![0f32; n * n];
    for (((i, j), &score), &(a, b)) in all_pairs(n).zip(scores).zip(&model.prob) {
        let p = (1.0 - logistic(score * a + b)).clamp(1e-7, 1.0 - 1e-7);
        (r[i * n + j], r[j * n + i]) = (p, 1.0 - p);
    }
    let mut q = vec![0f32; n * n];
    for i in 0..n {
        for j in (0..n).filter(|&j| j != i) {
            q[i * n + i] += r[j * n + i] * r[j * n + i];
            q[i * n + j] = -r[j * n + i] * r[i * n + j];
        }
    }
    let mut p = vec![1.0 / n as f32; n];
    let tolerance = 0.005 / n as f32;
    for _ in 0..100 {
        let mut qp: Vec<f32> = q.chunks_exact(n).map(|row| dot(row, &p)).collect();
        let mut pqp = dot(&p, &qp);
        let error = qp.iter().fold(0f32, |max, &v| {
            let error = libm::fabsf(v - pqp);
            if error > max {
                error
            } else {
                max
            }
        });
        if error < tolerance {
            break;
        }
        for i in 0..n {
            let diff = (-qp[i] + pqp) / q[i * n + i];
            p[i] += diff;
            pqp = (pqp + diff * (diff * q[i * n + i] + 2.0 * qp[i])) / (1.0 + diff) / (1.0 + diff);
            for j in 0..n {
                qp[j] = (qp[j] + diff * q[i * n + j]) / (1.0 + diff);
                p[j] /= 1.0 + diff;
            }
        }
    }
    p
}
