//! What a student costs, and what it may cost.

use eyas::model::{CoreClass, Costs};
use serde::{Deserialize, Serialize};

/// What the shipped student costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostMetrics {
    /// Bytes of flash for the file.
    pub file_bytes: usize,
    /// Bytes of weights alone.
    pub weight_bytes: usize,
    /// Weights and biases.
    pub parameters: usize,
    /// Multiply-accumulates of a dense inference.
    pub macs: usize,
    /// Bytes of arena with one-byte activations (portable kernel, Helium, hosts).
    pub arena_bytes: usize,
    /// Bytes of arena on Cortex-M4, M7 and M33.
    pub arena_bytes_cortex_m4: usize,
    /// Bytes of arena on Cortex-M0+ and M3.
    pub arena_bytes_cortex_m0: usize,
}

impl CostMetrics {
    /// The costs of a loaded student.
    #[must_use]
    pub fn of(costs: &Costs) -> Self {
        Self {
            file_bytes: costs.file_bytes,
            weight_bytes: costs.weight_bytes,
            parameters: costs.parameters,
            macs: costs.macs,
            arena_bytes: costs.arena_bytes(CoreClass::Bytes),
            arena_bytes_cortex_m4: costs.arena_bytes(CoreClass::Halfwords),
            arena_bytes_cortex_m0: costs.arena_bytes(CoreClass::Words),
        }
    }
}

/// What the student may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Bytes of flash.
    pub flash: Option<usize>,
    /// Bytes of arena, on the core that takes the most.
    pub ram: Option<usize>,
    /// Multiply-accumulates of a dense inference.
    pub macs: Option<usize>,
}
