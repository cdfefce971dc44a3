//! What an inference takes on each core: instructions by a formula fitted to the bench, and the bound of the stack.
//!
//! `instructions = a · MACs + b · outputs of all layers + c · layers`, least squares over the four networks m1 to m4 of
//! `budgets.toml`, which it meets within 1 %. Absent inputs make a sparse inference cheaper.

use super::metrics::CostMetrics;

/// One core of the bench.
pub(super) struct Core {
    pub(super) name: &'static str,
    /// Bytes of arena that a student takes on it.
    pub(super) arena: fn(&CostMetrics) -> usize,
    /// Instructions a multiply-accumulate, an output and a layer.
    instructions: [f64; 3],
    /// Bounds of the stack of loading, and of inference and decision, in bytes.
    pub(super) stack: [usize; 2],
    /// Its section of `budgets.toml`.
    #[cfg(test)]
    bench: &'static str,
}

/// The cores, in the order of reports.
pub(super) static CORES: [Core; 5] = [
    Core {
        name: "Cortex-M4, M7, M33",
        arena: |cost| cost.arena_bytes_cortex_m4,
        instructions: [0.926, 14.079, 266.37],
        stack: [480, 304],
        #[cfg(test)]
        bench: "cortex-m4",
    },
    Core {
        name: "Cortex-M0+",
        arena: |cost| cost.arena_bytes_cortex_m0,
        instructions: [3.344, 58.013, 313.347],
        stack: [544, 440],
        #[cfg(test)]
        bench: "cortex-m0",
    },
    Core {
        name: "Cortex-M3",
        arena: |cost| cost.arena_bytes_cortex_m0,
        instructions: [2.345, 34.454, 244.172],
        stack: [480, 408],
        #[cfg(test)]
        bench: "cortex-m3",
    },
    Core {
        name: "Cortex-M55",
        arena: |cost| cost.arena_bytes,
        instructions: [0.158, 7.578, 230.394],
        stack: [512, 352],
        #[cfg(test)]
        bench: "cortex-m55",
    },
    Core {
        name: "RV32IMC",
        arena: |cost| cost.arena_bytes,
        instructions: [3.345, 24.958, 231.923],
        stack: [448, 304],
        #[cfg(test)]
        bench: "riscv32",
    },
];

impl Core {
    /// Instructions of a dense inference with these widths, inputs first.
    pub(super) fn instructions(&self, widths: &[usize]) -> f64 {
        let macs: usize = widths.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let outputs: usize = widths.iter().skip(1).sum();
        let [a, b, c] = self.instructions;
        a * macs as f64 + b * outputs as f64 + c * widths.len().saturating_sub(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula meets what the bench measures, and the stack is the bench's bound.
    #[test]
    fn figures_are_those_of_the_bench() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../budgets.toml");
        let budgets: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let nets: [(&str, &[usize]); 4] =
            [("m1", &[33, 32, 16, 2]), ("m2", &[128, 64, 64, 10]), ("m3", &[561, 128, 64, 6]), ("m4", &[1433, 128, 7])];
        for core in &CORES {
            let measured = budgets["bench"][core.bench].as_table().unwrap();
            let of = |key: &str| measured[key].as_integer().unwrap();
            for (net, widths) in nets {
                let ratio = core.instructions(widths) / of(net) as f64;
                assert!((ratio - 1.0).abs() < 0.01, "{} {net}: {ratio}", core.name);
            }
            let stack = [of("load_stack_bound_bytes"), of("stack_bound_bytes")];
            assert_eq!(core.stack.map(|bytes| bytes as i64), stack, "{}", core.name);
        }
    }
}
