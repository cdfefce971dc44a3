//! What stands before the first layer: each input times a gain, plus a shift. It becomes part of that layer.

use super::chain::{Dense, Place, Weights};
use super::message::Node;
use crate::import::ImportError;

const REMEDY: &str = "scale each input by constants before the first layer, and quantize nothing before it";

/// `x · gain + shift`, one value for each input or one for all.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    gains: Vec<f64>,
    shifts: Vec<f64>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { gains: vec![1.0], shifts: vec![0.0] }
    }
}

impl Scaling {
    /// Continues with an operator over the scaled inputs and `constant`; a `Scaler` brings its own.
    pub fn follow(&mut self, node: &Node, constant: Option<Vec<f64>>, place: &Place) -> Result<(), ImportError> {
        let reals = |name: &str| node.floats(name).iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        let (gains, shifts) = match (node.op_type.as_str(), constant) {
            ("Scaler", _) => {
                let scale = reals("scale");
                let shifts = zip(&reals("offset"), &scale, |offset, scale| -offset * scale);
                (Some(scale), shifts)
            }
            ("Mul", Some(by)) => (Some(by), Some(vec![0.0])),
            ("Div", Some(by)) => (Some(by.iter().map(|by| 1.0 / by).collect()), Some(vec![0.0])),
            ("Add", Some(more)) => (Some(vec![1.0]), Some(more)),
            ("Sub", Some(less)) => (Some(vec![1.0]), Some(less.iter().map(|less| -less).collect())),
            _ => (None, None),
        };
        let next = gains.zip(shifts).and_then(|(gains, shifts)| {
            let shifted = zip(&self.shifts, &gains, |shift, gain| shift * gain)?;
            Some(Self { gains: zip(&self.gains, &gains, |a, b| a * b)?, shifts: zip(&shifted, &shifts, |a, b| a + b)? })
        });
        *self = next.ok_or_else(|| place.refuse("does not scale each input by constants".into(), REMEDY))?;
        Ok(())
    }

    /// Puts it into the first layer.
    pub fn fold(&self, layer: &mut Dense, place: &Place) -> Result<(), ImportError> {
        let inputs = layer.inputs;
        let fits = |values: &[f64]| [1, inputs].contains(&values.len()) && values.iter().all(|value| value.is_finite());
        let Weights::Real(weights) = &mut layer.weights else {
            return Err(place.refuse("scales the input of a quantized layer".into(), REMEDY));
        };
        if !fits(&self.gains) || !fits(&self.shifts) {
            let found = format!("{} gains and {} shifts", self.gains.len(), self.shifts.len());
            return Err(place.refuse(format!("{found}, finite or not, before {inputs} inputs"), REMEDY));
        }
        for (row, bias) in weights.chunks_exact_mut(inputs).zip(&mut layer.biases) {
            for (input, weight) in row.iter_mut().enumerate() {
                *bias += *weight * self.shifts[input % self.shifts.len()];
                *weight *= self.gains[input % self.gains.len()];
            }
        }
        Ok(())
    }
}

/// Both lists together, where one of them may be a single value for all; `None` for other lengths.
fn zip(a: &[f64], b: &[f64], with: impl Fn(f64, f64) -> f64) -> Option<Vec<f64>> {
    let length = a.len().max(b.len());
    let fits = |values: &[f64]| !values.is_empty() && [1, length].contains(&values.len());
    let at = |values: &[f64], at: usize| values[at % values.len()];
    (fits(a) && fits(b)).then(|| (0..length).map(|place| with(at(a, place), at(b, place))).collect())
}
