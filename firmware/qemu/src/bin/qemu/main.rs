//! Runs the built-in student on an emulated core and reports its costs.
//!
//! Load and self-test first; then every row of the host's row file, or the golden vectors if there is none.
//! The last line printed is one JSON object for the host. The exit status is 0 only if everything passed.
#![no_std]
#![no_main]

mod measure;
mod rows;
mod summary;

use core::panic::PanicInfo;
use core::ptr::addr_of_mut;
use eyas::{LoadError, SelftestError, SelftestReport, Student};
use eyas_firmware_qemu::semihosting::{exit, fail};
use eyas_firmware_qemu::{counter, println, stack};

eyas::include_student!(
    /// The student built into this image.
    Built = concat!(env!("OUT_DIR"), "/student.eyas")
);

static mut ARENA: [u32; Built::ARENA_WORDS] = Built::arena();
static mut INPUT: [i8; Built::INPUTS] = [0; Built::INPUTS];

#[unsafe(no_mangle)]
extern "C" fn image_main() -> ! {
    // SAFETY: one thread, no interrupt, and the only reference.
    let arena: &mut [u32] = unsafe { &mut *addr_of_mut!(ARENA) };
    // SAFETY: as above.
    let input: &mut [i8] = unsafe { &mut *addr_of_mut!(INPUT) };

    let overhead = counter::start();
    let (student, stack_load) = stack::high_water(load);
    let student = student.unwrap_or_else(|error| fail(format_args!("load: {error}")));
    println!("student: {} bytes, {} inputs, {} outputs", Built::FILE.len(), Built::INPUTS, Built::OUTPUTS);

    let (selftest, stack_selftest) = stack::high_water(|| selftest(&student, input, arena));
    let selftest = match selftest {
        Ok(report) => report,
        Err(SelftestError::NoVectors) => SelftestReport { vectors: 0, values: 0 },
        Err(error) => fail(format_args!("self-test: {error}")),
    };
    println!("self-test: {} integers of {} golden vectors agree", selftest.values, selftest.vectors);

    let mut totals = measure::Totals::new(overhead);
    let rows = rows::run(&student, input, arena, &mut totals);
    if rows == 0 {
        let mut vectors = student.golden_vectors();
        while vectors.advance(input).is_some() {
            measure::inference(&student, input, arena, &mut totals);
        }
    }
    if totals.inferences == 0 {
        input.fill(student.metadata().input_zero_point);
        measure::inference(&student, input, arena, &mut totals);
    }

    let costs = summary::Costs { selftest, rows, arena_bytes: Built::ARENA_BYTES, stack_load, stack_selftest };
    summary::print(Built::FILE, &student, &totals, &costs);
    exit()
}

// Separate functions, because their frames are part of the measurement.

#[inline(never)]
fn load() -> Result<Student<'static>, LoadError> {
    Built::load()
}

#[inline(never)]
fn selftest(student: &Student<'_>, input: &mut [i8], arena: &mut [u32]) -> Result<SelftestReport, SelftestError> {
    student.selftest(input, arena)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fail(format_args!("{info}"))
}
