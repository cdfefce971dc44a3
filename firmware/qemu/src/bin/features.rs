//! Measures one student from features to decision: load, `quantize`, inference with decision.
//!
//! The bundle, from its first word: 16 bytes (file length, number of rows, 0, 0), the file, and for each row its features
//! and the input that they must become, each part padded to 16 bytes. `cargo xtask bench` writes it and reads the line
//! printed here:
//!
//! `load CODE wrong N loading N quantizing N... instructions N... stack LOAD QUANTIZE INFER`
#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr::addr_of_mut;
use eyas::Student;
use eyas_firmware_qemu::bundle::Cursor;
use eyas_firmware_qemu::counter::{self, instructions_of};
use eyas_firmware_qemu::semihosting::{exit, fail};
use eyas_firmware_qemu::stack::bytes_of;
use eyas_firmware_qemu::{print, println};

static mut ARENA: [u32; 1024] = [0; 1024];
static mut INPUT: [i8; 2048] = [0; 2048];

#[inline(never)]
fn load_only(file: &'static [u8]) {
    // By reference: a copy would be counted as the loader's.
    let student = Student::load(black_box(file));
    black_box(&student);
}

#[inline(never)]
fn quantize(student: &Student<'_>, features: &[f32], x: &mut [i8]) {
    let _ = black_box(student.quantize(black_box(features), x));
}

#[inline(never)]
fn decide(student: &Student<'_>, x: &[i8], arena: &mut [u32]) {
    if let Ok(answer) = student.infer(x, arena) {
        black_box(answer.decision());
    }
}

#[unsafe(no_mangle)]
extern "C" fn image_main() -> ! {
    // SAFETY: one thread, no interrupt.
    let arena: &mut [u32] = unsafe { &mut *addr_of_mut!(ARENA) };
    // SAFETY: one thread, no interrupt.
    let input: &mut [i8] = unsafe { &mut *addr_of_mut!(INPUT) };
    counter::start();
    let mut bundle = Cursor::start();
    let [file_bytes, rows, _] = bundle.header();
    let file = bundle.bytes(file_bytes as usize);
    let student = match Student::load(file) {
        Ok(student) => student,
        Err(error) => {
            println!("load {}", error.code());
            exit();
        }
    };
    let inputs = student.costs().inputs;
    let x = &mut input[..inputs];
    let mut row = || (bundle.floats(inputs), bundle.integers(inputs));
    let mut of_all = [(0, 0); 256];
    let of_all = &mut of_all[..rows as usize];
    let (mut wrong, mut quantize_stack, mut decide_stack) = (0, 0, 0);
    for (quantizing, inferring) in of_all.iter_mut() {
        let (features, expected) = row();
        *quantizing = instructions_of(|| quantize(&student, features, x));
        wrong += x.iter().zip(expected).map(|(x, expected)| u32::from(x != expected)).sum::<u32>();
        *inferring = instructions_of(|| decide(&student, black_box(&*x), arena));
        quantize_stack = bytes_of(|| quantize(&student, features, x)).max(quantize_stack);
        decide_stack = bytes_of(|| decide(&student, x, arena)).max(decide_stack);
    }
    print!("load 0 wrong {wrong} loading {} quantizing", instructions_of(|| load_only(file)));
    of_all.iter().for_each(|(quantizing, _)| print!(" {quantizing}"));
    print!(" instructions");
    of_all.iter().for_each(|(_, inferring)| print!(" {inferring}"));
    println!(" stack {} {quantize_stack} {decide_stack}", bytes_of(|| load_only(file)));
    println!("end");
    exit()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    fail(format_args!("{info}"))
}
