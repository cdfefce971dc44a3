//! Puts the student where the compiler finds it, and the board's memory layout where the linker finds it.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The core of each target, as in the names of the sibling folders: `qemu-CORE` holds its memory layout and its
/// machine.
const CORES: [(&str, &str); 5] = [
    ("thumbv6m-none-eabi", "cortex-m0"),
    ("thumbv7m-none-eabi", "cortex-m3"),
    ("thumbv7em-none-eabihf", "cortex-m4"),
    ("thumbv8m.main-none-eabihf", "cortex-m55"),
    ("riscv32imc-unknown-none-elf", "riscv32"),
];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let home = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));

    println!("cargo::rerun-if-env-changed=EYAS_STUDENT");
    let student = match env::var_os("EYAS_STUDENT") {
        Some(path) => PathBuf::from(path),
        None => home.join("../../models/cora/student.eyas"),
    };
    println!("cargo::rerun-if-changed={}", student.display());
    if let Err(error) = fs::copy(&student, out.join("student.eyas")) {
        println!(
            "cargo::error={}: {error}; set EYAS_STUDENT to the absolute path of a student file to build in",
            student.display()
        );
    }

    let target = env::var("TARGET").expect("cargo sets TARGET");
    let names = CORES.map(|(_, core)| format!("\"{core}\"")).join(", ");
    println!("cargo::rustc-check-cfg=cfg(core, values({names}))");
    let Some((_, core)) = CORES.iter().find(|(known, _)| *known == target) else {
        println!("cargo::error=no emulated board for {target}; run cargo in one of the folders firmware/qemu-*");
        return;
    };
    println!("cargo::rustc-cfg=core=\"{core}\"");
    link(&home, &home.join(format!("../qemu-{core}")));
}

fn link(home: &Path, board: &Path) {
    for (folder, script) in [(home, "sections.x"), (board, "memory.x")] {
        println!("cargo::rerun-if-changed={}", folder.join(script).display());
        println!("cargo::rustc-link-arg-bins=-L{}", folder.display());
    }
    println!("cargo::rustc-link-arg-bins=-Tsections.x");
    println!("cargo::rustc-link-arg-bins=--gc-sections");
    println!("cargo::rustc-link-arg-bins=--nmagic");
}
