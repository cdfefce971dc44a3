//! What the run found, for people and, as one JSON object in the last line, for the host.

use crate::measure::Totals;
use cortex_m_semihosting::{hprint, hprintln};
use eyas::{SelftestReport, Student};

/// Form of the last line; raised whenever a field changes its meaning.
const SUMMARY_VERSION: u32 = 1;

/// What was found besides the instructions.
pub struct Costs {
    /// What the self-test compared.
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

/// Lengths of this image's sections in bytes, from the linker.
struct Image {
    text: usize,
    rodata: usize,
    data: usize,
    bss: usize,
}

impl Image {
    fn get() -> Self {
        // Names are the linker script's; only their addresses mean something.
        unsafe extern "C" {
            static __stext: u8;
            static __etext: u8;
            static __srodata: u8;
            static __erodata: u8;
            static __sdata: u8;
            static __edata: u8;
            static __sbss: u8;
            static __ebss: u8;
        }
        let between = |start: *const u8, end: *const u8| (end as usize).wrapping_sub(start as usize);
        Self {
            text: between(&raw const __stext, &raw const __etext),
            rodata: between(&raw const __srodata, &raw const __erodata),
            data: between(&raw const __sdata, &raw const __edata),
            bss: between(&raw const __sbss, &raw const __ebss),
        }
    }
}

/// Prints the figures, the JSON object last.
///
/// Sums, not means, so that the host divides: `instructions.layers` and `.all` are over `.inferences`.
pub fn print(file: &[u8], student: &Student<'_>, totals: &Totals, costs: &Costs) {
    let image = Image::get();
    let layers = totals.layers.get(..student.metadata().layers.len()).unwrap_or_default();
    let inferences = u64::from(totals.inferences);
    let mean = |sum: u64| (sum + inferences / 2) / inferences;
    let stack_infer = totals.stack;
    hprintln!(
        "instructions: {} per inference, {} to {} ({} measured), {} for the decision",
        mean(totals.instructions),
        totals.range.0,
        totals.range.1,
        inferences,
        mean(totals.decision)
    );
    for (index, (&sum, layer)) in layers.iter().zip(student.layers()).enumerate() {
        hprintln!("layer {}: {} x {}, {} instructions", index, layer.inputs, layer.outputs, mean(sum));
    }
    hprintln!("arena: {} bytes", costs.arena_bytes);
    hprintln!("stack: {} bytes infer, {} self-test, {} load", stack_infer, costs.stack_selftest, costs.stack_load);
    let Image { text, rodata, data, bss } = image;
    hprintln!("this image: {} bytes of code, {} of constants, {} of static RAM", text, rodata, data + bss);

    let seal = file.last_chunk().map_or(0, |&seal| u32::from_le_bytes(seal));
    hprint!("{{\"version\":{},\"student\":{{\"bytes\":{},\"seal\":{}}}", SUMMARY_VERSION, file.len(), seal);
    hprint!(",\"golden\":{{\"vectors\":{},\"values\":{}}}", costs.selftest.vectors, costs.selftest.values);
    hprint!(",\"rows\":{},\"instructions\":{{\"inferences\":{}", costs.rows, inferences);
    hprint!(",\"all\":{},\"least\":{},\"most\":{}", totals.instructions, totals.range.0, totals.range.1);
    hprint!(",\"decision\":{},\"observing\":{},\"layers\":[", totals.decision, totals.observing);
    for (index, sum) in layers.iter().enumerate() {
        hprint!("{}{}", if index == 0 { "" } else { "," }, sum);
    }
    hprint!("]}},\"arena\":{}", costs.arena_bytes);
    hprint!(
        ",\"stack\":{{\"infer\":{},\"selftest\":{},\"load\":{}}}",
        stack_infer,
        costs.stack_selftest,
        costs.stack_load
    );
    hprintln!(",\"image\":{{\"text\":{},\"rodata\":{},\"data\":{},\"bss\":{}}}}}", text, rodata, data, bss);
}
