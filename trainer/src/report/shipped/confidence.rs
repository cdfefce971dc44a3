//! Whether the student's probabilities are frequencies, and how right it is where it is sure.

use serde::{Deserialize, Serialize};

/// Bins of the reliability diagram.
const BINS: usize = 15;
/// Most points of the curve of coverage.
const STEPS: usize = 100;

/// One bin of the reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Smallest top probability of the bin, in per cent; a bin holds its larger end.
    pub from: f64,
    /// Rows in the bin.
    pub count: usize,
    /// Their mean top probability, in per cent.
    pub confidence: f64,
    /// Their accuracy, in per cent.
    pub accuracy: f64,
}

/// Whether the top probability is the share of right answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// Bins of equal width that hold rows.
    pub bins: Vec<Bin>,
    /// Width of a bin, in per cent.
    pub bin_width: f64,
    /// Expected calibration error: mean of |accuracy − confidence| over the bins, weighted by their rows, in per cent.
    pub ece: f64,
}

/// Accuracy on the rows that the student is surest of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// Share of the rows that are answered, in per cent.
    pub coverage: f64,
    /// Accuracy on them, in per cent.
    pub accuracy: f64,
    /// Smallest top probability among them, in per cent.
    pub confidence: f64,
}

/// How right the student is where it is sure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// From few rows to all.
    pub points: Vec<Covered>,
}

pub(super) fn reliability(sure: &[f64], right: &[bool]) -> Reliability {
    let mut bins = [(0usize, 0.0f64, 0usize); BINS];
    for (&sure, &right) in sure.iter().zip(right) {
        // A bin holds its larger end, so that 1 falls into the last one.
        let at = ((sure * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[at].0 += 1;
        bins[at].1 += sure;
        bins[at].2 += usize::from(right);
    }
    let width = 100.0 / BINS as f64;
    let bin = |(at, &(count, sure, right)): (usize, &(usize, f64, usize))| Bin {
        from: width * at as f64,
        count,
        confidence: 100.0 * sure / count as f64,
        accuracy: 100.0 * right as f64 / count as f64,
    };
    let bins: Vec<Bin> = bins.iter().enumerate().filter(|(_, bin)| bin.0 > 0).map(bin).collect();
    let gap: f64 = bins.iter().map(|bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs()).sum();
    Reliability { bins, bin_width: width, ece: gap / sure.len().max(1) as f64 }
}

pub(super) fn coverage(sure: &[f64], right: &[bool]) -> Coverage {
    let mut rows: Vec<(f64, bool)> = sure.iter().copied().zip(right.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut correct, mut last, mut points) = (0, 0, Vec::new());
    for (at, &(confidence, right)) in rows.iter().enumerate() {
        correct += usize::from(right);
        let answered = at + 1;
        // Rows that are equally sure are answered together or not at all.
        let ends = rows.get(answered).is_none_or(|next| next.0 < confidence);
        let step = answered * STEPS / rows.len();
        if ends && (step > last || answered == rows.len()) {
            last = step;
            points.push(Covered {
                coverage: 100.0 * answered as f64 / rows.len() as f64,
                accuracy: 100.0 * correct as f64 / answered as f64,
                confidence: 100.0 * confidence,
            });
        }
    }
    Coverage { points }
}
