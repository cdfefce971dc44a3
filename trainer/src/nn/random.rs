//! Random streams: every random number of a run has an address.
//!
//! A stream is identified by (seed, purpose, epoch, layer) and is a ChaCha8 generator keyed with these four numbers.
//! Nothing is drawn from a shared generator, so a mask does not depend on the backend, the number of threads or earlier
//! draws, and a stopped run resumes from its epoch number alone.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

/// The purpose of a stream; two purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights.
    Weights = 1,
    /// Dropout of hidden activations.
    HiddenDropout = 2,
    /// Dropout of the non-zero inputs.
    InputDropout = 3,
    /// Dropout of attention coefficients.
    AttentionDropout = 4,
    /// Order of the rows in an epoch.
    Order = 5,
    /// Augmentation of a batch.
    Augment = 6,
    /// Choice of the rows that keep their labels, and of random splits.
    Choice = 7,
    /// Nodes that are compared with each other in a step.
    Nodes = 8,
}

/// The generator at the address (seed, purpose, epoch, layer).
pub fn stream(seed: u64, purpose: Purpose, epoch: usize, layer: usize) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&(epoch as u64).to_le_bytes());
    key[24..].copy_from_slice(&(layer as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A dropout mask: one random byte per element, which is kept if the byte is at least `threshold`.
///
/// The rate is rounded to a multiple of 1/256 and the scale uses the rounded rate, so the expected
/// value of an activation is exactly unchanged while a mask costs one byte per element.
#[derive(Clone, Debug)]
pub(crate) struct DropoutMask {
    pub(crate) bytes: Vec<u8>,
    pub(crate) threshold: u8,
    /// 1 / (1 - rounded rate).
    pub(crate) scale: f32,
}

impl DropoutMask {
    /// Draws a mask of `len` elements at `rate` in [0, 1); a rate that rounds to 0 drops nothing.
    pub(crate) fn draw(len: usize, rate: f32, rng: &mut ChaCha8Rng) -> Self {
        let threshold = (rate * 256.0).round().clamp(0.0, 255.0) as u8;
        let mut bytes = vec![u8::MAX; len];
        if threshold > 0 {
            rng.fill_bytes(&mut bytes);
        }
        DropoutMask { bytes, threshold, scale: 256.0 / (256.0 - f32::from(threshold)) }
    }

    /// The factor of element `at`: 0 or the scale.
    pub(crate) fn factor(&self, at: usize) -> f32 {
        if self.bytes[at] >= self.threshold { self.scale } else { 0.0 }
    }
}

/// Fisher-Yates, from the last item down.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for at in (1..items.len()).rev() {
        items.swap(at, rng.random_range(0..=at));
    }
}

/// `len` numbers uniform in [-bound, bound).
pub(crate) fn uniform(len: usize, bound: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..len).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect()
}

/// `len` numbers of a normal distribution with mean 0 and the given standard deviation.
pub(crate) fn normal(len: usize, deviation: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let normal = Normal::new(0.0f32, deviation).unwrap_or_else(|_| unreachable!("deviations are finite and positive"));
    (0..len).map(|_| normal.sample(rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_do_not_share_numbers() {
        let first = |purpose, epoch, layer| stream(7, purpose, epoch, layer).next_u64();
        let base = first(Purpose::Weights, 0, 0);
        assert_eq!(base, first(Purpose::Weights, 0, 0));
        assert_ne!(base, first(Purpose::HiddenDropout, 0, 0));
        assert_ne!(base, first(Purpose::Weights, 1, 0));
        assert_ne!(base, first(Purpose::Weights, 0, 1));
    }

    #[test]
    fn a_mask_keeps_the_expected_value() {
        let mask = DropoutMask::draw(200_000, 0.6, &mut stream(1, Purpose::HiddenDropout, 0, 0));
        let mean = (0..200_000).map(|at| f64::from(mask.factor(at))).sum::<f64>() / 200_000.0;
        assert!((mean - 1.0).abs() < 0.01, "mean factor {mean}");
    }
}
