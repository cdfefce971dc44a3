//! From logits to classes.

use ndarray::ArrayView2;

/// The class of the highest logit of each row; ties go to the lowest index.
pub fn predictions(logits: ArrayView2<'_, f32>) -> Vec<u16> {
    let best = |row: ndarray::ArrayView1<'_, f32>| {
        let mut best = 0;
        for (class, &logit) in row.iter().enumerate() {
            if logit > row[best] {
                best = class;
            }
        }
        best as u16
    };
    logits.rows().into_iter().map(best).collect()
}

/// Share of rows whose highest logit is at the label, in [0, 1]; 0 for no rows.
pub fn accuracy(logits: ArrayView2<'_, f32>, labels: &[u16]) -> f64 {
    let right = predictions(logits).iter().zip(labels).filter(|(guess, label)| guess == label).count();
    right as f64 / labels.len().max(1) as f64
}
