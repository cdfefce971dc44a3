//! The results of a run: text for people and, in the last line, one JSON object for the host.

use crate::measure::Totals;
use eyas::{SelftestReport, Student};
use eyas_firmware_qemu::{print, println};

/// Form of the last line; raised whenever a field changes its meaning.
const SUMMARY_VERSION: u32 = 2;

/// The results besides the instructions.
pub struct Costs {
    /// The counts of the self-test.
    pub selftest: SelftestReport,
    /// Rows replayed.
    pub rows: u32,
    /// Bytes of arena.
    pub arena_bytes: usize,
    /// Bytes of stack under `Student::load`.
    pub stack_load: u32,
    /// Bytes of stack under `Student::selftest`.
    pub stack_selftest: u32,
}

/// Prints the figures, the JSON object last.
///
/// Sums, not means, so that the host divides: `instructions.layers` and `.all` are over `.inferences`.
pub fn print(file: &[u8], student: &Student<'_>, totals: &Totals, costs: &Costs) {
    let layers = totals.layers.get(..student.metadata().layers.len()).unwrap_or_default();
    let inferences = u64::from(totals.inferences);
    let mean = |sum: u64| (sum + inferences / 2) / inferences;
    let stack_infer = totals.stack;
    println!(
        "instructions: {} per inference, {} to {} ({} measured), {} for the decision",
        mean(totals.instructions),
        totals.range.0,
        totals.range.1,
        inferences,
        mean(totals.decision)
    );
    for (index, (&sum, layer)) in layers.iter().zip(student.layers()).enumerate() {
        println!("layer {}: {} x {}, {} instructions", index, layer.inputs, layer.outputs, mean(sum));
    }
    println!("arena: {} bytes", costs.arena_bytes);
    println!("stack: {} bytes infer, {} self-test, {} load", stack_infer, costs.stack_selftest, costs.stack_load);

    let seal = file.last_chunk().map_or(0, |&seal| u32::from_le_bytes(seal));
    print!("{{\"version\":{},\"student\":{{\"bytes\":{},\"seal\":{}}}", SUMMARY_VERSION, file.len(), seal);
    print!(",\"golden\":{{\"vectors\":{},\"values\":{}}}", costs.selftest.vectors, costs.selftest.values);
    print!(",\"rows\":{},\"instructions\":{{\"inferences\":{}", costs.rows, inferences);
    print!(",\"all\":{},\"least\":{},\"most\":{}", totals.instructions, totals.range.0, totals.range.1);
    print!(",\"decision\":{},\"observing\":{},\"layers\":[", totals.decision, totals.observing);
    for (index, sum) in layers.iter().enumerate() {
        print!("{}{}", if index == 0 { "" } else { "," }, sum);
    }
    print!("]}},\"arena\":{}", costs.arena_bytes);
    let Costs { stack_selftest, stack_load, .. } = costs;
    println!(",\"stack\":{{\"infer\":{stack_infer},\"selftest\":{stack_selftest},\"load\":{stack_load}}}}}");
}
