//! Only start-up code: the baseline for `footprint` and `product`.
#![no_std]
#![no_main]

use eyas_firmware_qemu as _;

#[unsafe(no_mangle)]
extern "C" fn image_main() -> u32 {
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
