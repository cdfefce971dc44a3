//! Builds the bench images and runs them under QEMU.

use super::students::Prepared;
use crate::device::{BATCH, Board, Toolchain};
use crate::root;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How the images are optimised.
#[derive(Clone, Copy)]
pub enum Profile {
    Speed,
    Size,
    /// cargo's default release settings, without link-time optimisation.
    Untouched,
    /// The same at `opt-level = "s"`.
    UntouchedS,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Size => "small",
            Self::Untouched => "untouched",
            Self::UntouchedS => "untouched-s",
        }
    }
}

/// The figures in one student's line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub wrong: u32,
    pub instructions: Vec<u32>,
    /// Load and infer.
    pub stack: Vec<u32>,
    /// Smallest and largest count over random inputs.
    pub spread: Vec<u32>,
    /// Instructions of a load.
    pub loading: Vec<u32>,
    /// Instructions of `quantize`, for each row.
    pub quantizing: Vec<u32>,
}

/// What to measure for a student; the numbers are the image's.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Measure {
    Nothing = 0,
    Inference = 1,
    Listed = 3,
    Spread = 4,
}

impl Board {
    /// Builds the images, for speed or for size. Returns their folder.
    pub fn build(&self, profile: Profile, every_layout: bool) -> Result<PathBuf> {
        self.build_images(&["bench", "footprint", "baseline"], profile, every_layout)
    }

    /// Builds `images` and returns their folder.
    pub fn build_images(&self, images: &[&str], profile: Profile, every_layout: bool) -> Result<PathBuf> {
        let layouts: &[&str] = if every_layout { &["every-layout"] } else { &[] };
        for image in images {
            let output = self.cargo(image, profile, layouts)?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "the {} image {image} does not build:\n{said}", self.name);
        }
        Ok(target_folder().join(self.target).join(profile.name()))
    }

    /// Whether the smallest image links, which it does only if it cannot reach a panic; `seeded` plants one.
    pub fn links_without_panic(&self, every_layout: bool, seeded: bool) -> Result<bool> {
        let features = [("every-layout", every_layout), ("seeded-panic", seeded)];
        let features: Vec<_> = features.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
        let output = self.cargo("footprint", Profile::Speed, &features)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            ensure!(said.contains("a_panic_is_reachable"), "the {} image does not build:\n{said}", self.name);
        }
        Ok(output.status.success())
    }

    /// Builds one image.
    fn cargo(&self, image: &str, profile: Profile, features: &[&str]) -> Result<Output> {
        let toolchain = Toolchain::find(self.target)?;
        toolchain.check_linker()?;
        let mut cargo = toolchain.cargo_build(&root().join("firmware").join(self.folder()), &target_folder());
        cargo.args(["--quiet", "--bin", image, "--profile", profile.name()]);
        cargo.args(["--no-default-features", "--features", &features.join(",")]);
        // GNU's linker keeps every function that has an entry, so the flag is not used for size measurements.
        if image == "bench" {
            let flags = format!("target.{}.rustflags=['-Zemit-stack-sizes']", self.target);
            cargo.args(["--config", &flags]).env("RUSTC_BOOTSTRAP", "1");
        }
        cargo.output().context("cannot run cargo")
    }

    /// Runs the bench image on `students` and returns its lines.
    pub fn run(&self, image: &Path, students: &[(&Prepared, Measure)]) -> Result<Vec<Line>> {
        let mut bundle = Vec::new();
        push_words(&mut bundle, [students.len() as u32, 0, 0, 0]);
        for (student, measure) in students {
            push_words(&mut bundle, [student.file.len() as u32, student.vectors.len() as u32, *measure as u32, 0]);
            push(&mut bundle, &student.file);
            for vector in &student.vectors {
                push(&mut bundle, &vector.x.iter().map(|&x| x as u8).collect::<Vec<_>>());
                push(&mut bundle, &vector.outputs.iter().map(|&y| y as u8).collect::<Vec<_>>());
            }
        }
        self.emulate(image, &bundle, students.len())
    }

    /// Runs an image on a bundle and returns its lines, whose number must be `lines`.
    pub fn emulate(&self, image: &Path, bundle: &[u8], lines: usize) -> Result<Vec<Line>> {
        let path = image.with_extension(format!("{}.bundle", self.name));
        std::fs::write(&path, bundle)?;
        let device = format!("loader,file={},addr={:#x},force-raw=on", path.display(), self.spare_memory);
        let output = Command::new(self.emulator)
            .args(self.machine)
            .args(BATCH)
            .args(["-semihosting-config", "enable=on,target=native", "-device", &device, "-kernel"])
            .arg(image)
            .output()
            .with_context(|| format!("cannot run {}; cargo xtask setup installs it", self.emulator))?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).to_string();
        parse(&text, lines).with_context(|| format!("{} printed:\n{}", self.name, last_lines(&text)))
    }
}

fn target_folder() -> PathBuf {
    root().join("target/bench")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

pub fn push_words(bundle: &mut Vec<u8>, words: [u32; 4]) {
    bundle.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

pub fn push(bundle: &mut Vec<u8>, bytes: &[u8]) {
    bundle.extend(bytes);
    bundle.resize(bundle.len().next_multiple_of(16), 0);
}

/// Reads the lines of an image up to `end`: words, each followed by numbers, such as `student I load 0 wrong N
/// [instructions N...] [stack N...]`, one line for each student.
fn parse(text: &str, students: usize) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for line in text.lines() {
        if line == "end" {
            ensure!(lines.len() == students, "{} of {students} students ran", lines.len());
            return Ok(lines);
        }
        let mut found = Line::default();
        let mut key = "";
        for word in line.split_whitespace() {
            let Ok(number) = word.parse() else {
                key = word;
                continue;
            };
            match key {
                "student" => {}
                "load" => ensure!(number == 0, "a student was refused with code {number}"),
                "wrong" => found.wrong = number,
                "instructions" => found.instructions.push(number),
                "stack" => found.stack.push(number),
                "spread" => found.spread.push(number),
                "loading" => found.loading.push(number),
                "quantizing" => found.quantizing.push(number),
                other => bail!("unknown word {other}"),
            }
        }
        lines.push(found);
    }
    bail!("the image did not reach its end")
}
