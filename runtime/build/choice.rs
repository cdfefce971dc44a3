//! Chooses the kernels that a build can run, from the variables that cargo gives a build script.
//!
//! Stable compilers do not show `cfg(target_feature = "dsp")` or `"mve"` for Arm targets, so this module follows the
//! compiler: the target CPU in the flags decides, or the triple if no CPU is named; then each `target-feature` applies.
//! A core never gets an instruction that it cannot run; the assembler would refuse it too.

/// The facts that cargo gives about a build.
#[derive(Clone, Copy, Debug, Default)]
pub struct Build<'a> {
    /// `TARGET`.
    pub triple: &'a str,
    /// `CARGO_CFG_TARGET_FEATURE`.
    pub features: &'a str,
    /// `CARGO_ENCODED_RUSTFLAGS`: flags with 0x1f between them.
    pub flags: &'a str,
    /// `CARGO_CFG_TARGET_ENDIAN`.
    pub endian: &'a str,
    /// Whether the feature `std` is on, so that the processor can be detected at run time.
    pub std: bool,
}

/// The kernels of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Their file in `src/kernels`, or the core it is compiled for.
    pub kernels: &'static str,
    /// The core to name to the assembler, if the triple alone does not allow the kernels' instructions.
    pub core: Option<&'static str>,
    /// Whether the target has cores that could run faster kernels, and nothing names the core.
    pub open: bool,
}

/// Every answer [`choose`] can give.
pub const KERNELS: [&str; 8] = ["portable", "armv6m", "armv7m", "armv7em", "helium", "rv32im", "x86_64", "aarch64"];

/// Instruction sets of M-profile cores; each includes the ones before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instructions {
    /// Armv6-M, Armv8-M Baseline.
    Baseline,
    /// Armv7-M, Armv8-M Mainline: long multiplication, multiply-accumulate.
    Mainline,
    /// The DSP extension.
    Dsp,
    /// The vector extension, which needs the DSP extension.
    Vectors,
}

/// The instruction set that each triple guarantees. In Armv8-M Mainline both extensions are optional.
const TRIPLES: [(&str, Instructions); 5] = [
    ("thumbv6m-", Instructions::Baseline),
    ("thumbv8m.base-", Instructions::Baseline),
    ("thumbv7m-", Instructions::Mainline),
    ("thumbv7em-", Instructions::Dsp),
    (OPEN, Instructions::Mainline),
];
/// The triples that leave the extensions open.
const OPEN: &str = "thumbv8m.main-";

/// The instruction set that the compiler assumes for the cores it knows. For a core without an extension, the user
/// removes that extension with `target-feature`.
const CORES: [(&str, Instructions); 16] = [
    ("cortex-m0", Instructions::Baseline),
    ("cortex-m0plus", Instructions::Baseline),
    ("cortex-m1", Instructions::Baseline),
    ("sc000", Instructions::Baseline),
    ("cortex-m23", Instructions::Baseline),
    ("cortex-m3", Instructions::Mainline),
    ("sc300", Instructions::Mainline),
    ("cortex-m4", Instructions::Dsp),
    ("cortex-m7", Instructions::Dsp),
    ("cortex-m33", Instructions::Dsp),
    ("cortex-m35p", Instructions::Dsp),
    ("star-mc1", Instructions::Dsp),
    ("cortex-m52", Instructions::Vectors),
    ("cortex-m55", Instructions::Vectors),
    ("cortex-m85", Instructions::Vectors),
    ("star-mc3", Instructions::Vectors),
];

/// The fastest kernels that every core of the build can run.
pub fn choose(build: &Build<'_>) -> Choice {
    let has = |feature: &str| build.features.split(',').any(|found| found == feature);
    if let Some((prefix, guaranteed)) = TRIPLES.iter().find(|(prefix, _)| build.triple.starts_with(prefix)) {
        let (instructions, core) = m_profile(build, *guaranteed);
        let kernels = match instructions {
            Instructions::Baseline => "armv6m",
            Instructions::Mainline => "armv7m",
            Instructions::Dsp => "armv7em",
            Instructions::Vectors => "helium",
        };
        return Choice {
            kernels,
            core: core.filter(|_| instructions > *guaranteed),
            open: *prefix == OPEN && core.is_none(),
        };
    }
    let (riscv32, few_registers) = (build.triple.starts_with("riscv32"), build.triple.starts_with("riscv32e"));
    let kernels = if riscv32 && !few_registers && has("m") {
        "rv32im"
    } else if build.triple.starts_with("x86_64") && (has("avx2") || build.std) {
        "x86_64"
    } else if build.triple.starts_with("aarch64") && has("neon") && build.endian == "little" {
        "aarch64"
    } else {
        "portable"
    };
    Choice { kernels, core: None, open: false }
}

/// The instruction set of an M-profile build, and a core that has it, unless the triple alone decides.
fn m_profile(build: &Build<'_>, guaranteed: Instructions) -> (Instructions, Option<&'static str>) {
    let given = codegen(build.flags, "target-cpu").last();
    let known = given.and_then(|given| CORES.iter().find(|(name, _)| *name == given));
    let (mut instructions, mut core) = known.map_or((guaranteed, None), |(name, has)| (*has, Some(*name)));
    // Nightly compilers show it; a custom target may have it.
    let shown = build.features.split(',').filter(|feature| *feature == "dsp").map(|_| "+dsp");
    let given = codegen(build.flags, "target-feature").flat_map(|list| list.split(','));
    for feature in shown.chain(given) {
        instructions = match feature {
            "+dsp" => instructions.max(Instructions::Dsp),
            "-dsp" => instructions.min(Instructions::Mainline),
            "+mve" | "+mve.fp" => Instructions::Vectors,
            "-mve" => instructions.min(Instructions::Dsp),
            _ => continue,
        };
        // One that has all of them.
        core = core.or(Some("cortex-m55"));
    }
    (instructions, core)
}

/// The values of one code generation option, in order: `-C name=value`, `-Cname=value`, `--codegen name=value`.
fn codegen<'a>(flags: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut option = false;
    flags.split('\x1f').filter_map(move |flag| {
        let after = core::mem::replace(&mut option, flag == "-C" || flag == "--codegen");
        let value = if after { flag } else { flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen="))? };
        value.strip_prefix(name)?.strip_prefix('=')
    })
}
