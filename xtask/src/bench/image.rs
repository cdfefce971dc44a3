//! Builds the bench images and runs them under QEMU.

use super::students::Prepared;
use crate::root;
use anyhow::{Context, Result, bail, ensure};
use eyas::{CoreClass, Layout};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One emulated core.
pub struct Core {
    pub name: &'static str,
    pub layout: Layout,
    pub class: CoreClass,
    target: &'static str,
    flags: &'static [&'static str],
    script: &'static str,
    emulator: &'static [&'static str],
    bundle: &'static str,
}

const AN386: &[&str] = &["qemu-system-arm", "-M", "mps2-an386", "-cpu", "cortex-m4"];

/// The cores of the table.
pub const CORES: [Core; 5] = [
    Core {
        name: "cortex-m4",
        layout: Layout::Pairs,
        class: CoreClass::Halfwords,
        target: "thumbv7em-none-eabihf",
        flags: &["-Ctarget-cpu=cortex-m4"],
        script: "an386.x",
        emulator: AN386,
        bundle: "0x21000000",
    },
    // The instruction set is a subset, so the counts of the smaller core are those on this board.
    Core {
        name: "cortex-m0",
        layout: Layout::Quads,
        class: CoreClass::Words,
        target: "thumbv6m-none-eabi",
        flags: &[],
        script: "an386.x",
        emulator: AN386,
        bundle: "0x21000000",
    },
    Core {
        name: "cortex-m3",
        layout: Layout::Quads,
        class: CoreClass::Words,
        target: "thumbv7m-none-eabi",
        flags: &[],
        script: "an386.x",
        emulator: &["qemu-system-arm", "-M", "mps2-an385", "-cpu", "cortex-m3"],
        bundle: "0x21000000",
    },
    Core {
        name: "cortex-m55",
        layout: Layout::Lanes,
        class: CoreClass::Bytes,
        target: "thumbv8m.main-none-eabihf",
        // The core has vectors of floats, but LLVM 22 stops at those in the library's own half floats.
        flags: &["-Ctarget-cpu=cortex-m55", "-Ctarget-feature=-mve.fp", "--cfg=bench_board=\"an547\""],
        script: "an547.x",
        emulator: &["qemu-system-arm", "-M", "mps3-an547"],
        bundle: "0x60000000",
    },
    Core {
        name: "riscv32",
        layout: Layout::Fours,
        class: CoreClass::Bytes,
        target: "riscv32imc-unknown-none-elf",
        flags: &[],
        script: "virt.x",
        emulator: &["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
        bundle: "0x81000000",
    },
];

/// How the images are optimised.
#[derive(Clone, Copy)]
pub enum Profile {
    Speed,
    Size,
    /// cargo's own settings for a release, without link-time optimisation.
    Untouched,
    /// The same at `opt-level = "s"`.
    UntouchedS,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Speed => "release",
            Self::Size => "small",
            Self::Untouched => "untouched",
            Self::UntouchedS => "untouched-s",
        }
    }
}

/// What one student's line says.
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

/// What to measure of a student; the numbers are the image's.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Measure {
    Nothing = 0,
    Inference = 1,
    Listed = 3,
    Spread = 4,
}

impl Core {
    /// Builds the images, for speed or for size. Returns their folder.
    pub fn build(&self, profile: Profile, every_layout: bool) -> Result<PathBuf> {
        self.build_images(&["bench", "footprint", "baseline"], profile, every_layout)
    }

    /// Builds `images` and returns their folder.
    pub fn build_images(&self, images: &[&str], profile: Profile, every_layout: bool) -> Result<PathBuf> {
        for image in images {
            let output = self.rustc(image, profile, every_layout, &[])?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "the {} image {image} does not build:\n{said}", self.name);
        }
        Ok(root().join("target/bench").join(self.target).join(profile.name()))
    }

    /// Whether the smallest image links, which it does only if it cannot reach a panic; `seeded` puts one in.
    pub fn links_without_panic(&self, every_layout: bool, seeded: bool) -> Result<bool> {
        let extra: &[&str] = if seeded { &["--cfg=seeded_panic"] } else { &[] };
        let output = self.rustc("footprint", Profile::Speed, every_layout, extra)?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            ensure!(said.contains("a_panic_is_reachable"), "the {} image does not build:\n{said}", self.name);
        }
        Ok(output.status.success())
    }

    /// Builds one image, with flags for its own crate only.
    fn rustc(&self, image: &str, profile: Profile, every_layout: bool, extra: &[&str]) -> Result<std::process::Output> {
        let folder = root().join("firmware/bench");
        let target_folder = root().join("target/bench");
        let (linker, flavor) = self.linker()?;
        let mut flags: Vec<String> = self.flags.iter().map(ToString::to_string).collect();
        flags.push(format!("-Clinker={linker}"));
        flags.push(format!("-Clinker-flavor={flavor}"));
        flags.push(format!("-Clink-arg=-L{}", folder.join("link").display()));
        flags.push(format!("-Clink-arg=-T{}", self.script));
        flags.push("-Clink-arg=--gc-sections".into());
        // GNU's linker keeps every function that has an entry: not where sizes are measured.
        if image == "bench" {
            flags.push("-Zemit-stack-sizes".into());
        }
        let mut cargo = Command::new("cargo");
        cargo.args(["rustc", "--quiet", "-Zbuild-std=core", "--target", self.target]);
        cargo.args(["--bin", image, "--profile", profile.name(), "--target-dir"]).arg(&target_folder);
        if every_layout {
            cargo.args(["--features", "every-layout"]);
        }
        cargo.current_dir(&folder).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
        // Debian's compiler carries the sources of core; rustup's may not.
        if Path::new("/usr/bin/rustc").exists() {
            cargo.env("RUSTC", "/usr/bin/rustc");
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo.arg("--").args(extra).output().context("cannot run cargo")
    }

    /// GNU's for Arm; the LLVM linker of the Rust toolchain where there is none for the target.
    fn linker(&self) -> Result<(String, &'static str)> {
        if self.target.starts_with("thumb") {
            return Ok(("arm-none-eabi-ld".into(), "ld"));
        }
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).env_remove("RUSTC").output()?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
        let found = std::fs::read_dir(sysroot.join("lib/rustlib"))?
            .filter_map(|entry| Some(entry.ok()?.path().join("bin/rust-lld")))
            .find(|path| path.exists());
        Ok((found.context("rust-lld not found; install a rustup toolchain")?.display().to_string(), "ld.lld"))
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

    /// Runs an image on a bundle and returns its lines, which must be as many as given.
    pub fn emulate(&self, image: &Path, bundle: &[u8], lines: usize) -> Result<Vec<Line>> {
        let path = image.with_extension(format!("{}.bundle", self.name));
        std::fs::write(&path, bundle)?;
        let mut device = String::new();
        write!(device, "loader,file={},addr={},force-raw=on", path.display(), self.bundle)?;
        let (program, arguments) = self.emulator.split_first().context("no emulator")?;
        let output = Command::new(program)
            .args(arguments)
            .args(["-display", "none", "-monitor", "none", "-serial", "none", "-icount", "shift=6,sleep=off"])
            .args(["-semihosting-config", "enable=on,target=native", "-device", &device, "-kernel"])
            .arg(image)
            .output()
            .with_context(|| format!("cannot run {program}; cargo xtask setup installs it"))?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).to_string();
        parse(&text, lines).with_context(|| format!("{} printed:\n{}", self.name, last_lines(&text)))
    }
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
/// [instructions N...] [stack N...]`, one line a student.
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
