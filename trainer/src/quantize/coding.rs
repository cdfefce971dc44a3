//! The coding of real features as input integers, chosen from the rows that the student may see.

use crate::nn::normalize_rows;
use eyas::model::{FrontEnd, Normalization};
use ndarray::{Array2, ArrayView1, ArrayView2};
use sprs::CsMat;

/// Share of non-zero features below which the first layer skips absent inputs.
const SPARSE_BELOW: f64 = 0.25;
/// Integer steps between the smallest and the largest input.
const STEPS: f64 = 255.0;

/// The affine map of every input: `q = ⌊x · gain + offset + ½⌋`, one step worth `1 / gain`.
///
/// For features that are never negative the zero point is −128, so that an absent feature is skipped; otherwise it is 0
/// and the range is symmetric.
#[derive(Clone, Debug, PartialEq)]
pub struct InputCoding {
    /// Integer that stands for the feature value 0.
    pub zero_point: i8,
    /// Integer steps for each unit of the feature, one per input.
    pub gains: Vec<f32>,
    /// Whether absent inputs are skipped.
    pub sparse: bool,
    /// The normalization of a row before the gains apply.
    pub normalization: Normalization,
    /// The unit of the features in training, see [`unit()`]; 1 for standard scores.
    pub unit: f32,
    /// Mean and deviation of each input if the student was trained on standard scores; the gains are then per score.
    pub standard: Option<Standard>,
}

/// Standard scores `(x - mean) / deviation`, one pair per input, from the train rows alone.
///
/// They do not depend on the unit of an input: to the bit for units that differ by a power of two.
#[derive(Clone, Debug, PartialEq)]
pub struct Standard {
    /// Means.
    pub means: Vec<f32>,
    /// Standard deviations, above 0; infinite for an input that never changes, so that its scores are 0.
    pub deviations: Vec<f32>,
}

/// Scores are clipped here, both in training and on the device.
pub const LARGEST_SCORE: f32 = 10.0;
/// Smallest deviation, 2^-120: a gain of `127.5 / deviation` is still a single-precision number.
const LEAST_DEVIATION: f32 = f32::from_bits(7 << 23);

/// Mean and standard deviation; infinite for values that are all equal, up to single precision.
pub(crate) fn spread(values: impl Iterator<Item = f32> + Clone) -> (f32, f32) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / count;
    let variance = values.clone().map(|value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt() as f32;
    // Sums of equal values are rounded, so their deviation need not be 0.
    let changes = !is_constant(values) && deviation >= LEAST_DEVIATION;
    (mean as f32, if changes { deviation } else { f32::INFINITY })
}

/// Whether no value differs from the first one.
pub(crate) fn is_constant(mut values: impl Iterator<Item = f32>) -> bool {
    let first = values.next();
    values.all(|value| Some(value) == first)
}

impl Standard {
    /// From the rows `train` of `x` `[rows x inputs]`.
    #[must_use]
    pub fn of(x: ArrayView2<'_, f32>, train: &[usize]) -> Self {
        let column = |column: ArrayView1<'_, f32>| spread(train.iter().map(|&row| column[row]));
        let (means, deviations) = x.columns().into_iter().map(column).unzip();
        Self { means, deviations }
    }

    /// Whether each input never changed in the train rows.
    pub fn constant(&self) -> impl Iterator<Item = bool> + '_ {
        self.deviations.iter().map(|deviation| deviation.is_infinite())
    }

    /// Scores of all rows, clipped at [`LARGEST_SCORE`].
    #[must_use]
    pub fn scores(&self, x: ArrayView2<'_, f32>) -> Array2<f32> {
        Array2::from_shape_fn(x.dim(), |(row, input)| {
            let deviation = self.deviations[input];
            // Handled separately from the quotient, whose difference may itself be infinite.
            let score = if deviation.is_infinite() { 0.0 } else { (x[[row, input]] - self.means[input]) / deviation };
            score.clamp(-LARGEST_SCORE, LARGEST_SCORE)
        })
    }
}

impl InputCoding {
    /// Chooses the coding from `rows` `[rows x inputs]` of raw features; only rows that the student may see.
    ///
    /// Every feature gets a gain from its largest magnitude, so a bag of words has one gain. An input that is zero in
    /// all rows gets the gain of the widest one.
    #[must_use]
    pub fn of(rows: &CsMat<f32>, normalization: Normalization) -> Self {
        let unit = unit(rows, normalization);
        let rows = &normalized(rows, normalization, 1.0);
        let values = rows.data();
        let negative = values.iter().any(|&x| x < 0.0);
        let fallback = largest(rows);
        let mut magnitudes = vec![0f32; rows.cols()];
        for row in rows.outer_iterator() {
            for (input, &x) in row.iter() {
                magnitudes[input] = magnitudes[input].max(x.abs());
            }
        }
        let steps = if negative { STEPS / 2.0 } else { STEPS };
        let gains = magnitudes
            .iter()
            .map(|&magnitude| if magnitude == 0.0 { fallback } else { magnitude })
            .map(|magnitude| (steps / f64::from(magnitude)).min(f64::from(f32::MAX)) as f32)
            .collect();
        let density = values.iter().filter(|&&x| x != 0.0).count() as f64 / (rows.rows() * rows.cols()).max(1) as f64;
        let zero_point = if negative { 0 } else { -128 };
        Self { zero_point, gains, sparse: density < SPARSE_BELOW, normalization, unit, standard: None }
    }

