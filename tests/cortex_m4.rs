//! A student gives the same integers on an emulated Cortex-M4 as on the host.

use eyas::{AlignedBytes, Student};
use eyas_tests::{Draft, format, reseal};
use eyas_trainer::verify::cortex_m4::{self, DeviceError, DeviceRun, Locations};
use std::path::Path;

/// Rows replayed on the device.
const ROWS: usize = 12;

fn on_device(bytes: &[u8], rows: &[Vec<i8>]) -> Result<DeviceRun, DeviceError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("student.eyas");
    std::fs::write(&path, bytes).expect("the student is written");
    let outputs = with_student(bytes, |student| student.layers().map(|layer| usize::from(layer.outputs)).sum());
    let locations = cortex_m4::locations().unwrap_or_else(|error| panic!("{error}"));
    cortex_m4::run(&path, rows, outputs, &locations)
}

/// The integers of every layer for every row, by the portable kernels.
fn on_host(bytes: &[u8], rows: &[Vec<i8>]) -> Vec<Vec<i8>> {
    with_student(bytes, |student| {
        let mut arena = vec![0; student.arena_words()];
        let mut integers = |row: &Vec<i8>| {
            let mut all = Vec::new();
            student.infer_portable(row, &mut arena, |_, outputs| all.extend(outputs.iter())).expect("the row fits");
            all
        };
        rows.iter().map(&mut integers).collect()
    })
}

fn with_student<R>(bytes: &[u8], then: impl FnOnce(&Student<'_>) -> R) -> R {
    let bytes = AlignedBytes::from(bytes);
    then(&Student::load(&bytes).expect("the file loads"))
}

fn draft(name: &str) -> Draft {
    format::files().into_iter().find(|file| file.name == name).expect("a known file").draft
}

/// Changes the weight of the first layer that `row` makes count most, and seals the file again.
fn with_one_weight_changed(bytes: &[u8], rows: &[Vec<i8>]) -> Vec<u8> {
    let before = on_host(bytes, rows);
    let weights = with_student(bytes, |student| {
        let layer = student.layers().next().expect("a layer");
        layer.weights.iter().map(|&weight| weight as u8).collect::<Vec<_>>()
    });
    let start = bytes.windows(weights.len()).position(|window| window == weights).expect("the weights are in the file");
    (start..start + weights.len())
        .map(|at| {
            let mut changed = bytes.to_vec();
            changed[at] = if changed[at] as i8 >= 0 { -127i8 as u8 } else { 127 };
            reseal(&mut changed);
            changed
        })
        .find(|changed| on_host(changed, rows) != before)
        .expect("some weight matters")
}

#[test]
fn every_integer_equals_the_hosts() {
    for name in ["sparse_input.eyas", "extremes.eyas"] {
        let draft = draft(name);
        let (bytes, rows) = (draft.file(), draft.rows(ROWS));
        let run = on_device(&bytes, &rows).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(run.outputs, on_host(&bytes, &rows), "{name}");
        assert_eq!(run.golden_vectors, draft.golden as u64, "{name}");
        assert_eq!(run.inferences, ROWS as u64, "{name}");
        let layers: f64 = run.instructions_per_layer.iter().sum();
        assert!((layers - run.instructions_per_inference).abs() < 1e-6, "{name}: the layers make up the whole");
        assert!(run.stack_bytes > 0 && run.stack_bytes < 4096, "{name}: {} bytes of stack", run.stack_bytes);
    }
}

#[test]
fn one_changed_weight_shows() {
    let draft = draft("dense.eyas");
    let rows = draft.rows(ROWS);
    let changed = with_one_weight_changed(&draft.file(), &rows[..1]);
    // The first row is the first golden vector: the device itself finds the difference.
    match on_device(&changed, &rows) {
        Err(DeviceError::Firmware { message, .. }) => {
            assert!(message.contains("self-test: vector 0, layer 0, unit"), "{message}");
        }
        other => panic!("the self-test passed: {other:?}"),
    }
    // Without golden vectors only the host can tell.
    let stripped = Draft { golden: 0, ..draft }.file();
    let changed = with_one_weight_changed(&stripped, &rows);
    let run = on_device(&changed, &rows).expect("the firmware has nothing to compare with");
    assert_eq!(run.golden_values, 0);
    assert_ne!(run.outputs, on_host(&stripped, &rows));
}

#[test]
fn an_emulator_that_runs_nothing_is_no_success() {
    let draft = draft("dense.eyas");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("student.eyas");
    std::fs::write(&path, &*draft.file()).expect("the student is written");
    let idle = |name: &str| (name == "EYAS_QEMU").then(|| "true".into());
    let locations = Locations::find(idle).expect("`true` is on every PATH");
    let run = cortex_m4::run(&path, &draft.rows(ROWS), 8, &locations);
    assert!(matches!(run, Err(DeviceError::Summary { .. })), "{run:?}");
}

#[test]
fn what_is_missing_is_named() {
    let emulator = |name: &str| (name == "EYAS_QEMU").then(|| "/nonexistent".into());
    match Locations::find(emulator) {
        Err(error @ DeviceError::EmulatorMissing { .. }) => {
            assert!(error.to_string().contains("/nonexistent"), "{error}");
            assert!(error.to_string().contains("cargo xtask setup"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let firmware = |name: &str| (name == "EYAS_FIRMWARE").then(|| "/nonexistent".into());
    assert!(matches!(Locations::find(firmware), Err(DeviceError::FirmwareFolderMissing { .. })));
    let locations = cortex_m4::locations().unwrap_or_else(|error| panic!("{error}"));
    let missing = cortex_m4::run(Path::new("/nonexistent.eyas"), &[], 1, &locations);
    assert!(matches!(missing, Err(DeviceError::Student { .. })));
}
