//! Adam with coupled weight decay, in place over plain slices.
//!
//! Kingma & Ba 2015, as in PyTorch's `torch.optim.Adam`: the decay is added to the gradient before the moments, both
//! moments are corrected for their start at zero, and epsilon is added after the corrected square root. One fused pass
//! over each parameter.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

/// Constants of Adam; the defaults of the moments are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adam {
    /// Step length, greater than 0.
    pub learning_rate: f32,
    /// Coupled (L2) weight decay, 0 or greater.
    pub weight_decay: f32,
}

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.999;
// 1 - decay, written out because the difference of two f32 would be 1e-5 off.
const FIRST_SHARE: f32 = 0.1;
const SECOND_SHARE: f32 = 0.001;
const EPSILON: f32 = 1e-8;

/// The two running moments of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl Moments {
    /// Moments of a parameter of `len` elements before the first step.
    pub(crate) fn zeros(len: usize) -> Self {
        Moments { first: vec![0.0; len], second: vec![0.0; len] }
    }

    /// Whether these are the moments of a parameter of `len` elements.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.first.len() == len && self.second.len() == len
    }
}

impl Adam {
    /// Applies step number `step` (from 1) to one parameter.
    pub(crate) fn update(&self, step: u32, parameter: &mut [f32], gradient: &[f32], moments: &mut Moments) {
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        let first_correction = 1.0 - f64::from(FIRST_DECAY).powi(step);
        let second_correction = 1.0 - f64::from(SECOND_DECAY).powi(step);
        let rate = (f64::from(self.learning_rate) / first_correction) as f32;
        let root = second_correction.sqrt() as f32;
        sweep(self.weight_decay, rate, 1.0 / root, parameter, gradient, &mut moments.first, &mut moments.second);
    }
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn sweep(
    decay: f32,
    rate: f32,
    inverse_root: f32,
    parameter: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    for (((w, &g), m), v) in parameter.iter_mut().zip(gradient).zip(first).zip(second) {
        let g = g + decay * *w;
        *m = FIRST_DECAY * *m + FIRST_SHARE * g;
        *v = SECOND_DECAY * *v + SECOND_SHARE * g * g;
        *w -= rate * *m / (v.sqrt() * inverse_root + EPSILON);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three steps on f(w) = w^2 from w = 1 with lr 0.1, decay 0.01, worked in double precision.
    #[test]
    fn steps_equal_a_double_precision_adam() {
        let adam = Adam { learning_rate: 0.1, weight_decay: 0.01 };
        let (mut w, mut moments) = (vec![1.0f32], Moments::zeros(1));
        let (mut exact, mut m, mut v) = (1.0f64, 0.0f64, 0.0f64);
        for step in 1..=3 {
            let gradient = [2.0 * w[0]];
            adam.update(step, &mut w, &gradient, &mut moments);
            let g = 2.0 * exact + 0.01 * exact;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (c1, c2) = (1.0 - 0.9f64.powi(step as i32), 1.0 - 0.999f64.powi(step as i32));
            exact -= 0.1 / c1 * m / ((v / c2).sqrt() + 1e-8);
            assert!((f64::from(w[0]) - exact).abs() < 1e-5, "step {step}: {} against {exact}", w[0]);
        }
    }
}
