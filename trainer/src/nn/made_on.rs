//! The kind of machine on which floats were summed: training gives the same bits only on machines of one kind.
//!
//! Our own loops are compiled for several instruction sets, but they add in one order and never fuse a product with a
//! sum, so they give the same bits on all of them. Tensor products fuse if the processor can, and add in as many lanes
//! as it has; `exp` and `ln` come from the C library.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The factors that, besides recipe, data and trainer, determine the bits of a training. Never the name of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeOn {
    /// Architecture of the processor, such as `x86_64`.
    pub architecture: String,
    /// Operating system and C library, such as `linux-gnu`.
    pub system: String,
    /// Instruction sets of the processor by which float kernels are chosen, in the compiler's spelling.
    pub instructions: Vec<String>,
}

impl MadeOn {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let library = if cfg!(target_env = "gnu") {
            "-gnu"
        } else if cfg!(target_env = "musl") {
            "-musl"
        } else if cfg!(target_env = "msvc") {
            "-msvc"
        } else {
            ""
        };
        let (architecture, system) = (std::env::consts::ARCH.to_owned(), std::env::consts::OS.to_owned() + library);
        Self { architecture, system, instructions: instructions() }
    }
}

impl fmt::Display for MadeOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.architecture, self.system)?;
        if self.instructions.is_empty() { Ok(()) } else { write!(f, " with {}", self.instructions.join(", ")) }
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<String> {
    let there = [
        ("sse4.2", std::is_x86_feature_detected!("sse4.2")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    there.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<String> {
    // There is one choice on aarch64 and none elsewhere.
    if cfg!(target_arch = "aarch64") { vec!["neon".to_owned()] } else { Vec::new() }
}
