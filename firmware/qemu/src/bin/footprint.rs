//! The code that a product links: load, infer, decision, self-test. Measured against `baseline`.
//!
//! Also the panic gate: its panic handler calls a function that does not exist, so the image links only if no
//! panic can be reached.
#![no_std]
#![no_main]

use eyas::Student;
use eyas_firmware_qemu as _;

unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[unsafe(no_mangle)]
extern "C" fn image_main(
    file: *const u8,
    file_bytes: usize,
    x: *mut i8,
    inputs: usize,
    arena: *mut u32,
    arena_words: usize,
) -> u32 {
    // SAFETY: never run; the linker is the test. Values unknown to the compiler add no code of their own here.
    let (file, x, arena) = unsafe {
        (
            core::slice::from_raw_parts(file, file_bytes),
            core::slice::from_raw_parts_mut(x, inputs),
            core::slice::from_raw_parts_mut(arena, arena_words),
        )
    };
    #[cfg(feature = "seeded-panic")]
    core::hint::black_box(file[core::hint::black_box(7)]);
    // By reference: a move would be a copy. A failed self-test is an error like any other.
    let student = &Student::load(file);
    if let Ok(student) = student
        && student.selftest(x, arena).is_ok()
        && let Ok(answer) = student.infer(x, arena)
    {
        let decision = answer.decision();
        return u32::from(decision.label) + u32::from(decision.margin);
    }
    u32::MAX
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: does not exist; see above.
    unsafe { a_panic_is_reachable() }
}