    /// The coding of standard scores: symmetric, up to `headroom` times the largest score of each input among the rows of
    /// `scores`, but not beyond the largest possible score.
    ///
    /// Values beyond all of `scores` are clipped; more headroom keeps them, at the cost of coarser steps.
    #[must_use]
    pub fn of_scores(standard: Standard, scores: ArrayView2<'_, f32>, headroom: f64) -> Self {
        let largest = |column: ArrayView1<'_, f32>| column.iter().fold(1f32, |largest, score| largest.max(score.abs()));
        let end = |column| (headroom * f64::from(largest(column))).min(f64::from(LARGEST_SCORE));
        let gains = scores.columns().into_iter().map(|column| (STEPS / 2.0 / end(column)) as f32);
        let gains = gains.collect();
        let normalization = Normalization::None;
        Self { zero_point: 0, gains, sparse: false, normalization, unit: 1.0, standard: Some(standard) }
    }

    /// The rows as the float student sees them, `[rows x inputs]`.
    #[must_use]
    pub fn seen(&self, rows: &CsMat<f32>) -> CsMat<f32> {
        let Some(standard) = &self.standard else { return normalized(rows, self.normalization, self.unit) };
        dense_rows(standard.scores(rows.to_dense().view()).view())
    }

    /// The value of one integer step of input `i`, in the student's own unit.
    #[must_use]
    pub fn step(&self, i: usize) -> f64 {
        1.0 / (f64::from(self.gains[i]) * f64::from(self.unit))
    }

    /// The front end of the student file.
    #[must_use]
    pub fn front_end(&self) -> FrontEnd {
        match self.gains.first() {
            _ if self.standard.is_some() => FrontEnd::PerInput,
            Some(&gain) if self.gains.iter().all(|&g| g == gain) => {
                FrontEnd::Uniform { gain, offset: f32::from(self.zero_point) }
            }
            _ => FrontEnd::PerInput,
        }
    }

    /// Gains for a per-input front end, integer steps for each unit of the feature itself.
    #[must_use]
    pub fn feature_gains(&self) -> Vec<f32> {
        match &self.standard {
            None => self.gains.clone(),
            Some(standard) => self.gains.iter().zip(&standard.deviations).map(|(gain, by)| gain / by).collect(),
        }
    }

    /// Offsets for a per-input front end.
    #[must_use]
    pub fn offsets(&self) -> Vec<f32> {
        let zero = f32::from(self.zero_point);
        match &self.standard {
            None => vec![zero; self.gains.len()],
            Some(standard) => {
                self.feature_gains().iter().zip(&standard.means).map(|(gain, mean)| zero - gain * mean).collect()
            }
        }
    }
}

/// A dense matrix as the sparse one that the quantizer reads; zeros are stored, so that columns keep their positions.
#[must_use]
pub fn dense_rows(rows: ArrayView2<'_, f32>) -> CsMat<f32> {
    let (count, inputs) = rows.dim();
    let pointers = (0..=count).map(|row| row * inputs).collect();
    let indices = (0..count).flat_map(|_| 0..inputs).collect();
    CsMat::new((count, inputs), pointers, indices, rows.iter().copied().collect())
}

/// The unit in which a network sees the features of `rows`, so that their original unit does not matter: the mean magnitude
/// of those that are not 0, or 1 if each row is divided by its sum. A bag of words keeps its ones. The largest magnitude
/// would do as well there, but among counts with long tails it makes all others too small to learn from.
#[must_use]
pub fn unit(rows: &CsMat<f32>, normalization: Normalization) -> f32 {
    match normalization {
        Normalization::None => typical(rows),
        Normalization::RowSum => 1.0,
    }
}

/// Mean magnitude of what is not 0; 1 if all are 0.
fn typical(rows: &CsMat<f32>) -> f32 {
    let magnitudes = rows.data().iter().filter(|&&x| x != 0.0).map(|x| f64::from(x.abs()));
    let (sum, count) = magnitudes.fold((0.0, 0usize), |(sum, count), x| (sum + x, count + 1));
    let mean = (sum / count.max(1) as f64) as f32;
    if mean > 0.0 { mean } else { 1.0 }
}

/// Largest magnitude; 1 if all are 0.
fn largest(rows: &CsMat<f32>) -> f32 {
    let largest = rows.data().iter().fold(0f32, |largest, x| largest.max(x.abs()));
    if largest > 0.0 { largest } else { 1.0 }
}

