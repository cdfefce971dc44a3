//! The shipped student row by row: what it takes for what, how sure it may be, and what rounding changed.
//!
//! Everything is computed from plain arrays. The integers are the runtime's own, by [`Replay`].
//!
//! | file | idea |
//! |---|---|
//! | `classes` | confusion matrix; precision, recall and F1 of each class |
//! | `confidence` | reliability, and accuracy against coverage |
//! | `residuals` | errors of a regression, by group or stretch of time |
//! | `rounding` | what int8 changed |

mod classes;
mod confidence;
mod residuals;
mod rounding;

pub use classes::{ClassMetrics, Confusion};
pub use confidence::{Bin, Coverage, Covered, Reliability};
pub use residuals::{ResidualGroup, Residuals};
pub use rounding::{Changed, RoundedLayer, Rounding};

use crate::quantize::{IntegerStudent, Replay};
use confidence::{coverage, reliability};
use ndarray::Array2;
use residuals::residuals;
use rounding::rounding;

/// What is true of the judged rows.
#[derive(Clone, Copy, Debug)]
pub enum Truth<'a> {
    /// A label a row, and the names of the labels.
    Classes(&'a [u16], &'a [String]),
    /// A quantity a row.
    Quantity(&'a [f32]),
}

/// What one step of a layer's integers is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Real size of one step.
    pub scale: f64,
    /// Integer that stands for 0.
    pub zero_point: i8,
    /// Smallest and largest integer the layer gives.
    pub ends: [i8; 2],
}

impl Steps {
    /// Those of every layer of a student.
    #[must_use]
    pub fn of(student: &IntegerStudent) -> Vec<Self> {
        let layers = student.layers.iter();
        let steps = layers.map(|layer| Self {
            scale: layer.output_scale,
            zero_point: layer.meta.zero_point,
            ends: [layer.meta.lo, layer.meta.hi],
        });
        steps.collect()
    }

    /// The real number an integer stands for.
    #[must_use]
    pub fn real(&self, integer: i8) -> f64 {
        self.scale * f64::from(i32::from(integer) - i32::from(self.zero_point))
    }
}

/// The shipped student's answers for the rows that judge it.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// What is true, a value a row.
    pub truth: Truth<'a>,
    /// The number of each row in the data.
    pub rows: &'a [usize],
    /// Integers of every layer, `[layers][rows x outputs]`, by the runtime.
    pub integers: &'a Replay,
    /// What the integers of each layer are worth.
    pub steps: &'a [Steps],
    /// Activations before rounding, `[layers][rows x outputs]`, in the same real units; behind each hidden layer its ReLU.
    pub float: &'a [Array2<f32>],
    /// Group of each row, such as a person; residuals are then shown by group.
    pub groups: Option<&'a [String]>,
}

/// What the answers show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shipped {
    /// Of a classifier.
    pub confusion: Option<Confusion>,
    /// Of a classifier.
    pub reliability: Option<Reliability>,
    /// Of a classifier.
    pub coverage: Option<Coverage>,
    /// Of a regression.
    pub residuals: Option<Residuals>,
    /// Of both.
    pub rounding: Option<Rounding>,
}

impl Shipped {
    /// Everything that can be said of the answers.
    #[must_use]
    pub fn of(answers: &Answers<'_>) -> Self {
        let rounding = Some(rounding(answers));
        match answers.truth {
            Truth::Classes(truth, labels) => {
                let sure = sureness(answers);
                let right: Vec<bool> = truth.iter().zip(&answers.integers.labels).map(|(y, d)| y == d).collect();
                Self {
                    confusion: Some(Confusion::of(labels, truth, &answers.integers.labels)),
                    reliability: Some(reliability(&sure, &right)),
                    coverage: Some(coverage(&sure, &right)),
                    residuals: None,
                    rounding,
                }
            }
            Truth::Quantity(truth) => {
                let residuals = Some(residuals(truth, &predictions(answers), answers.groups));
                Self { residuals, rounding, ..Self::default() }
            }
        }
    }
}

/// The last layer's answers of each row in real units.
fn outputs(answers: &Answers<'_>) -> Vec<Vec<f64>> {
    let (Some(integers), Some(steps)) = (answers.integers.layers.last(), answers.steps.last()) else {
        return Vec::new();
    };
    let width = integers.len() / answers.integers.labels.len().max(1);
    integers.chunks(width.max(1)).map(|row| row.iter().map(|&y| steps.real(y)).collect()).collect()
}

/// Top probability of each row: softmax of the int8 logits in real units.
fn sureness(answers: &Answers<'_>) -> Vec<f64> {
    let top = |logits: Vec<f64>| {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        1.0 / logits.iter().map(|logit| (logit - largest).exp()).sum::<f64>()
    };
    outputs(answers).into_iter().map(top).collect()
}

