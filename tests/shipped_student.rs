//! The shipped student: small enough, equal on host and chip, and safe against any change to its file.

use eyas::{AlignedBytes, LoadError, Student};
use eyas_tests::command::{root, stdout};
use eyas_tests::{SplitMix64, reseal};
use eyas_trainer::report::Metrics;
use serde_json::Value;
use std::fs;

fn shipped() -> Vec<u8> {
    fs::read(root().join("models/cora/student.eyas")).expect("the shipped student")
}

/// Loads bytes; if they load, they must run.
fn load_and_run(file: &AlignedBytes) -> Result<(), LoadError> {
    let student = Student::load(file)?;
    let mut arena = vec![0; student.arena_words()];
    let mut x = vec![0; usize::from(student.metadata().inputs)];
    for fill in [-128, 127] {
        x.fill(fill);
        let answer = student.infer(&x, &mut arena).expect("right lengths");
        let _ = answer.decision();
    }
    let _ = student.selftest(&mut x, &mut arena);
    Ok(())
}

#[test]
fn every_truncation_is_refused() {
    let file = shipped();
    for length in 0..file.len() {
        assert!(load_and_run(&AlignedBytes::from(&file[..length])).is_err(), "{length} bytes were accepted");
    }
}

#[test]
fn every_single_bit_flip_is_refused() {
    let mut file = AlignedBytes::from(shipped().as_slice());
    for at in 0..file.len() {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert!(Student::load(&file).is_err(), "bit {bit} of byte {at} was flipped and the file accepted");
            file[at] ^= 1 << bit;
        }
    }
    assert!(Student::load(&file).is_ok());
}

#[test]
fn a_hundred_thousand_resealed_mutations_never_panic() {
    let original = shipped();
    let mut numbers = SplitMix64::new(1);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let mut mutant = original.clone();
        for _ in 0..=numbers.within(0, 2) {
            // Every second change hits the prefix and the metadata, where the checks are.
            let reach = if numbers.within(0, 1) == 0 { 1600 } else { mutant.len() as i64 };
            let at = numbers.within(0, reach - 1) as usize;
            mutant[at] = numbers.within(0, 255) as u8;
        }
        let mut mutant = AlignedBytes::from(mutant.as_slice());
        reseal(&mut mutant);
        match load_and_run(&mutant) {
            Ok(()) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    println!("100000 re-sealed mutations: {accepted} accepted and run, {refused} refused, 0 panics");
    assert!(accepted > 0 && refused > 0);
}

#[test]
fn the_card_the_metrics_and_the_file_tell_the_same() {
    let folder = root().join("models/cora");
    // The run that ships may have been written by a version before: the trainer reads them all.
    let metrics = Metrics::read(&folder).expect("metrics of a known schema");
    let inspected: Value =
        serde_json::from_str(&stdout(&["inspect", "models/cora/student.eyas", "--json"])).expect("JSON");
    assert!(inspected["weight_bytes"].as_u64().expect("a number") <= 24_576);
    assert_eq!(Some(metrics.cost.file_bytes as u64), inspected["file_bytes"].as_u64());
    assert_eq!(Some(metrics.shipped.seed), inspected["seed"].as_u64());
    assert_eq!(Some(metrics.recipe_hash.as_str()), inspected["recipe_hash"].as_str());
    let mean = metrics.mean("student_int8", "accuracy").expect("a number");
    let shipped = metrics.results.iter().find(|row| {
        (&row.split, row.seed) == (&metrics.shipped.split, metrics.shipped.seed)
            && (row.network.as_str(), row.part.as_str(), row.figure.as_str()) == ("student_int8", "test", "accuracy")
    });
    let shipped = shipped.and_then(|row| row.value).expect("its figure");
    assert!(mean > 80.7 && shipped > 80.7, "mean {mean}, shipped {shipped}");
}
