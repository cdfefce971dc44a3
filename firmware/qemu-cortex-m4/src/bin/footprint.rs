//! The smallest product: load, self-test and inference, nothing of a console.
//!
//! Its sections minus those of `baseline` are what the runtime costs a device; nothing is run.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m_rt::entry;

eyas::include_student!(
    /// The student built into this image.
    Built = concat!(env!("OUT_DIR"), "/student.eyas")
);

#[entry]
fn main() -> ! {
    static mut ARENA: [u32; Built::ARENA_WORDS] = Built::arena();
    static mut INPUT: [i8; Built::INPUTS] = [0; Built::INPUTS];

    if let Ok(student) = Built::load()
        && black_box(student.selftest(INPUT, ARENA)).is_ok()
    {
        loop {
            black_box(&mut *INPUT);
            black_box(student.infer(INPUT, ARENA).map(|answer| answer.decision()).ok());
        }
    }
    loop {}
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
