//! The committed student files of every format version load, pass their self-test and equal the writer's output.

use eyas::{AlignedBytes, SelftestError, Student};
use eyas_tests::format::{self, hostile};

#[test]
fn every_committed_file_loads_and_tests_itself() {
    for file in format::files() {
        let bytes = std::fs::read(file.path()).expect("cargo xtask golden --overwrite makes it");
        let bytes = AlignedBytes::from(bytes.as_slice());
        let student = Student::load(&bytes).unwrap_or_else(|error| panic!("{}: {error}", file.name));
        let mut input = vec![0; usize::from(student.metadata().inputs)];
        let mut arena = vec![0; student.arena_words()];
        match student.selftest(&mut input, &mut arena) {
            Ok(report) => assert_eq!(usize::from(report.vectors), file.draft.golden, "{}", file.name),
            Err(SelftestError::NoVectors) => assert_eq!(file.draft.golden, 0, "{}", file.name),
            Err(error) => panic!("{}: {error}", file.name),
        }
    }
}

#[test]
fn the_writer_still_makes_the_committed_bytes() {
    for file in format::files() {
        let committed = std::fs::read(file.path()).expect("cargo xtask golden --overwrite makes it");
        assert!(committed == *file.bytes(), "{} changed; see `cargo xtask golden`", file.name);
    }
}

#[test]
fn no_committed_file_is_without_a_generator() {
    let known: Vec<_> = format::files().iter().map(|file| file.path()).collect();
    for entry in std::fs::read_dir(format::folder()).expect("the folder is committed") {
        let path = entry.expect("a readable entry").path();
        assert!(known.contains(&path), "{} has no generator", path.display());
    }
}

#[test]
fn the_outputs_of_generated_students_are_not_all_clamped() {
    for shape in eyas_tests::shapes::measured() {
        let bytes = shape.draft.file();
        let student = Student::load(&bytes).expect("a generated student loads");
        let mut arena = vec![0; student.arena_words()];
        for row in shape.draft.rows(3) {
            let answer = student.infer(&row, &mut arena).expect("the row fits");
            let inside = answer.logits().iter().filter(|&&logit| logit > -128 && logit < 127).count();
            assert!(2 * inside >= answer.logits().len(), "{}: {:?}", shape.name, answer.logits());
        }
    }
}

#[test]
fn every_hostile_file_gives_its_own_error() {
    for file in hostile::files() {
        let committed = std::fs::read(file.path()).expect("cargo xtask golden --overwrite makes it");
        assert!(committed == file.bytes, "{} changed; see `cargo xtask golden`", file.name);
        let said = Student::load(&AlignedBytes::from(committed.as_slice())).err();
        assert_eq!(said, Some(file.error), "{}: {}", file.name, file.advisories);
    }
    let files = std::fs::read_dir(hostile::folder()).expect("the folder is committed");
    assert_eq!(files.count(), hostile::files().len(), "a file without a generator");
}
