//! What a student of given widths will cost, before there is one: a file of ones is sealed and weighed.

use super::seal::{SealError, golden_room};
use crate::nn::{DenseWeights, MlpWeights};
use crate::quantize::{About, InputCoding, Standard, fold};
use crate::run::tool;
use eyas::model::{Costs, Normalization, Provenance, Task};
use eyas::{AlignedBytes, Student};
use ndarray::{Array1, Array2};

/// The costs of a student with these widths, from inputs to outputs, and the bytes that its golden vectors take at most.
///
/// `names` are those of the outputs and of the inputs. A student of a graph skips absent inputs and has one gain; one of
/// a table has a gain and an offset for each input.
///
/// # Errors
/// Widths or names that no student file holds.
pub(crate) fn costs_of(
    task: Task,
    widths: &[usize],
    (labels, input_names): (&[String], &[String]),
    graph: bool,
    teacher: &str,
) -> Result<(Costs, usize), SealError> {
    let inputs = widths.first().copied().unwrap_or(0);
    let layers = widths
        .windows(2)
        .map(|pair| DenseWeights { weight: Array2::ones((pair[1], pair[0])), bias: Array1::zeros(pair[1]) });
    let weights = MlpWeights { layers: layers.collect() };
    let standard = Standard { means: vec![0.0; inputs], deviations: vec![1.0; inputs] };
    let coding = InputCoding {
        zero_point: if graph { -128 } else { 0 },
        gains: vec![16.0; inputs],
        sparse: graph,
        unit: 1.0,
        normalization: Normalization::None,
        standard: (!graph).then_some(standard),
    };
    let ranges = vec![(-1.0, 1.0); widths.len().saturating_sub(1)];
    let student = fold(&weights, &coding, &ranges)?;
    let hash = [0; 32];
    let tool = tool();
    let provenance = Provenance { teacher, data_hash: &hash, recipe_hash: &hash, seed: u64::MAX, tool: &tool };
    let about = About { labels, input_names, provenance, task, golden: &[] };
    let file = AlignedBytes::from(student.file(&about)?.as_slice());
    let costs = Student::load(&file)?.costs();
    // A dense vector: its coding, the input, and what every layer says.
    let vector = 1 + if graph { 0 } else { inputs } + widths[1..].iter().sum::<usize>();
    let room = golden_room(costs.file_bytes);
    Ok((costs, if vector > room { 0 } else { room }))
}
