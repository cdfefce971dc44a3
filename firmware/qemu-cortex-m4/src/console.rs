//! How a run ends when it cannot go on: a message on the host's error stream and a non-zero exit status.

use core::fmt::Arguments;
use core::panic::PanicInfo;
use cortex_m_semihosting::{debug, heprintln};

/// Prints `error: message` and ends the run with exit status 1.
pub fn fail(message: Arguments<'_>) -> ! {
    heprintln!("error: {}", message);
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    fail(format_args!("{info}"))
}
