//! Replays the golden vectors inside the file and reports the first difference.

use crate::{SelftestError, Student};

/// The counts of a passed self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SelftestReport {
    /// Golden vectors replayed.
    pub vectors: u16,
    /// Integers compared, over all layers.
    pub values: u32,
}

impl Student<'_> {
    /// Replays the golden vectors in the file and compares every integer of every layer.
    ///
    /// Each vector runs once for each layer, up to that layer. Each run is an ordinary inference, which exposes only
    /// its last layer.
    ///
    /// # Shapes
    /// - `input`: `[inputs]`, room for one expanded input, overwritten
    /// - `arena`: as for [`Student::infer`]
    ///
    /// # Errors
    /// The first difference with vector, layer, unit, expected and got; a wrong length; or no vectors in the file.
    #[inline(never)]
    pub fn selftest(&self, input: &mut [i8], arena: &mut [u32]) -> Result<SelftestReport, SelftestError> {
        let mut report = SelftestReport { vectors: 0, values: 0 };
        let mut vectors = self.golden_vectors();
        while let Some(outputs) = vectors.advance(input) {
            let (mut layer, mut at) = (0usize, 0usize);
            while at < outputs.len() {
                let answer = self.run(input, arena, layer.wrapping_add(1))?;
                for (unit, &got) in (0u16..).zip(answer.logits) {
                    let expected = outputs.get(at).copied().unwrap_or(got);
                    if got != expected {
                        return Err(SelftestError::Difference {
                            vector: report.vectors,
                            layer: layer as u8,
                            unit,
                            expected,
                            got,
                        });
                    }
                    at = at.wrapping_add(1);
                }
                layer = layer.wrapping_add(1);
            }
            report.vectors = report.vectors.saturating_add(1);
            report.values = report.values.wrapping_add(outputs.len() as u32);
        }
        if report.vectors == 0 {
            return Err(SelftestError::NoVectors);
        }
        Ok(report)
    }
}
