//! Students that test only rounding: all weights are zero, so each bias is the sum that is requantized.

use super::students::{Prepared, file, vector};
use anyhow::{Result, ensure};
use eyas::Layout;
use eyas::model::{LayerKind, LayerMeta, LayerTensors};
use eyas::quant::Multiplier;

/// Mantissas at both limits, and ratios between them.
const MANTISSAS: [i32; 6] = [0x4000_0000, 0x4000_0001, 0x5555_5555, 0x6666_6666, 0x7fff_fffe, i32::MAX];
/// Results whose steps are tested from both sides.
const RESULTS: [i64; 11] = [-256, -255, -129, -128, -1, 0, 1, 2, 127, 128, 255];
/// Zero points and clamps.
const RANGES: [(i8, i8, i8); 3] = [(0, -128, 127), (-128, -128, 100), (127, -7, 126)];

/// Every exponent, with sums on both sides of the relevant steps and at both limits of 32 bits.
pub fn battery(layout: Layout) -> Result<Vec<Prepared>> {
    let mut all = Vec::new();
    for exponent in Multiplier::MIN_EXPONENT..=Multiplier::MAX_EXPONENT {
        let channels = channels(exponent);
        for (zero_point, lo, hi) in RANGES {
            for kind in [LayerKind::Dense, LayerKind::SparseInput] {
                let outputs = channels.len() as u16;
                let mut metas = heapless::Vec::new();
                ensure!(metas.push(LayerMeta { kind, outputs, zero_point, lo, hi }).is_ok(), "too many layers");
                let tensors = LayerTensors {
                    weights: vec![0; channels.len()],
                    biases: channels.iter().map(|&(acc, _)| acc).collect(),
                    multipliers: channels.iter().map(|&(_, multiplier)| multiplier).collect(),
                };
                let file = file(1, 0, metas, &[tensors], layout)?;
                let vectors = vec![vector(&file, &[1])?];
                let name = format!("exponent {exponent}, zero point {zero_point}, {kind:?}");
                all.push(Prepared { name, file, vectors, golden_off_by_one: 0, weights_crc32: 0, nnz: None });
            }
        }
    }
    Ok(all)
}

/// Sums with their multipliers.
fn channels(exponent: i8) -> Vec<(i32, Multiplier)> {
    let mut all = Vec::new();
    for mantissa in MANTISSAS {
        let multiplier = Multiplier { mantissa, exponent };
        let shift = 31 - i32::from(exponent);
        for result in RESULTS {
            // The smallest sum that gives `result`: acc · m + half ≥ result · 2^shift.
            let product = (i128::from(result) << shift) - (1i128 << (shift - 1));
            let step = -(-product).div_euclid(mantissa.into());
            let around = (step - 1..=step + 1).filter_map(|acc| i32::try_from(acc).ok());
            all.extend(around.map(|acc| (acc, multiplier)));
        }
        all.extend([i32::MIN, i32::MAX].map(|acc| (acc, multiplier)));
    }
    all
}
