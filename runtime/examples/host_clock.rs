//! Times one student on this host: `host_clock STUDENT ROWS`, or `… MODE TIMES` for instruction counters.
//!
//! ROWS holds input integers, one byte each. Prints one JSON object: nanoseconds of thread CPU time per inference,
//! medians of rounds, for single samples, a batch of 256, and the list of present inputs if the student takes one.

use cpu_time::ThreadTime;
use eyas::{AlignedBytes, Student, kernels};
use std::hint::black_box;
use std::time::Duration;

/// Number of rounds, whose median is printed, and the least CPU time of each.
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(20);
/// Rows of the batch.
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [student, rows, rest @ ..] = &arguments[..] else { return Err("usage: host_clock STUDENT ROWS".into()) };
    let file = AlignedBytes::from(std::fs::read(student)?.as_slice());
    let student = Student::load(&file).map_err(|error| error.to_string())?;
    let rows: Vec<i8> = std::fs::read(rows)?.iter().map(|&byte| byte as i8).collect();
    let inputs = student.costs().inputs;
    let zero_point = student.metadata().input_zero_point;
    let vectors: Vec<&[i8]> = rows.chunks_exact(inputs).collect();
    let lists: Vec<Vec<u16>> = vectors
        .iter()
        .map(|x| (0u16..).zip(*x).filter(|(_, x)| **x != zero_point).map(|(input, _)| input).collect())
        .collect();
    let batch: Vec<i8> = rows.iter().copied().cycle().take(BATCH * inputs).collect();
    let mut arena = vec![0; student.arena_words().max(student.batch_arena_words())];
    let mut outputs = vec![0i8; BATCH * student.costs().outputs];

    for (x, list) in vectors.iter().zip(&lists) {
        let expected = student.infer_portable(x, &mut arena, |_, _| {}).map_err(|e| e.to_string())?.logits().to_vec();
        let same = student.infer(x, &mut arena).map_err(|e| e.to_string())?.logits() == expected
            && student.infer_present(list, 127, &mut arena).map_or(true, |answer| answer.logits() == expected);
        if !same {
            return Err("integers differ from the portable kernels".into());
        }
    }
    student.infer_batch(&batch, &mut arena, &mut outputs).map_err(|error| error.to_string())?;
    for (x, y) in batch.chunks(inputs).zip(outputs.chunks(student.costs().outputs)) {
        if student.infer_portable(x, &mut arena, |_, _| {}).map_err(|e| e.to_string())?.logits() != y {
            return Err("integers of the batch differ from the portable kernels".into());
        }
    }
    let mut at = 0;
    let single = |arena: &mut [u32], at: &mut usize| {
        *at = (*at + 1) % vectors.len();
        black_box(student.infer(black_box(vectors[*at]), arena).map(|answer| answer.logits()[0])).is_ok()
    };
    let listed = |arena: &mut [u32], at: &mut usize| {
        *at = (*at + 1) % lists.len();
        black_box(student.infer_present(black_box(&lists[*at]), 127, arena).map(|answer| answer.logits()[0])).is_ok()
    };
    let mut all = |arena: &mut [u32]| student.infer_batch(black_box(&batch), arena, black_box(&mut outputs)).is_ok();
    if let [mode, times] = rest {
        for _ in 0..times.parse::<u32>()? {
            match mode.as_str() {
                "single" => single(&mut arena, &mut at),
                "portable" => student.infer_portable(black_box(vectors[0]), &mut arena, |_, _| {}).is_ok(),
                "listed" => listed(&mut arena, &mut at),
                _ => all(&mut arena),
            };
        }
        return Ok(());
    }
    let single_ns = median(|| single(&mut arena, &mut at));
    let listed_ns = lists.iter().all(|list| student.infer_present(list, 127, &mut arena).is_ok());
    let listed_ns = if listed_ns { median(|| listed(&mut arena, &mut at)).to_string() } else { "null".into() };
    let batch_ns = median(|| all(&mut arena)) / BATCH as f64;
    let set = kernels::instruction_set();
    println!(
        "{{\"instruction_set\":\"{set}\",\"single\":{single_ns},\"batch\":{batch_ns},\"listed\":{listed_ns},\"macs\":{}}}",
        student.costs().macs
    );
    Ok(())
}

/// Nanoseconds of one run: the median of the rounds.
fn median(mut run: impl FnMut() -> bool) -> f64 {
    let mut times = 16u32;
    let mut rounds = Vec::new();
    while rounds.len() < ROUNDS {
        let start = ThreadTime::now();
        for _ in 0..times {
            assert!(run(), "an inference failed");
        }
        let took = start.elapsed();
        if took < ROUND {
            times = times.saturating_mul(2);
        } else {
            rounds.push(took.as_nanos() as f64 / f64::from(times));
        }
    }
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
