//! Tests which kernels a build gets, with the build script's function, as a table of targets and flags.

#[path = "../build/choice.rs"]
mod choice;

use choice::{Build, Choice, KERNELS, choose};

/// The choice for a triple and flags in the user's spelling.
fn chosen(triple: &str, flags: &str) -> Choice {
    let flags = flags.replace(' ', "\x1f");
    choose(&Build { triple, flags: &flags, endian: "little", ..Build::default() })
}

#[test]
fn every_target_and_core_has_the_fastest_kernels_it_can_run() {
    let table = [
        // Guaranteed by the triple.
        ("thumbv6m-none-eabi", "", "armv6m"),
        ("thumbv8m.base-none-eabi", "", "armv6m"),
        ("thumbv7m-none-eabi", "", "armv7m"),
        ("thumbv7em-none-eabi", "", "armv7em"),
        ("thumbv7em-none-eabihf", "", "armv7em"),
        ("thumbv7em-nuttx-eabihf", "", "armv7em"),
        ("thumbv8m.main-none-eabi", "", "armv7m"),
        ("thumbv8m.main-none-eabihf", "", "armv7m"),
        // Added or removed by the core.
        ("thumbv8m.main-none-eabi", "-C target-cpu=cortex-m33", "armv7em"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m33", "armv7em"),
        ("thumbv8m.main-none-eabihf", "--codegen target-cpu=cortex-m35p", "armv7em"),
        ("thumbv8m.main-none-eabihf", "--codegen=target-cpu=star-mc1", "armv7em"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m52", "helium"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m55", "helium"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m85", "helium"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=star-mc3", "helium"),
        ("thumbv7m-none-eabi", "-Ctarget-cpu=cortex-m4", "armv7em"),
        ("thumbv7em-none-eabihf", "-Ctarget-cpu=cortex-m3", "armv7m"),
        ("thumbv8m.main-none-eabi", "-Ctarget-cpu=cortex-m23", "armv6m"),
        ("thumbv8m.main-none-eabi", "-Ctarget-cpu=cortex-m99", "armv7m"),
        // The last core wins; features apply after it, in order.
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m55 -Ctarget-cpu=cortex-m33", "armv7em"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-feature=-dsp -Ctarget-cpu=cortex-m33", "armv7m"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m55 -Ctarget-feature=-mve", "armv7em"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m55 -Ctarget-feature=-mve.fp", "helium"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m55 -Ctarget-feature=-dsp", "armv7m"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-feature=+fp-armv8d16sp,+dsp", "armv7em"),
        ("thumbv8m.main-none-eabihf", "-C target-feature=+mve", "helium"),
        ("thumbv8m.main-none-eabihf", "-C target-feature=+mve -C target-feature=-mve", "armv7em"),
        // Core names in other places, which do not choose a core.
        ("thumbv8m.main-none-eabihf", "--cfg board=\"cortex-m55\" -C link-arg=-Tcortex-m33.x", "armv7m"),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=generic", "armv7m"),
        // Thumb, but no microcontroller.
        ("thumbv4t-none-eabi", "", "portable"),
        ("thumbv7a-none-eabihf", "", "portable"),
        ("thumbv7neon-unknown-linux-gnueabihf", "", "portable"),
        ("thumbv8r-none-eabihf", "", "portable"),
    ];
    for (triple, flags, kernels) in table {
        assert_eq!(chosen(triple, flags).kernels, kernels, "{triple} {flags}");
    }
}

#[test]
fn only_a_target_that_leaves_the_core_open_is_open() {
    for triple in ["thumbv8m.main-none-eabi", "thumbv8m.main-none-eabihf", "thumbv8m.main-nuttx-eabi"] {
        for flags in ["", "-Ctarget-cpu=generic", "-Ctarget-cpu=cortex-m99", "-Clink-arg=-Tcortex-m33.x"] {
            assert!(chosen(triple, flags).open, "{triple} {flags}");
        }
        let said =
            ["cpu=cortex-m33", "cpu=cortex-m55", "cpu=cortex-m3", "feature=+dsp", "feature=-dsp", "feature=+mve"];
        for said in said {
            assert!(!chosen(triple, &format!("-Ctarget-{said}")).open, "{triple} {said}");
        }
    }
    for triple in ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "thumbv7em-none-eabi", "thumbv8m.base-none-eabi"] {
        assert!(!chosen(triple, "").open, "{triple}");
    }
    // A custom target, seen by a compiler that shows unstable features.
    let own = Build { triple: "thumbv8m.main-own", features: "dsp,mclass", endian: "little", ..Build::default() };
    assert_eq!(choose(&own), Choice { kernels: "armv7em", core: Some("cortex-m55"), open: false });
}

#[test]
fn the_assembler_is_told_a_core_where_the_triple_does_not_allow_the_instructions() {
    let table = [
        ("thumbv7em-none-eabihf", "", None),
        ("thumbv7em-none-eabihf", "-Ctarget-cpu=cortex-m7", None),
        ("thumbv8m.main-none-eabihf", "", None),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m33 -Ctarget-feature=-dsp", None),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m33", Some("cortex-m33")),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m85", Some("cortex-m85")),
        ("thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m52 -Ctarget-feature=-mve", Some("cortex-m52")),
        ("thumbv8m.main-none-eabihf", "-Ctarget-feature=+dsp", Some("cortex-m55")),
        ("thumbv7m-none-eabi", "-Ctarget-cpu=cortex-m4", Some("cortex-m4")),
        ("thumbv6m-none-eabi", "-Ctarget-cpu=cortex-m3", Some("cortex-m3")),
    ];
    for (triple, flags, core) in table {
        assert_eq!(chosen(triple, flags).core, core, "{triple} {flags}");
    }
}

#[test]
fn other_targets_follow_their_features() {
    let table = [
        ("riscv32imc-unknown-none-elf", "c,m,zca", "little", false, "rv32im"),
        ("riscv32imac-unknown-none-elf", "a,c,m", "little", false, "rv32im"),
        ("riscv32i-unknown-none-elf", "", "little", false, "portable"),
        // Sixteen registers; the kernels use more.
        ("riscv32emc-unknown-none-elf", "c,m", "little", false, "portable"),
        ("riscv64gc-unknown-linux-gnu", "m", "little", true, "portable"),
        ("x86_64-unknown-linux-gnu", "sse2", "little", true, "x86_64"),
        ("x86_64-unknown-linux-gnu", "sse2", "little", false, "portable"),
        ("x86_64-unknown-none", "avx2,sse2", "little", false, "x86_64"),
        ("aarch64-unknown-none", "neon", "little", false, "aarch64"),
        ("aarch64-unknown-none-softfloat", "", "little", false, "portable"),
        ("aarch64_be-unknown-linux-gnu", "neon", "big", true, "portable"),
    ];
    for (triple, features, endian, std, kernels) in table {
        let choice = choose(&Build { triple, features, endian, std, ..Build::default() });
        assert_eq!(choice, Choice { kernels, core: None, open: false }, "{triple} {features}");
        assert!(KERNELS.contains(&kernels));
    }
}
