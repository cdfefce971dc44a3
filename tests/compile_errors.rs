//! A file that is damaged, truncated or not a student does not compile, on a host and for Cortex-M4, and the compiler
//! says why.

use eyas::model::{Layout, PREFIX_BYTES, Packing};
use eyas::{AlignedBytes, LoadError, Student};
use eyas_tests::command::root;
use eyas_tests::{SplitMix64, reseal};
use eyas_trainer::verify::device::{CORTEX_M4, Toolchain};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Number of single-bit flips on which the macro's check is tested.
const FLIPS: usize = 1000;

fn shipped() -> Vec<u8> {
    fs::read(root().join("models/har-watch/student.eyas")).expect("the shipped student")
}

/// The sections of a sound file by name; every byte belongs to one of them.
fn sections(file: &[u8]) -> Vec<(String, Range<usize>)> {
    let aligned = AlignedBytes::from(file);
    let student = Student::load(&aligned).expect("a sound file");
    let offset = |part: *const u8| part.addr() - aligned.as_ptr().addr();
    let golden = student.metadata().golden;
    let golden = offset(golden.as_ptr())..offset(golden.as_ptr()) + golden.len();
    let layers: Vec<_> = student.layers().map(|layer| offset(layer.weights.as_ptr().cast())).collect();
    let seal = file.len() - 4;
    let mut sections = vec![
        ("prefix".into(), 0..PREFIX_BYTES),
        ("metadata".into(), PREFIX_BYTES..golden.start),
        ("golden_vectors".into(), golden.clone()),
        ("padding".into(), golden.end..layers[0]),
    ];
    for (index, layer) in student.layers().enumerate() {
        let parameters = layers[index] + layer.weights.len();
        let (gains, _) = student.front_end_tables();
        let front_end = if gains.is_empty() { seal } else { offset(gains.as_ptr().cast()) };
        let end = layers.get(index + 1).copied().unwrap_or(front_end);
        sections.push((format!("weights_{index}"), layers[index]..parameters));
        sections.push((format!("parameters_{index}"), parameters..end));
        if index + 1 == layers.len() {
            sections.push(("front_end".into(), end..seal));
        }
    }
    sections.push(("seal".into(), seal..file.len()));
    sections.retain(|(_, range)| !range.is_empty());
    sections
}

fn flipped(file: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = file.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

fn load_error(file: &[u8]) -> LoadError {
    Student::load(&AlignedBytes::from(file)).expect_err("a damaged file loads")
}

#[test]
fn the_check_of_the_macro_refuses_a_thousand_of_a_thousand_flips_as_load_does() {
    let file = shipped();
    let sections = sections(&file);
    assert_eq!(sections.iter().map(|(_, range)| range.len()).sum::<usize>(), file.len(), "{sections:?}");
    let mut numbers = SplitMix64::new(11);
    let mut refused = 0;
    for (_, range) in sections.iter().cycle().take(FLIPS) {
        let bit = numbers.within(8 * range.start as i64, 8 * range.end as i64 - 1) as usize;
        let flipped = flipped(&file, bit);
        let expected = load_error(&flipped);
        for layout in Layout::ALL {
            let found = Packing::of(&flipped, layout).err();
            assert_eq!(found, Some(expected), "bit {bit} was flipped");
        }
        refused += 1;
    }
    assert_eq!(refused, FLIPS);
    println!("{refused} of {FLIPS} flips over {} sections refused", sections.len());
    assert!(Packing::of(&file, Layout::Canonical).is_ok());
}

/// A file that must not compile, and what the compiler must say.
struct Case {
    name: String,
    bytes: Vec<u8>,
    error: LoadError,
}

impl Case {
    fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let error = load_error(&bytes);
        Self { name: name.into(), bytes, error }
    }
}

/// One flip in each section, a truncated file, one with trailing bytes, files of other kinds, and, with a correct seal,
/// shapes and a weight that no student has.
fn cases() -> Vec<Case> {
    let file = shipped();
    let sections = sections(&file);
    let flip = |(name, range): &(String, Range<usize>)| {
        Case::new(name.clone(), flipped(&file, 4 * (range.start + range.end) + 1))
    };
    let mut cases: Vec<_> = sections.iter().map(flip).collect();
    cases.push(Case::new("cut_short", file[..file.len() / 2].to_vec()));
    cases.push(Case::new("padded", [&file[..], &[0xff; 100]].concat()));
    cases.push(Case::new("empty", Vec::new()));
    cases.push(Case::new("foreign", fs::read(root().join("Cargo.toml")).expect("a file of another kind")));
    let changed = |at: usize, value: u8| {
        let mut changed = file.clone();
        changed[at] = value;
        reseal(&mut changed);
        changed
    };
    cases.push(Case::new("later_version", changed(4, 2)));
    cases.push(Case::new("signed", changed(6, 1)));
    cases.push(Case::new("no_such_task", changed(PREFIX_BYTES, 9)));
    let weights = sections.iter().find(|(name, _)| name == "weights_0").expect("weights").1.clone();
    cases.push(Case::new("no_weight", changed(weights.start, 0x80)));
    assert!(cases.len() >= 6 + 8);
    cases
}

/// A crate that includes the shipped student and `cases`, and uses none of them.
fn write_crate(folder: &Path, cases: &[Case]) {
    let source = folder.join("src");
    fs::create_dir_all(&source).expect("a folder");
    let runtime = root().join("runtime").canonicalize().expect("the runtime");
    let manifest = format!(
        "[package]\nname = \"built-in\"\nedition = \"2024\"\n\n[dependencies]\neyas.path = {:?}\n\n[workspace]\n",
        runtime.display().to_string()
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the versions of the workspace");
    let mut code = String::from("#![no_std]\n#![allow(non_camel_case_types)]\n");
    let sound = [("sound", shipped())];
    let files = sound.iter().map(|(name, bytes)| (*name, bytes));
    for (name, bytes) in files.chain(cases.iter().map(|case| (case.name.as_str(), &case.bytes))) {
        fs::write(source.join(name).with_extension("eyas"), bytes).expect("written");
        code += &format!("eyas::include_student!({name} = \"{name}.eyas\");\n");
    }
    fs::write(source.join("lib.rs"), code).expect("written");
}

/// The crate with the sound student compiles; each of the others is an error with its message.
fn refuse(name: &str, commands: impl Fn(&Path) -> Vec<Command>) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile-errors").join(name);
    let cases = cases();
    write_crate(&folder, &[]);
    for mut command in commands(&folder) {
        let output = command.output().expect("cargo starts");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    write_crate(&folder, &cases);
    for mut command in commands(&folder) {
        let output = command.output().expect("cargo starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{command:?} succeeded");
        assert!(!said.contains("sound.eyas: "), "{said}");
        for Case { name, error, .. } in &cases {
            let sentence = format!("{name}.eyas: {error}\n");
            assert!(said.contains(&sentence), "{command:?} does not say {sentence}{said}");
        }
    }
}

#[test]
fn damage_does_not_compile_on_this_machine() {
    refuse("host", |folder| {
        let cargo = |command| {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.current_dir(folder).args([command, "--target-dir", "target"]);
            cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").env_remove("CARGO_BUILD_TARGET");
            cargo
        };
        vec![cargo("check"), cargo("build")]
    });
}

#[test]
fn damage_does_not_compile_for_a_cortex_m4() {
    let toolchain = Toolchain::find(CORTEX_M4.target).unwrap_or_else(|error| panic!("{error}"));
    refuse("cortex-m4", |folder| vec![toolchain.cargo_build(folder, &folder.join("target"))]);
}
