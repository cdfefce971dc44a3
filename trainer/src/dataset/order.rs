//! Reproducible random order: specified to the bit, independent of library versions.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Independent streams of one seed, one for each purpose.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Order in which [`random`](super::split::random) looks for train nodes.
    RandomSplit = 1,
    /// Order in which [`inductive`](super::split::inductive) removes test nodes.
    InductiveSplit = 2,
    /// Order in which [`random`](super::split::random) assigns the remaining nodes to tune and test.
    TuneAndTest = 3,
}

/// A permutation of `0..length`.
///
/// ChaCha8 with the key `seed` as little-endian `u64` followed by 24 zero bytes, and the purpose as stream number.
/// Fisher-Yates from the end: for `last` from `length - 1` down to 1, swap `last` with a uniform draw from `0..=last`. A
/// draw takes the next `u64` and its remainder by `last + 1`, and draws again as long as the `u64` is not below the
/// largest multiple of `last + 1` in 64 bit.
pub(super) fn permutation(length: usize, seed: u64, purpose: Purpose) -> Vec<usize> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(purpose as u64);
    let mut order: Vec<usize> = (0..length).collect();
    for last in (1..length).rev() {
        let bound = last as u64 + 1;
        let whole = u64::MAX - u64::MAX % bound;
        let draw = loop {
            let draw = random.next_u64();
            if draw < whole {
                break draw % bound;
            }
        };
        order.swap(last, draw as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_permutation_that_depends_on_seed_and_purpose() {
        let order = permutation(100, 7, Purpose::RandomSplit);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order, permutation(100, 7, Purpose::RandomSplit));
        assert_ne!(order, permutation(100, 8, Purpose::RandomSplit));
        assert_ne!(order, permutation(100, 7, Purpose::InductiveSplit));
        assert_ne!(order, permutation(100, 7, Purpose::TuneAndTest));
        assert!(permutation(0, 7, Purpose::RandomSplit).is_empty());
    }

    /// Orders that a second implementation, written only from the comment of [`permutation`], also gives. They
    /// determine every random split ever reported: a change here changes results.
    #[test]
    fn the_order_of_a_seed_never_changes() {
        assert_eq!(permutation(12, 2022, Purpose::RandomSplit), [1, 2, 11, 5, 9, 3, 7, 10, 4, 6, 8, 0]);
        assert_eq!(permutation(12, 2022, Purpose::InductiveSplit), [7, 11, 2, 6, 0, 4, 5, 10, 1, 3, 8, 9]);
    }
}
