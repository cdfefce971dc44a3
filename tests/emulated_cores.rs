//! A student gives the same integers on every emulated core as on the host, and a single wrong integer is reported.

use eyas::{AlignedBytes, Student};
use eyas_tests::command::{eyas, root, stdout};
use eyas_tests::{Draft, format, reseal, skip};
use eyas_trainer::verify::device::{
    self, Board, CORTEX_M0, CORTEX_M3, CORTEX_M4, CORTEX_M55, DeviceError, DeviceRun, Locations, RISCV32,
};
use eyas_trainer::verify::{Comparison, Difference, OnDeviceError, compare_on_device, expected_outputs};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Rows replayed on the device.
const ROWS: usize = 12;
const SHIPPED: &str = "models/cora/student.eyas";

/// Tests every promise on every core.
macro_rules! on_every_core {
    ($($core:ident: $board:ident),*) => {$(
        mod $core {
            use super::$board;

            #[test]
            fn computes_the_hosts_integers() {
                super::the_shipped_student_computes_the_hosts_integers(&$board);
            }

            #[test]
            fn names_a_wrong_integer() {
                super::a_wrong_integer_is_named(&$board);
            }

            #[test]
            fn tests_itself() {
                super::a_changed_weight_fails_the_self_test(&$board);
            }
        }
    )*};
}

on_every_core!(cortex_m0: CORTEX_M0, cortex_m3: CORTEX_M3, cortex_m4: CORTEX_M4, cortex_m55: CORTEX_M55, riscv32: RISCV32);

/// The tools that emulate the board; `None` if this machine lacks something.
fn emulated(board: &'static Board) -> Option<Locations> {
    let found = device::check(board).and_then(|()| device::locations(board));
    found.map_err(|error| skip(format!("{}: {error}", board.name))).ok()
}

fn the_shipped_student_computes_the_hosts_integers(board: &'static Board) {
    if emulated(board).is_none() {
        return;
    }
    let said = stdout(&["verify", SHIPPED, "--target", board.name, "--json"]);
    let verified: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(verified["target"], board.name);
    assert_eq!((verified["rows"].as_u64(), verified["mismatches"].as_u64()), (Some(200), Some(0)), "{said}");
    let bytes = fs::read(root().join(SHIPPED)).expect("the shipped student");
    with_student(&bytes, |student| {
        let outputs: usize = student.layers().map(|layer| usize::from(layer.outputs)).sum();
        let vectors = student.golden_vectors().count();
        assert_eq!(verified["values"].as_u64(), Some(((200 + vectors) * outputs) as u64), "{said}");
        assert_eq!(verified["arena_bytes"].as_u64(), Some(student.costs().arena_bytes(board.class) as u64), "{said}");
    });
    let whole = verified["instructions_per_inference"].as_f64().expect("a count");
    let layers = verified["instructions_per_layer"].as_array().expect("counts");
    let layers: f64 = layers.iter().map(|layer| layer.as_f64().expect("a count")).sum();
    assert!(whole > 1000.0 && (layers - whole).abs() < 1e-6, "the layers make up the whole: {said}");
    let stack = verified["stack_bytes"].as_u64().expect("bytes");
    assert!(stack > 0 && stack < 1024, "{stack} bytes of stack");
}

/// An image whose integers are wrong: its student has a changed weight, and no golden vectors that could reveal it.
fn a_wrong_integer_is_named(board: &'static Board) {
    let Some(locations) = emulated(board) else { return };
    let draft = Draft { golden: 0, ..draft("dense.eyas") };
    let (sound, rows) = (draft.file(), draft.rows(ROWS));
    let file = File::new(&with_one_weight_changed(&sound, &rows));
    let found = with_student(&sound, |student| compare_on_device(&file.path, student, &rows, &locations));
    let (comparison, run) = found.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((run.golden_values, run.inferences), (0, ROWS as u64));

    // The image must have computed what the host computes with the changed weight.
    let changed = fs::read(&file.path).expect("the changed student");
    let mut expected = Comparison::default();
    with_student(&sound, |student| {
        let widths: Vec<usize> = student.layers().map(|layer| usize::from(layer.outputs)).collect();
        for (right, wrong) in on_host(&sound, &rows).iter().zip(&on_host(&changed, &rows)) {
            expected.add(&widths, right, wrong);
        }
    });
    assert_eq!(comparison, expected);
    assert!(comparison.mismatches > 0 && comparison.mismatches < comparison.values);
    let Some(Difference { layer: 0, expected, got, .. }) = comparison.first_difference else {
        panic!("the weight is one of the first layer: {comparison:?}")
    };
    assert_ne!(expected, got);
}