/// The rows on which a network with this normalization is trained, in units of `unit`.
#[must_use]
pub fn normalized(rows: &CsMat<f32>, normalization: Normalization, unit: f32) -> CsMat<f32> {
    match normalization {
        Normalization::None => rows.map(|x| x / unit),
        Normalization::RowSum => normalize_rows(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use sprs::TriMat;

    fn rows(entries: &[(usize, usize, f32)], shape: (usize, usize)) -> CsMat<f32> {
        let mut rows = TriMat::new(shape);
        entries.iter().for_each(|&(row, input, x)| rows.add_triplet(row, input, x));
        rows.to_csr()
    }

    #[test]
    fn a_bag_of_words_has_one_gain() {
        let coding = InputCoding::of(&rows(&[(0, 1, 1.0), (1, 7, 1.0)], (2, 10)), Normalization::None);
        assert_eq!(coding.front_end(), FrontEnd::Uniform { gain: 255.0, offset: -128.0 });
        assert!(coding.sparse);
    }

    #[test]
    fn features_of_any_size_look_the_same_to_a_network() {
        let entries = [(0, 0, 0.75f32), (0, 1, -3.0), (1, 1, 1.5), (2, 2, 1e-3)];
        let of = |factor: f32| {
            let scaled = entries.map(|(row, input, x)| (row, input, x * factor));
            let rows = rows(&scaled, (3, 3));
            let coding = InputCoding::of(&rows, Normalization::None);
            let steps: Vec<f64> = (0..3).map(|input| coding.step(input)).collect();
            (coding.seen(&rows), steps, coding.integers(&rows), coding.gains.iter().map(|gain| gain * factor).collect())
        };
        let plain: (_, _, _, Vec<f32>) = of(1.0);
        for power in [-100, -1, 1, 100] {
            assert_eq!(of(2f32.powi(power)), plain);
        }
        assert_eq!(plain.0.data(), entries.map(|(_, _, x)| x / ((0.75 + 3.0 + 1.5 + 1e-3) / 4.0)));
        // A power of ten rounds the features, and a feature at an exact half may move to the next step.
        let near = |a: &Vec<i8>, b: &Vec<i8>| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
        for factor in [1e-30, 1e-9, 1e9, 1e30] {
            assert!(of(factor).2.iter().zip(&plain.2).all(|(a, b)| near(a, b)), "{factor:e}");
        }
    }

    #[test]
    fn what_never_changes_has_no_score() {
        let x = array![[0.1f32, 2e-30, 5.0], [0.1, 4e-30, 5.0], [0.1, 6e-30, 5.0], [7.0, 0.0, f32::MAX]];
        let standard = Standard::of(x.view(), &[0, 1, 2]);
        assert_eq!(standard.constant().collect::<Vec<_>>(), [true, false, true]);
        let scores = standard.scores(x.view());
        assert!(scores.column(0).iter().chain(scores.column(2)).all(|&score| score == 0.0));
        assert!((scores[[2, 1]] - 1.5f32.sqrt()).abs() < 1e-6, "{scores}");
        let coding = InputCoding::of_scores(standard, scores.view(), 1.0);
        assert_eq!((coding.feature_gains()[0], coding.offsets()[0]), (0.0, 0.0));
    }

    #[test]
    fn headroom_keeps_scores_beyond_those_seen() {
        let standard = Standard { means: vec![0.0; 3], deviations: vec![1.0; 3] };
        let scores = array![[0.5f32, -2.0, 8.0], [-0.25, 1.0, 3.0]];
        let coding = |headroom| InputCoding::of_scores(standard.clone(), scores.view(), headroom);
        // Below a score of 1 the range ends at 1, and never beyond the largest possible score.
        assert_eq!(coding(1.0).gains, [127.5, 63.75, 15.9375]);
        assert_eq!(coding(1.5).gains, [85.0, 42.5, 12.75]);
        let beyond = dense_rows(array![[0.0f32, -2.5, 9.0]].view());
        assert_eq!(coding(1.0).integers(&beyond), [[0, -128, 127]]);
        assert_eq!(coding(1.5).integers(&beyond), [[0, -106, 115]]);
    }

    #[test]
    fn other_features_get_a_gain_each() {
        let coding = InputCoding::of(&rows(&[(0, 0, 0.5), (1, 0, 0.25), (1, 1, 4.0)], (2, 3)), Normalization::None);
        assert_eq!(coding.gains, [510.0, 63.75, 63.75]);
        assert_eq!((coding.zero_point, coding.sparse), (-128, false));
        let signed = InputCoding::of(&rows(&[(0, 0, -0.5), (1, 1, 4.0)], (2, 2)), Normalization::None);
        assert_eq!((signed.zero_point, signed.gains), (0, vec![255.0, 31.875]));
    }
}
