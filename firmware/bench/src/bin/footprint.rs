//! What a product links: load, infer, decision, self-test. Measured against `baseline`.
//!
//! Also the panic gate: its panic handler calls a function that does not exist, so the image links only if no
//! panic can be reached.
#![no_std]
#![no_main]

use core::hint::black_box;
use eyas::Student;
use eyas_bench_image as _;

unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[unsafe(no_mangle)]
extern "C" fn bench_main(file: *const u8, x: *const i8, arena: *mut u32) -> u32 {
    // SAFETY: never run; the linker is the test.
    let (file, x, arena) = unsafe {
        (
            core::slice::from_raw_parts(file, black_box(4096)),
            core::slice::from_raw_parts_mut(x.cast_mut(), black_box(64)),
            core::slice::from_raw_parts_mut(arena, black_box(64)),
        )
    };
    #[cfg(seeded_panic)]
    black_box(file[black_box(7)]);
    // By reference: a move would be a copy.
    let student = &Student::load(file);
    let Ok(student) = student else { return 1 };
    let Ok(report) = student.selftest(x, arena) else { return 2 };
    let Ok(answer) = student.infer(x, arena) else { return 3 };
    let decision = answer.decision();
    u32::from(decision.label) + u32::from(decision.margin) + report.values
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: does not exist; see above.
    unsafe { a_panic_is_reachable() }
}
