//! Names the kernels for the target, `cfg(eyas_kernels = "…")`, and what they are to be good at,
//! `cfg(eyas_setting = "size")` where the crate is compiled with `opt-level = "z"`.
//!
//! A build script because stable compilers do not show `cfg(target_feature = "dsp")` or `"mve"` for Arm
//! targets. It reads what cargo knows and nothing else: the triple, its features, and the target CPU among the
//! compiler flags.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::rustc-check-cfg=cfg(eyas_kernels, values(\"portable\", \"armv6m\", \"armv7em\", \"helium\", \"rv32im\", \"x86_64\", \"aarch64\"))"
    );
    println!("cargo::rustc-check-cfg=cfg(eyas_setting, values(\"size\"))");
    if var("OPT_LEVEL").is_ok_and(|level| level == "z") {
        println!("cargo::rustc-cfg=eyas_setting=\"size\"");
    }
    println!("cargo::rustc-cfg=eyas_kernels=\"{}\"", kernels());
}

/// The kernel file for this target.
fn kernels() -> &'static str {
    let target = var("TARGET").unwrap_or_default();
    let features = var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let has = |feature: &str| features.split(',').any(|found| found == feature);
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let names = |word: &str| flags.contains(word);
    let m_profile = target.starts_with("thumbv");
    if m_profile && (names("cortex-m52") || names("cortex-m55") || names("cortex-m85") || names("+mve")) {
        "helium"
    } else if target.starts_with("thumbv7em") || (m_profile && (has("dsp") || names("cortex-m33") || names("+dsp"))) {
        "armv7em"
    } else if m_profile {
        "armv6m"
    } else if target.starts_with("riscv32") && has("m") {
        "rv32im"
    } else if target.starts_with("x86_64") && (has("avx2") || var("CARGO_FEATURE_STD").is_ok()) {
        "x86_64"
    } else if target.starts_with("aarch64")
        && has("neon")
        && var("CARGO_CFG_TARGET_ENDIAN").is_ok_and(|e| e == "little")
    {
        "aarch64"
    } else {
        "portable"
    }
}
