//! What becomes of the scores of one row.

use crate::spec::ml::Transform;

/// `v = 1 / (1 + expf(-|x|))`, and `1 - v` below 0.
pub(super) fn logistic(x: f32) -> f32 {
    let v = 1.0 / (1.0 + libm::expf(-libm::fabsf(x)));
    if x < 0.0 {
        1.0 - v
    } else {
        v
    }
}

pub(super) fn apply(scores: &mut [f32], transform: Transform) {
    match transform {
        Transform::None => {}
        Transform::Logistic => scores.iter_mut().for_each(|x| *x = logistic(*x)),
        Transform::Softmax => {
            let max = largest(scores);
            let sum = scores.iter_mut().fold(0f32, |sum, x| {
                *x = libm::expf(*x - max);
                sum + *x
            });
            scores.iter_mut().for_each(|x| *x /= sum);
        }
        Transform::SoftmaxZero => {
            let max = largest(scores);
            let near_zero = libm::expf(-max);
            let mut sum = 0f32;
            for x in scores.iter_mut() {
                if *x > 1e-7 || *x < -1e-7 {
                    *x = libm::expf(*x - max);
                    sum += *x;
                } else {
                    *x *= near_zero;
                }
            }
            scores.iter_mut().for_each(|x| *x /= sum);
        }
    }
}

fn largest(scores: &[f32]) -> f32 {
    scores.iter().copied().fold(f32::MIN, |max, x| if x > max { x } else { max })
}
