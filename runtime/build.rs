//! Selects the kernels for the target with `cfg(eyas_kernels = "…")`, and sets `cfg(eyas_setting = "size")` if the
//! crate is compiled with `opt-level = "z"`. If the target has faster cores than the one that must be assumed,
//! `cfg(eyas_core = "unknown")` makes the crate warn. `EYAS_THIS_CORE` is for the assembler.

#[path = "build/choice.rs"]
mod choice;

use choice::{Build, KERNELS, choose};
use std::env::var;

fn main() {
    let cargo = |name| var(name).unwrap_or_default();
    let build = Build {
        triple: &cargo("TARGET"),
        features: &cargo("CARGO_CFG_TARGET_FEATURE"),
        flags: &cargo("CARGO_ENCODED_RUSTFLAGS"),
        endian: &cargo("CARGO_CFG_TARGET_ENDIAN"),
        std: var("CARGO_FEATURE_STD").is_ok(),
    };
    let choice = choose(&build);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rustc-check-cfg=cfg(eyas_kernels, values(\"{}\"))", KERNELS.join("\", \""));
    println!("cargo::rustc-check-cfg=cfg(eyas_core, values(\"unknown\"))");
    println!("cargo::rustc-check-cfg=cfg(eyas_setting, values(\"size\"))");
    println!("cargo::rustc-cfg=eyas_kernels=\"{}\"", choice.kernels);
    let directive = choice.core.map(|core| format!(".cpu {core}")).unwrap_or_default();
    println!("cargo::rustc-env=EYAS_THIS_CORE={directive}");
    if choice.open {
        println!("cargo::rustc-cfg=eyas_core=\"unknown\"");
    }
    if cargo("OPT_LEVEL") == "z" {
        println!("cargo::rustc-cfg=eyas_setting=\"size\"");
    }
}
