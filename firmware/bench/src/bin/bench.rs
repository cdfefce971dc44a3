//! Runs the students of a bundle, compares every integer of every layer, and measures.
//!
//! The bundle, from its first word: number of students, then for each one 16 bytes (file length, number of
//! vectors, what to measure, 0), the file, and for each vector the input and the expected outputs of all layers,
//! each part padded to 16 bytes. `cargo xtask bench` writes it and reads the lines printed here:
//!
//! `student INDEX load CODE wrong N [instructions N... | stack LOAD INFER SELFTEST]`
#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr::addr_of_mut;
use eyas::Student;
use eyas_bench_image::host::{exit, print, print_number};
use eyas_bench_image::{BUNDLE, instructions, stack};

/// Count the instructions of every vector, and the stack once.
const MEASURE: u32 = 1;
/// Count a run on the list of present inputs instead.
const LISTED: u32 = 2;

static mut ARENA: [u32; 16384] = [0; 16384];
static mut LIST: [u16; 2048] = [0; 2048];

struct Cursor(usize);

impl Cursor {
    fn word(&mut self) -> u32 {
        let at = self.0;
        self.0 += 4;
        // SAFETY: the host wrote the bundle as this program reads it.
        unsafe { core::ptr::read(at as *const u32) }
    }

    fn bytes(&mut self, len: usize) -> &'static [u8] {
        let at = self.0;
        self.0 += len.next_multiple_of(16);
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts(at as *const u8, len) }
    }
}

fn integers(bytes: &[u8]) -> &[i8] {
    // SAFETY: the same bytes, signed.
    unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

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

#[unsafe(no_mangle)]
extern "C" fn bench_main() -> ! {
    // SAFETY: one thread, no interrupt.
    let arena: &mut [u32] = unsafe { &mut *addr_of_mut!(ARENA) };
    // SAFETY: one thread, no interrupt.
    let list: &mut [u16] = unsafe { &mut *addr_of_mut!(LIST) };
    let mut bundle = Cursor(BUNDLE);
    let students = bundle.word();
    bundle.0 += 12;
    for index in 0..students {
        let (file_bytes, vectors, measure) = (bundle.word(), bundle.word(), bundle.word());
        bundle.0 += 4;
        let file = bundle.bytes(file_bytes as usize);
        print(c"student ");
        print_number(index);
        print(c"load ");
        let student = match Student::load(file) {
            Ok(student) => student,
            Err(error) => {
                print_number(error.code().into());
                print(c"\n");
                exit();
            }
        };
        print_number(0);
        let costs = student.costs();
        let outputs: usize = student.layers().map(|layer| usize::from(layer.outputs)).sum();
        let start = bundle.0;
        let mut wrong = 0;
        for _ in 0..vectors {
            let x = integers(bundle.bytes(costs.inputs));
            let mut expected = integers(bundle.bytes(outputs)).iter();
            arena.fill(0xdead_beef);
            let answer = student.infer_observed(x, arena, |_, y| {
                for got in y.iter() {
                    wrong += u32::from(expected.next() != Some(&got));
                }
            });
            wrong += u32::from(answer.is_err()) + u32::from(expected.next().is_some());
        }
        print(c"wrong ");
        print_number(wrong);
        if measure != 0 {
            print(c"instructions ");
            let end = core::mem::replace(&mut bundle.0, start);
            for _ in 0..vectors {
                let x = integers(bundle.bytes(costs.inputs));
                bundle.bytes(outputs);
                let count = if measure & LISTED != 0 {
                    let mut count = 0;
                    for (input, _) in x.iter().enumerate().filter(|(_, x)| **x != -128) {
                        list[count] = input as u16;
                        count += 1;
                    }
                    let present = black_box(&list[..count]);
                    instructions(|| decide_present(&student, present, arena))
                } else {
                    instructions(|| decide(&student, black_box(x), arena))
                };
                print_number(count);
            }
            bundle.0 = end;
        }
        if measure & MEASURE != 0 {
            bundle.0 = start;
            let x = integers(bundle.bytes(costs.inputs));
            bundle.0 = start;
            for _ in 0..vectors {
                bundle.bytes(costs.inputs);
                bundle.bytes(outputs);
            }
            print(c"stack ");
            print_number(stack(|| load_only(file)));
            print_number(stack(|| decide(&student, black_box(x), arena)));
        }
        print(c"\n");
    }
    print(c"end\n");
    exit()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    print(c"panic\n");
    exit()
}
