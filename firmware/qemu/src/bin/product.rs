//! A small product with its student inside: load, self-test and inference, without a console.
//!
//! Its sections minus those of `baseline` are the cost of the runtime on a device; the image is never run.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use core::ptr::addr_of_mut;
use eyas_firmware_qemu as _;

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
    if let Ok(student) = Built::load()
        && black_box(student.selftest(input, arena)).is_ok()
    {
        loop {
            black_box(&mut *input);
            black_box(student.infer(input, arena).map(|answer| answer.decision()).ok());
        }
    }
    loop {}
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
