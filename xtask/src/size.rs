//! `cargo xtask size`: the cost of the runtime on a device in flash, static RAM and stack.

use crate::device::{self, CORTEX_M4, Locations};
use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use eyas_tests::format;
use object::{Object, ObjectSection, SectionKind};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Flash, static RAM and stack of load, self-test and inference on a Cortex-M4, the student's file not counted.
#[derive(clap::Args)]
#[command(after_help = "The smallest firmware with the runtime minus the smallest without, by section.\n\n\
                        Examples:\n  cargo xtask size\n  cargo xtask size --json")]
pub struct Size {
    /// The student to build in: its arena and input determine the static RAM, its layers the stack
    #[arg(long, value_name = "FILE")]
    student: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Bytes of one image by kind of section.
#[derive(Clone, Copy, Default)]
struct Sections {
    code: u64,
    constants: u64,
    static_ram: u64,
}

/// Sizes at one optimisation level.
struct Sized {
    level: &'static str,
    runtime: Sections,
    panics: bool,
}

impl Size {
    /// Runs the command.
    ///
    /// # Errors
    /// Something that the build or the emulated run lacks, or a failure in it.
    pub fn run(&self) -> Result<()> {
        let locations = device::locations(&CORTEX_M4)?;
        let student = self.student.clone().unwrap_or_else(|| format::folder().join("sparse_input.eyas"));
        let student_bytes = fs::metadata(&student).with_context(|| student.display().to_string())?.len();
        let folder = tempfile::tempdir()?;
        let mut sizes = Vec::new();
        for level in ["3", "s"] {
            let settings = [("CARGO_PROFILE_RELEASE_OPT_LEVEL", level)];
            let image = |binary: &str| -> Result<Vec<u8>> {
                let to = folder.path().join(binary);
                Ok(fs::read(device::build(&student, binary, &settings, &locations, &to)?.path)?)
            };
            sizes.push(compare(level, &image("product")?, &image("baseline")?, student_bytes)?);
        }
        let stack = stack(&student, &locations)?;
        if self.json {
            print_json(&sizes, stack)
        } else {
            print_table(&sizes, stack)
        }
        Ok(())
    }
}

/// The sections of `with` beyond those of `without` and beyond the student.
fn compare(level: &'static str, with: &[u8], without: &[u8], student_bytes: u64) -> Result<Sized> {
    let file = object::File::parse(with)?;
    let (with, without) = (sections(&file), sections(&object::File::parse(without)?));
    let runtime = Sections {
        code: with.code.saturating_sub(without.code),
        constants: with.constants.saturating_sub(without.constants + student_bytes),
        static_ram: with.static_ram.saturating_sub(without.static_ram),
    };
    Ok(Sized { level, runtime, panics: mentions_panics(&file) })
}

fn sections(file: &object::File<'_>) -> Sections {
    let mut sum = Sections::default();
    for section in file.sections() {
        match section.kind() {
            SectionKind::Text => sum.code += section.size(),
            SectionKind::ReadOnlyData => sum.constants += section.size(),
            SectionKind::Data | SectionKind::UninitializedData => sum.static_ram += section.size(),
            _ => {}
        }
    }
    sum
}

/// Whether anything in the image can still panic.
fn mentions_panics(file: &object::File<'_>) -> bool {
    use object::ObjectSymbol;
    file.symbols()
        .any(|symbol| symbol.name().is_ok_and(|name| name.contains("panicking") || name.contains("begin_unwind")))
}

/// Stack of inference, self-test and load, measured in the emulator.
fn stack(student: &Path, locations: &Locations) -> Result<[(&'static str, u64); 3]> {
    let run = device::run(student, &[], 1, locations)?;
    Ok([("infer", run.stack_bytes), ("selftest", run.stack_selftest_bytes), ("load", run.stack_load_bytes)])
}

fn print_table(sizes: &[Sized], stack: [(&str, u64); 3]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["opt-level", "code", "constants", "static RAM", "can panic"]);
    for Sized { level, runtime, panics } in sizes {
        let bytes = [runtime.code, runtime.constants, runtime.static_ram].map(|bytes| bytes.to_string());
        let [code, constants, static_ram] = &bytes;
        let panics = if *panics { "yes" } else { "no" };
        table.add_row([*level, code.as_str(), constants.as_str(), static_ram.as_str(), panics]);
    }
    println!("{table}");
    let stack = stack.map(|(under, bytes)| format!("{bytes} {under}"));
    println!("stack at opt-level 3: {}", stack.join(", "));
    println!("Bytes on Cortex-M4F, weights not counted; static RAM is the student's arena and one input.");
}

fn print_json(sizes: &[Sized], stack: [(&str, u64); 3]) {
    let sizes = sizes.iter().map(|Sized { level, runtime, panics }| {
        json!({
            "opt_level": level,
            "code_bytes": runtime.code,
            "constant_bytes": runtime.constants,
            "static_ram_bytes": runtime.static_ram,
            "can_panic": panics,
        })
    });
    let stack: serde_json::Map<_, _> = stack.into_iter().map(|(under, bytes)| (under.into(), bytes.into())).collect();
    println!("{:#}", json!({ "core": "cortex-m4", "runtime": sizes.collect::<Vec<_>>(), "stack_bytes": stack }));
}
