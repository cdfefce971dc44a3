//! Runs the students of a bundle, compares every integer of every layer, and measures.
//!
//! The bundle, from its first word: number of students, then for each one 16 bytes (file length, number of
//! vectors, what to measure, 0), the file, and for each vector the input and the expected outputs of all layers,
//! each part padded to 16 bytes. `cargo xtask bench` writes it and reads the lines printed here:
//!
//! `student INDEX load CODE wrong N [instructions N...] [stack LOAD INFER] [spread SMALLEST LARGEST]`
#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr::addr_of_mut;
use eyas::Student;
use eyas_firmware_qemu::bundle::Cursor;
use eyas_firmware_qemu::counter::{self, instructions_of};
use eyas_firmware_qemu::semihosting::{exit, fail};
use eyas_firmware_qemu::{print, println, stack};

/// Count the instructions of every vector, and the stack once.
const MEASURE: u32 = 1;
/// Count a run on the list of present inputs instead.
const LISTED: u32 = 2;
/// Count a thousand random inputs and print the smallest and the largest count.
const SPREAD: u32 = 4;
/// Inputs of [`SPREAD`].
const RANDOM_INPUTS: u32 = 1000;

static mut ARENA: [u32; 16384] = [0; 16384];
static mut LIST: [u16; 2048] = [0; 2048];
static mut INPUT: [i8; 2048] = [0; 2048];

#[inline(never)]
fn load_only(file: &'static [u8]) {
    // By reference: a copy would be counted as the loader's stack.
    let student = Student::load(black_box(file));
    black_box(&student);
}

#[inline(never)]
fn decide(student: &Student<'_>, x: &[i8], arena: &mut [u32]) {
    if let Ok(answer) = student.infer(x, arena) {
        black_box(answer.decision());
    }
}

#[inline(never)]
fn decide_present(student: &Student<'_>, present: &[u16], arena: &mut [u32]) {
    if let Ok(answer) = student.infer_present(present, 127, arena) {
        black_box(answer.decision());
    }
}

/// Smallest and largest count over random inputs: uniform ones, and ones that drive sums to their minimum and maximum.
fn spread(student: &Student<'_>, arena: &mut [u32]) -> (u64, u64) {
    // SAFETY: one thread, no interrupt.
    let input: &mut [i8] = unsafe { &mut *addr_of_mut!(INPUT) };
    let x = &mut input[..student.costs().inputs];
    let (mut smallest, mut largest, mut state) = (u64::MAX, 0, 1u32);
    for round in 0..RANDOM_INPUTS {
        for x in x.iter_mut() {
            // A 32-bit xorshift.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            *x = match round % 4 {
                0 | 1 => (state >> 24) as i8,
                2 => ((state >> 24) as i8 >> 7) ^ 127,
                _ => (state >> 30) as i8,
            };
        }
        let x = black_box(&*x);
        let count = instructions_of(|| decide(student, x, arena));
        smallest = smallest.min(count);
        largest = largest.max(count);
    }
    (smallest, largest)
}

#[unsafe(no_mangle)]
extern "C" fn image_main() -> ! {
    // SAFETY: one thread, no interrupt.
    let arena: &mut [u32] = unsafe { &mut *addr_of_mut!(ARENA) };
    // SAFETY: one thread, no interrupt.
    let list: &mut [u16] = unsafe { &mut *addr_of_mut!(LIST) };
    counter::start();
    let mut bundle = Cursor::start();
    let [students, ..] = bundle.header();
    for index in 0..students {
        let [file_bytes, vectors, measure] = bundle.header();
        let file = bundle.bytes(file_bytes as usize);
        let student = match Student::load(file) {
            Ok(student) => student,
            Err(error) => {
                println!("student {index} load {}", error.code());
                exit();
            }
        };
        let costs = student.costs();
        let outputs: usize = student.layers().map(|layer| usize::from(layer.outputs)).sum();
        let start = bundle.clone();
        let mut wrong = 0;
        for _ in 0..vectors {
            let x = bundle.integers(costs.inputs);
            let mut expected = bundle.integers(outputs).iter();
            arena.fill(0xdead_beef);
            let answer = student.infer_observed(x, arena, |_, y| {
                for got in y.iter() {
                    wrong += u32::from(expected.next() != Some(&got));
                }
            });
            wrong += u32::from(answer.is_err()) + u32::from(expected.next().is_some());
        }
        print!("student {index} load 0 wrong {wrong}");
        if measure & (MEASURE | LISTED) != 0 {
            print!(" instructions");
            let end = core::mem::replace(&mut bundle, start.clone());
            for _ in 0..vectors {
                let x = bundle.integers(costs.inputs);
                bundle.bytes(outputs);
                let count = if measure & LISTED != 0 {
                    let mut count = 0;
                    for (input, _) in x.iter().enumerate().filter(|(_, x)| **x != -128) {
                        list[count] = input as u16;
                        count += 1;
                    }
                    let present = black_box(&list[..count]);
                    instructions_of(|| decide_present(&student, present, arena))
                } else {
                    instructions_of(|| decide(&student, black_box(x), arena))
                };
                print!(" {count}");
            }
            bundle = end;
        }
        if measure & MEASURE != 0 {
            bundle = start.clone();
            let x = bundle.integers(costs.inputs);
            bundle = start;
            for _ in 0..vectors {
                bundle.bytes(costs.inputs);
                bundle.bytes(outputs);
            }
            let load = stack::bytes_of(|| load_only(file));
            let infer = stack::bytes_of(|| decide(&student, black_box(x), arena));
            print!(" stack {load} {infer}");
        }
        if measure & SPREAD != 0 {
            let (smallest, largest) = spread(&student, arena);
            print!(" spread {smallest} {largest}");
        }
        print!("\n");
    }
    println!("end");
    exit()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    fail(format_args!("{info}"))
}