fn a_changed_weight_fails_the_self_test(board: &'static Board) {
    let Some(locations) = emulated(board) else { return };
    let draft = draft("dense.eyas");
    let rows = draft.rows(ROWS);
    // The first row is the first golden vector.
    let changed = with_one_weight_changed(&draft.file(), &rows[..1]);
    let file = File::new(&changed);
    let found = with_student(&changed, |student| compare_on_device(&file.path, student, &rows, &locations));
    let Err(error @ OnDeviceError::Device { source: DeviceError::Firmware { .. }, .. }) = found else {
        panic!("the self-test passed: {found:?}")
    };
    let said = error.to_string();
    assert!(said.starts_with(board.name) && said.contains("self-test: vector 0, layer 0, unit"), "{said}");
}

/// A student file in its own folder.
struct File {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("student.eyas");
        fs::write(&path, bytes).expect("the student is written");
        Self { path, _folder: folder }
    }
}

/// The integers of every layer for every row, by the portable kernels.
fn on_host(bytes: &[u8], rows: &[Vec<i8>]) -> Vec<Vec<i8>> {
    with_student(bytes, |student| expected_outputs(student, rows).expect("the rows fit"))
}

fn with_student<R>(bytes: &[u8], then: impl FnOnce(&Student<'_>) -> R) -> R {
    let bytes = AlignedBytes::from(bytes);
    then(&Student::load(&bytes).expect("the file loads"))
}

fn draft(name: &str) -> Draft {
    format::files().into_iter().find(|file| file.name == name).expect("a known file").draft
}

/// Changes the weight of the first layer on which the rows depend most, and reseals the file.
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
fn files_of_the_format_give_the_hosts_integers() {
    let Some(locations) = emulated(&CORTEX_M4) else { return };
    for name in ["sparse_input.eyas", "extremes.eyas"] {
        let draft = draft(name);
        let (bytes, rows) = (draft.file(), draft.rows(ROWS));
        let outputs = with_student(&bytes, |student| student.layers().map(|layer| usize::from(layer.outputs)).sum());
        let run = device::run(&File::new(&bytes).path, &rows, outputs, &locations);
        let run: DeviceRun = run.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(run.outputs, on_host(&bytes, &rows), "{name}");
        assert_eq!(run.golden_vectors, draft.golden as u64, "{name}");
    }
}

#[test]
#[cfg(unix)]
fn the_command_names_layer_and_unit_of_a_wrong_integer() {
    use std::os::unix::fs::PermissionsExt;

    let Some(locations) = emulated(&RISCV32) else { return };
    let bytes = fs::read(root().join(SHIPPED)).expect("the shipped student");
    let hidden = with_student(&bytes, |student| student.layers().next().map(|layer| usize::from(layer.outputs)));
    // An emulator that changes the second integer of the second layer of the only row in transit.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("emulator");
    let at = hidden.expect("a layer") + 1;
    let qemu = locations.qemu.display();
    // Flipping the sign bit changes every integer.
    let flip = format!(
        "#!/bin/sh\n{qemu} \"$@\" || exit 1\nold=$(od -An -tu1 -j{at} -N1 integers.bin)\n\
         printf \"\\\\$(printf %o $((old ^ 128)))\" | dd of=integers.bin bs=1 seek={at} conv=notrunc 2>/dev/null\n"
    );
    fs::write(&script, flip).expect("written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("made executable");
    let output = eyas()
        .args(["verify", SHIPPED, "--target", "riscv32", "--rows", "1"])
        .env("EYAS_QEMU", &script)
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("row 0, layer 1, unit 1: expected "), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains(" 1 differ"), "{said}");
}

#[test]
fn an_emulator_that_runs_nothing_is_no_success() {
    if emulated(&CORTEX_M4).is_none() {
        return;
    }
    let draft = draft("dense.eyas");
    let idle = |name: &str| (name == "EYAS_QEMU").then(|| "true".into());
    let locations = Locations::find(&CORTEX_M4, idle).expect("`true` is on every PATH");
    let run = device::run(&File::new(&draft.file()).path, &draft.rows(ROWS), 8, &locations);
    assert!(matches!(run, Err(DeviceError::Summary { .. })), "{run:?}");
}

#[test]
fn what_is_missing_is_named() {
    for board in device::BOARDS {
        let emulator = |name: &str| (name == "EYAS_QEMU").then(|| "/nonexistent".into());
        match Locations::find(board, emulator) {
            Err(error @ DeviceError::EmulatorMissing { .. }) => {
                assert!(error.to_string().contains("/nonexistent"), "{error}");
                assert!(error.to_string().contains("cargo xtask setup"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let firmware = |name: &str| (name == "EYAS_FIRMWARE").then(|| "/nonexistent".into());
        assert!(matches!(Locations::find(board, firmware), Err(DeviceError::FirmwareFolderMissing { .. })));
    }
    let Some(locations) = emulated(&CORTEX_M4) else { return };
    let missing = device::run(Path::new("/nonexistent.eyas"), &[], 1, &locations);
    assert!(matches!(missing, Err(DeviceError::Student { .. })));
}
