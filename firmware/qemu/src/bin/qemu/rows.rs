//! Replays the host's rows and returns every integer of every layer.
//!
//! The semihosting command line names two files: `--rows FILE --integers FILE`. Rows: `u32` count and `u32`
//! inputs, little-endian, then one `i8` for each input of each row. Integers: for each row the outputs of all
//! layers, first to last, one `i8` each.

use crate::measure::{self, Totals};
use eyas::Student;
use eyas_firmware_qemu::host_file::{Sink, Source};
use eyas_firmware_qemu::println;
use eyas_firmware_qemu::semihosting::{CommandLine, fail};

/// Rows whose decision is printed.
const SHOWN: u32 = 5;

/// Runs and measures every row; returns their number, 0 if the command line names no rows.
///
/// # Shapes
/// - `x`: `[inputs]`, `arena`: as for [`Student::infer`]; both overwritten
pub fn run(student: &Student<'_>, x: &mut [i8], arena: &mut [u32], totals: &mut Totals) -> u32 {
    let Some(line) = CommandLine::get() else { return 0 };
    let (Some(rows), Some(integers)) = (line.value("--rows"), line.value("--integers")) else { return 0 };
    let mut source = Source::open(rows).unwrap_or_else(|| fail(format_args!("the host cannot open {rows}")));
    let mut sink = Sink::create(integers).unwrap_or_else(|| fail(format_args!("the host cannot create {integers}")));

    let (mut count, mut inputs) = ([0u8; 4], [0u8; 4]);
    if !(source.fill(&mut count) && source.fill(&mut inputs)) {
        fail(format_args!("{rows} ends inside its header"));
    }
    let (count, inputs) = (u32::from_le_bytes(count), u32::from_le_bytes(inputs));
    if inputs as usize != x.len() {
        fail(format_args!("{rows} has rows of {inputs} inputs, the student takes {}", x.len()));
    }
    for row in 0..count {
        if !source.fill(as_bytes(x)) {
            fail(format_args!("{rows} ends inside row {row} of {count}"));
        }
        if let Err(error) = student.infer_observed(x, arena, |_, outputs| sink.write(outputs.iter())) {
            fail(format_args!("row {row}: {error}"));
        }
        let decision = measure::inference(student, x, arena, totals);
        if row < SHOWN {
            println!("row {}: label {}, margin {}", row, decision.label, decision.margin);
        }
    }
    if !sink.close() {
        fail(format_args!("the host did not take all of {integers}"));
    }
    println!("rows: {count}");
    count
}

fn as_bytes(x: &mut [i8]) -> &mut [u8] {
    // SAFETY: `i8` and `u8` have one layout and every value is valid for both.
    unsafe { core::slice::from_raw_parts_mut(x.as_mut_ptr().cast(), x.len()) }
}
