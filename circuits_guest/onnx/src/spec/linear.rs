//! Linear models and support vector machines of `ai.onnx.ml`.

use alloc::format;
use alloc::vec::Vec;

use super::ml::{ml, transform, MlOp, Transform};
use crate::attributes::Attributes;
use crate::build::Op;

/// One row of coefficients and one intercept a target.
#[derive(Clone, Debug)]
pub(crate) struct LinearRegressor {
    pub coefficients: Vec<f32>,
    pub intercepts: Vec<f32>,
    pub targets: usize,
    pub transform: Transform,
}

/// One score a class; or one score in all, above 0 for the second of two labels.
#[derive(Clone, Debug)]
pub(crate) struct LinearClassifier {
    pub model: LinearRegressor,
    pub labels: Vec<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Linear,
    Poly,
    Rbf,
    Sigmoid,
}

#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub kernel: Kernel,
    pub gamma: f32,
    pub coef0: f32,
    pub degree: f32,
    /// Row after row.
    pub vectors: Vec<f32>,
    pub count: usize,
    pub coefficients: Vec<f32>,
    pub rho: Vec<f32>,
}

#[derive(Clone, Debug)]
pub(crate) struct SvmRegressor {
    pub machine: Machine,
    pub one_class: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct SvmClassifier {
    pub machine: Machine,
    pub labels: Vec<i64>,
    pub vectors_per_class: Vec<usize>,
    /// Platt's A and B of each pair of classes; empty where there are no probabilities.
    pub prob: Vec<(f32, f32)>,
    pub transform: Transform,
}

pub(crate) fn linear_regressor(a: &mut Attributes<'_>) -> Option<Op> {
    let targets = a.int("targets", 1);
    let (coefficients, mut intercepts) = (a.floats("coefficients"), a.floats("intercepts"));
    let transform = transform(a);
    let Some(targets) = usize::try_from(targets).ok().filter(|n| (1..=1 << 16).contains(n)) else {
        return a.problem(format!("attribute \"targets\" is {targets}, out of range"));
    };
    if targets == 1 && transform != Transform::None {
        // ONNX Runtime leaves it out, the standard does not.
        a.problems.push("one target takes post_transform NONE alone, append the operator instead".into());
    }
    if intercepts.is_empty() {
        intercepts.resize(targets, 0.0);
    }
    let model = LinearRegressor { coefficients, intercepts, targets, transform };
    ml(MlOp::LinearRegressor(checked(a, model)?))
}

pub(crate) fn linear_classifier(a: &mut Attributes<'_>) -> Option<Op> {
    a.no_texts("classlabels_strings");
    // How the model was trained; the scores are found in one way.
    a.ignore("multi_class");
    let (coefficients, intercepts) = (a.floats("coefficients"), a.floats("intercepts"));
    let labels = a.ints("classlabels_ints").unwrap_or(&[]).to_vec();
    let transform = transform(a);
    match (intercepts.len(), labels.len()) {
        (1, 2) if transform != Transform::None => {
            return a.problem("a post_transform needs one row of coefficients a class".into())
        }
        (1, 2) => {}
        (n, m) if n == m && (2..=1 << 16).contains(&n) => {}
        (n, m) => return a.problem(format!("{n} intercepts for {m} integer labels")),
    }
    let model = LinearRegressor { coefficients, targets: intercepts.len(), intercepts, transform };
    let model = checked(a, model)?;
    ml(MlOp::LinearClassifier(LinearClassifier { model, labels }))
}

fn checked(a: &mut Attributes<'_>, model: LinearRegressor) -> Option<LinearRegressor> {
    let (n, targets) = (model.coefficients.len(), model.targets);
    if model.intercepts.len() != targets || n == 0 || n % targets != 0 {
        let intercepts = model.intercepts.len();
        return a.problem(format!("{n} coefficients and {intercepts} intercepts for {targets} targets"));
    }
    Some(model)
}

fn machine(a: &mut Attributes<'_>) -> Option<Machine> {
    let kernel = match a.text("kernel_type", "LINEAR") {
        "LINEAR" => Kernel::Linear,
        "POLY" => Kernel::Poly,
        "RBF" => Kernel::Rbf,
        "SIGMOID" => Kernel::Sigmoid,
        other => return a.problem(format!("attribute \"kernel_type\" is {other:?}")),
    };
    let (gamma, coef0, degree) = match (a.floats("kernel_params").as_slice(), kernel) {
        (&[gamma, coef0, degree], _) => (gamma, coef0, degree),
        ([], Kernel::Linear) => (0.0, 0.0, 0.0),
        _ => return a.problem("attribute \"kernel_params\" is not gamma, coef0, degree".into()),
    };
    let (vectors, coefficients, rho) =
        (a.floats("support_vectors"), a.floats("coefficients"), a.floats("rho"));
    Some(Machine { kernel, gamma, coef0, degree, vectors, count: 0, coefficients, rho })
}

/// Without support vectors the coefficients are those of a linear model, which has its own operators.
const NO_VECTORS: &str = "there are no support vectors, export a linear operator instead";

pub(crate) fn svm_regressor(a: &mut Attributes<'_>) -> Option<Op> {
    let mut machine = machine(a)?;
    let count = a.int("n_supports", 0);
    let one_class = a.flag("one_class", false);
    if transform(a) != Transform::None {
        a.problems.push("one target takes post_transform NONE alone, append the operator instead".into());
    }
    machine.count = match usize::try_from(count) {
        Ok(n) if n > 0 && machine.coefficients.len() == n && machine.rho.len() == 1 => n,
        Ok(0) => return a.problem(NO_VECTORS.into()),
        _ => {
            let (n, rho) = (machine.coefficients.len(), machine.rho.len());
            return a.problem(format!("{n} coefficients and {rho} rho for {count} support vectors"));
        }
    };
    let machine = whole(a, machine)?;
    ml(MlOp::SvmRegressor(SvmRegressor { machine, one_class }))
}

pub(crate) fn svm_classifier(a: &mut Attributes<'_>) -> Option<Op> {
    a.no_texts("classlabels_strings");
    let mut machine = machine(a)?;
    let labels = a.ints("classlabels_ints").unwrap_or(&[]).to_vec();
    let vectors_per_class = a.sizes("vectors_per_class", 0).unwrap_or_default();
    let (prob_a, prob_b) = (a.floats("prob_a"), a.floats("prob_b"));
    let transform = transform(a);
    // Far more than anyone trains: there is a machine for every pair.
    if !(2..=1024).contains(&labels.len()) {
        return a.problem(format!("{} integer class labels, 2 to 1024 are supported", labels.len()));
    }
    let pairs = labels.len() * (labels.len() - 1) / 2;
    let prob: Vec<(f32, f32)> = prob_a.iter().copied().zip(prob_b.iter().copied()).collect();
    if prob_a.len() != prob_b.len() || !(prob.is_empty() || prob.len() == pairs) {
        return a.problem(format!("{} prob_a and {} prob_b for {pairs} pairs", prob_a.len(), prob_b.len()));
    }
    if labels.len() == 2 && prob.is_empty() && transform != Transform::None {
        return a.problem("two classes without probabilities take post_transform NONE alone".into());
    }
    let total = vectors_per_class.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
    machine.count = match total {
        Some(0) => return a.problem(NO_VECTORS.into()),
        Some(n) if vectors_per_class.len() == labels.len() => n,
        _ => return a.problem("vectors_per_class does not have one entry a label".into()),
    };
    let rows = labels.len() - 1;
    if machine.rho.len() != pairs || machine.count.checked_mul(rows) != Some(machine.coefficients.len()) {
        let (n, rho) = (machine.coefficients.len(), machine.rho.len());
        return a.problem(format!("{n} coefficients and {rho} rho do not fit the classes and vectors"));
    }
    let machine = whole(a, machine)?;
    let classifier = SvmClassifier { machine, labels, vectors_per_class, prob, transform };
    ml(MlOp::SvmClassifier(classifier))
}

fn whole(a: &mut Attributes<'_>, machine: Machine) -> Option<Machine> {
    if machine.vectors.is_empty() || !machine.vectors.len().is_multiple_of(machine.count) {
        return a.problem(format!("support_vectors does not divide into {} vectors", machine.count));
    }
    Some(machine)
}
