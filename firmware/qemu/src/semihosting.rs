//! Semihosting, the interface to the emulator: calls, console, command line and exit.

use core::arch::asm;
use core::fmt::{self, Arguments, Write};

const OPEN: usize = 0x01;
const CLOSE: usize = 0x02;
const WRITE: usize = 0x05;
const READ: usize = 0x06;
const GET_COMMAND_LINE: usize = 0x15;
const EXIT: usize = 0x18;

/// Longest command line, with its final 0.
const COMMAND_LINE_BYTES: usize = 512;

/// One call; `operation` determines its meaning and that of `argument`.
#[cfg(target_arch = "arm")]
fn call(operation: usize, argument: usize) -> usize {
    let result;
    // SAFETY: QEMU traps the breakpoint, reads or writes what `argument` points to, and returns with r0 as the result.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => result, in("r1") argument) };
    result
}

/// One call; `operation` determines its meaning and that of `argument`.
#[cfg(target_arch = "riscv32")]
fn call(operation: usize, argument: usize) -> usize {
    let result;
    // SAFETY: QEMU recognises the three uncompressed instructions, reads or writes what `argument` points to, and
    // returns with a0 as the result.
    unsafe {
        asm!(
            ".option push", ".option norvc", ".p2align 4",
            "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result, in("a1") argument
        );
    }
    result
}

/// The access mode of an open file; the numbers are semihosting's.
#[derive(Clone, Copy)]
#[repr(usize)]
pub enum Mode {
    /// To be read, as bytes.
    Read = 1,
    /// To be written from its start, as bytes. The name `:tt` is standard output.
    Write = 5,
    /// To be appended to. The name `:tt` is the error stream.
    Append = 8,
}

/// An open file of the host.
pub struct Handle(usize);

impl Handle {
    /// Opens `name`; `None` if the host cannot.
    pub fn open(name: &str, mode: Mode) -> Option<Self> {
        let mut terminated = [0u8; COMMAND_LINE_BYTES];
        // The last byte stays 0.
        terminated.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        let request = [terminated.as_ptr() as usize, mode as usize, name.len()];
        let handle = call(OPEN, request.as_ptr() as usize);
        (handle != usize::MAX).then_some(Self(handle))
    }

    /// Reads to the start of `bytes`; returns their number, 0 at the end of the file.
    pub fn read(&mut self, bytes: &mut [u8]) -> usize {
        let request = [self.0, bytes.as_mut_ptr() as usize, bytes.len()];
        bytes.len().saturating_sub(call(READ, request.as_ptr() as usize))
    }

    /// Writes `bytes`; `false` if the host does not accept all of them.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let request = [self.0, bytes.as_ptr() as usize, bytes.len()];
        call(WRITE, request.as_ptr() as usize) == 0
    }

    /// Closes the file; `false` if the host reports an error.
    pub fn close(self) -> bool {
        call(CLOSE, [self.0].as_ptr() as usize) == 0
    }
}

impl Write for Handle {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if Handle::write(self, text.as_bytes()) { Ok(()) } else { Err(fmt::Error) }
    }
}

/// The semihosting command line.
pub struct CommandLine {
    bytes: [u8; COMMAND_LINE_BYTES],
    len: usize,
}

impl CommandLine {
    /// Asks the host; `None` if it has none or a longer one.
    pub fn get() -> Option<Self> {
        let mut bytes = [0u8; COMMAND_LINE_BYTES];
        let mut request = [bytes.as_mut_ptr() as usize, COMMAND_LINE_BYTES];
        let status = call(GET_COMMAND_LINE, request.as_mut_ptr() as usize);
        let len = request[1];
        (status == 0 && len < COMMAND_LINE_BYTES).then_some(Self { bytes, len })
    }

    /// The word after `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        let line = core::str::from_utf8(self.bytes.get(..self.len)?).ok()?;
        let mut words = line.split_ascii_whitespace();
        words.find(|&word| word == name)?;
        words.next()
    }
}

/// Prints to the host's standard output; [`print!`](crate::print) and [`println!`](crate::println) are its usual forms.
pub fn print(message: Arguments<'_>) {
    write(Mode::Write, message);
}

/// Prints to the host's standard output.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::semihosting::print(format_args!($($argument)*)) };
}

/// Prints a line to the host's standard output.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => { $crate::semihosting::print(format_args!("{}\n", format_args!($($argument)*))) };
}

/// If the host accepts no text, the exit status reports the failure; the host also misses the last line it waits for.
fn write(stream: Mode, message: Arguments<'_>) {
    if let Some(mut console) = Handle::open(":tt", stream) {
        let _ = console.write_fmt(message);
        console.close();
    }
}

/// Ends the run with exit status 0.
pub fn exit() -> ! {
    end(0x2_0026)
}

/// Prints `error: message` to the host's error stream and ends the run with exit status 1.
pub fn fail(message: Arguments<'_>) -> ! {
    write(Mode::Append, format_args!("error: {message}\n"));
    end(0x2_0023)
}

fn end(reason: usize) -> ! {
    loop {
        call(EXIT, reason);
    }
}
