//! Python environments under `target` with packages pinned by version and hash.
//!
//! `xtask/requirements/NAME.in` lists the packages; `NAME.txt` adds their dependencies and the hashes of all files. The
//! second is generated from the first: `pip-compile --generate-hashes --strip-extras --allow-unsafe NAME.in`.

use super::{first_line, runs};
use crate::{root, tools};
use std::path::PathBuf;
use std::process::Command;

/// One environment, or a part of one.
#[derive(PartialEq, Eq)]
pub struct Environment {
    /// Its path in the repository.
    pub folder: &'static str,
    /// The name of its package list in `xtask/requirements`.
    requirements: &'static str,
}

impl Environment {
    /// ONNX Runtime, whose library comes in its Python wheel, and what its tests need; the tool looks for it here.
    pub const ONNX: Self = Self { folder: "target/onnxruntime-venv", requirements: "onnx" };
    /// Cargo subcommands as prebuilt programs; building them from source takes minutes each.
    pub const TOOLS: Self = Self { folder: "target/tools", requirements: "tools" };
    /// The fuzzer's subcommand, in the same environment.
    pub const FUZZ: Self = Self { folder: "target/tools", requirements: "fuzz" };
    /// The runtimes that `--bench` compares with.
    pub const BENCH: Self = Self { folder: "target/bench-venv", requirements: "bench" };

    /// The packages by name and version, such as `numpy 2.4.6`.
    pub fn pins(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(".in")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once("=="))
            .map(|(name, version)| format!("{name} {version}"))
            .collect()
    }

    /// The packages, if all are there in these versions.
    pub fn found(&self) -> Option<String> {
        let pins = self.pins();
        let script =
            "import importlib.metadata as m, sys; print(*(f'{p} {m.version(p)}' for p in sys.argv[1:]), sep=', ')";
        let names = pins.iter().filter_map(|pin| pin.split(' ').next());
        let found = first_line(Command::new(self.bin("python")).args(["-c", script]).args(names))?;
        (found == pins.join(", ")).then_some(found)
    }

    /// Creates the environment or its missing parts; tools without a package for this machine are built from source.
    pub fn make(&self) -> bool {
        let pip = ["install", "--disable-pip-version-check", "--quiet", "--require-hashes", "-r"];
        let made = runs(Command::new("python3").args(["-m", "venv"]).arg(root().join(self.folder)))
            && runs(Command::new(self.bin("pip")).args(pip).arg(self.path(".txt")));
        let crates = self.crates();
        let from_source = || {
            let mut cargo = Command::new(env!("CARGO"));
            runs(cargo.args(["install", "--locked", "--root"]).arg(root().join(self.folder)).args(&crates))
        };
        made || (!crates.is_empty() && from_source())
    }

    /// The same as commands to type.
    pub fn by_hand(&self) -> String {
        let Self { folder, requirements } = self;
        match self.crates() {
            crates if !crates.is_empty() => format!("cargo install --locked --root {folder} {}", crates.join(" ")),
            _ => format!(
                "python3 -m venv {folder} && \
                 {folder}/bin/pip install --require-hashes -r xtask/requirements/{requirements}.txt"
            ),
        }
    }

    /// The packages that hold tools, under their names in `cargo install`.
    fn crates(&self) -> Vec<String> {
        self.pins().iter().filter_map(|pin| tools::of_package(pin)).collect()
    }

    fn path(&self, ending: &str) -> PathBuf {
        root().join("xtask/requirements").join(format!("{}{ending}", self.requirements))
    }

    /// A program in it.
    pub fn bin(&self, program: &str) -> PathBuf {
        root().join(self.folder).join("bin").join(program)
    }
}