fn predictions(answers: &Answers<'_>) -> Vec<f64> {
    outputs(answers).into_iter().filter_map(|row| row.first().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_classifier_is_counted_by_hand() {
        // One hidden unit with ReLU, two logits worth 0.5 a step.
        let integers =
            Replay { layers: vec![vec![-128, 0, 127, 10], vec![0, 4, 2, 0, 8, 0, 0, 0]], labels: vec![1, 0, 0, 0] };
        let steps = [
            Steps { scale: 0.1, zero_point: -128, ends: [-128, 127] },
            Steps { scale: 0.5, zero_point: 0, ends: [-128, 127] },
        ];
        let float =
            [array![[0.0f32], [12.8], [40.0], [13.8]], array![[0.0f32, 2.0], [1.0, 0.0], [4.0, 0.0], [0.0, 0.1]]];
        let names = texts(&["a", "b"]);
        let truth = Truth::Classes(&[1, 0, 1, 0], &names);
        let answers =
            Answers { truth, rows: &[7, 8, 9, 10], integers: &integers, steps: &steps, float: &float, groups: None };
        let found = Shipped::of(&answers);
        let confusion = found.confusion.unwrap();
        assert_eq!(confusion.counts, Some(vec![vec![2, 0], vec![1, 1]]));
        let class = &confusion.classes[0];
        assert!((class.precision - 200.0 / 3.0).abs() < 1e-9 && class.recall == 100.0 && class.support == 2);
        assert!((class.f1 - 80.0).abs() < 1e-9 && (confusion.macro_f1 - (80.0 + 200.0 / 3.0) / 2.0).abs() < 1e-9);

        // Top probabilities: 1/(1+e^-2), 1/(1+e^-1), 1/(1+e^-4), 1/2.
        let sure = [2.0f64, 1.0, 4.0, 0.0].map(|gap| 100.0 / (1.0 + (-gap).exp()));
        let reliability = found.reliability.unwrap();
        assert_eq!(reliability.bins.iter().map(|bin| bin.count).sum::<usize>(), 4);
        assert!((reliability.bins[0].confidence - 50.0).abs() < 1e-9);
        let gaps = [100.0 - sure[0], 100.0 - sure[1], sure[2], 50.0];
        assert!((reliability.ece - gaps.iter().sum::<f64>() / 4.0).abs() < 1e-9, "every row has a bin of its own");
        // The surest row is wrong, the others are right.
        let points = found.coverage.unwrap().points;
        let shown: Vec<f64> = points.iter().map(|point| point.accuracy).collect();
        assert!((shown[2] - 200.0 / 3.0).abs() < 1e-9 && shown[..2] == [0.0, 50.0] && shown[3] == 75.0, "{shown:?}");
        assert!((points[0].confidence - sure[2]).abs() < 1e-9 && points[3].coverage == 100.0);

        let rounding = found.rounding.unwrap();
        assert_eq!(rounding.changed, Some(1));
        assert_eq!(rounding.first_changed, [Changed { row: 10, truth: 0, float: 1, int8: 0 }]);
        assert_eq!((rounding.layers[0].clipped, rounding.layers[1].clipped), (25.0, 0.0), "40 is beyond 25.5");
        // int8 minus float of the last layer: 0 but for the last logit, 0 for 0.1.
        let expected = 100.0 * (0.01f64 / (4.0 + 1.0 + 16.0 + 0.01)).sqrt();
        assert!((rounding.layers[1].noise - expected).abs() < 1e-4, "{}", rounding.layers[1].noise);
        assert!(found.residuals.is_none());
    }

    #[test]
    fn rows_that_are_equally_sure_are_answered_together() {
        let coverage = coverage(&[0.9, 0.5, 0.5, 0.5], &[true, false, true, true]);
        let shown: Vec<(f64, f64)> = coverage.points.iter().map(|point| (point.coverage, point.accuracy)).collect();
        assert_eq!(shown, [(25.0, 100.0), (100.0, 75.0)]);
        assert!(super::coverage(&[], &[]).points.is_empty() && reliability(&[], &[]).ece == 0.0);
    }

    #[test]
    fn residuals_are_read_by_group_or_in_order() {
        let truth: Vec<f32> = (0..1000u16).map(f32::from).collect();
        let predicted: Vec<f64> = (0..1000u16).map(|row| f64::from(row) + if row < 500 { 1.0 } else { -3.0 }).collect();
        let in_order = residuals(&truth, &predicted, None);
        assert_eq!(
            (in_order.points.len(), in_order.points[0], in_order.points[399]),
            (400, [0.0, 1.0], [999.0, 996.0])
        );
        assert_eq!(in_order.groups.len(), 11);
        assert_eq!((in_order.groups[1].quantiles, in_order.groups[10].quantiles), ([1.0; 5], [-3.0; 5]));
        let groups: Vec<String> = (0..1000).map(|row| format!("person {}", row % 2)).collect();
        let by_group = residuals(&truth, &predicted, Some(&groups));
        assert_eq!(by_group.groups.iter().map(|group| group.count).collect::<Vec<_>>(), [1000, 500, 500]);
        assert_eq!(by_group.groups[0].quantiles, [-3.0, -3.0, -1.0, 1.0, 1.0]);
        assert!(residuals(&[], &[], None).points.is_empty());
    }

    #[test]
    fn a_constant_layer_has_no_noise_and_nothing_is_divided_by_zero() {
        let integers = Replay { layers: vec![vec![0, 0]], labels: vec![0, 0] };
        let steps = [Steps { scale: 1.0, zero_point: 0, ends: [-128, 127] }];
        let float = [array![[0.0f32], [0.0]]];
        let truth = Truth::Quantity(&[0.0, 0.0]);
        let answers = Answers { truth, rows: &[0, 1], integers: &integers, steps: &steps, float: &float, groups: None };
        let found = Shipped::of(&answers);
        assert_eq!(found.rounding.unwrap().layers, [RoundedLayer { noise: 0.0, clipped: 0.0 }]);
        assert_eq!(found.residuals.unwrap().groups[0].quantiles, [0.0; 5]);
    }
}
