//! The image without a student: what `footprint` is measured against.
#![no_std]
#![no_main]

use eyas_bench_image as _;

#[unsafe(no_mangle)]
extern "C" fn bench_main() -> u32 {
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
