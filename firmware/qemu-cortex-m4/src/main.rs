//! Runs the built-in student on an emulated Cortex-M4 and tells what it cost.
//!
//! Load and self-test first; then every row of the host's row file, or the golden vectors where there is none.
//! The last line printed is one JSON object for the host. The exit status is 0 only if everything passed.
#![no_std]
#![no_main]

mod console;
mod counter;
mod host_file;
mod measure;
mod rows;
mod stack;
mod summary;

use console::fail;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use eyas::{SelftestError, SelftestReport};

eyas::include_student!(
    /// The student built into this image.
    Built = concat!(env!("OUT_DIR"), "/student.eyas")
);

#[entry]
fn main() -> ! {
    static mut ARENA: [u32; Built::ARENA_WORDS] = Built::arena();
    static mut INPUT: [i8; Built::INPUTS] = [0; Built::INPUTS];

    let overhead = counter::check().unwrap_or_else(|found| {
        fail(format_args!("the instruction counter read {found}; run the emulator with -icount shift=6,sleep=off"))
    });
    let (student, stack_load) = stack::high_water(Built::load);
    let student = student.unwrap_or_else(|error| fail(format_args!("load: {error}")));
    hprintln!("student: {} bytes, {} inputs, {} outputs", Built::FILE.len(), Built::INPUTS, Built::OUTPUTS);

    let (selftest, stack_selftest) = stack::high_water(|| student.selftest(INPUT, ARENA));
    let selftest = match selftest {
        Ok(report) => report,
        Err(SelftestError::NoVectors) => SelftestReport { vectors: 0, values: 0 },
        Err(error) => fail(format_args!("self-test: {error}")),
    };
    hprintln!("self-test: {} integers of {} golden vectors agree", selftest.values, selftest.vectors);

    let mut totals = measure::Totals::new(overhead);
    let rows = rows::run(&student, INPUT, ARENA, &mut totals);
    if rows == 0 {
        let mut vectors = student.golden_vectors();
        while vectors.advance(INPUT).is_some() {
            measure::inference(&student, INPUT, ARENA, &mut totals);
        }
    }
    if totals.inferences == 0 {
        INPUT.fill(student.metadata().input_zero_point);
        measure::inference(&student, INPUT, ARENA, &mut totals);
    }

    let costs = summary::Costs { selftest, rows, arena_bytes: Built::ARENA_BYTES, stack_load, stack_selftest };
    summary::print(Built::FILE, &student, &totals, &costs);
    debug::exit(debug::EXIT_SUCCESS);
    fail(format_args!("the host did not end the run"))
}
