//! The boards that QEMU emulates, one for each core.

use eyas::{CoreClass, Layout};

/// One emulated board with its core. `firmware/qemu-NAME` holds its settings for cargo and the linker.
#[derive(Debug, PartialEq, Eq)]
pub struct Board {
    /// Its core, as named on command lines.
    pub name: &'static str,
    /// The same in words.
    pub words: &'static str,
    /// The target its image is built for.
    pub target: &'static str,
    /// The order of weights that its kernels read.
    pub layout: Layout,
    /// How its kernels align the arena.
    pub class: CoreClass,
    /// The emulator, to be found on `PATH`.
    pub emulator: &'static str,
    /// The emulator's arguments that name the board.
    pub machine: &'static [&'static str],
    /// Memory that no image links to.
    pub spare_memory: u32,
}

/// One instruction takes 128 ns of virtual time, with which the images count instructions; there is no display.
pub const BATCH: [&str; 8] =
    ["-icount", "shift=7,sleep=off", "-display", "none", "-monitor", "none", "-serial", "none"];

/// All of them.
pub const BOARDS: [&Board; 5] = [&CORTEX_M4, &CORTEX_M0, &CORTEX_M3, &CORTEX_M55, &RISCV32];

/// A core with dual multiply (DSP).
pub const CORTEX_M4: Board = Board {
    name: "cortex-m4",
    words: "Cortex-M4",
    target: "thumbv7em-none-eabihf",
    layout: Layout::Pairs,
    class: CoreClass::Halfwords,
    emulator: "qemu-system-arm",
    machine: &["-M", "mps2-an386", "-cpu", "cortex-m4"],
    spare_memory: 0x2100_0000,
};

/// The smallest core: unlike larger ones, it faults on every unaligned access. The board has more memory than real
/// chips, so that larger students fit.
pub const CORTEX_M0: Board = Board {
    name: "cortex-m0",
    words: "Cortex-M0",
    target: "thumbv6m-none-eabi",
    layout: Layout::Quads,
    class: CoreClass::Words,
    emulator: "qemu-system-arm",
    machine: &[
        "-M",
        "microbit",
        "-global",
        "nrf51-soc.flash-size=0x400000",
        "-global",
        "nrf51-soc.sram-size=0x2000000",
    ],
    spare_memory: 0x2100_0000,
};

/// A core with long multiply, but without dual multiply.
pub const CORTEX_M3: Board = Board {
    name: "cortex-m3",
    words: "Cortex-M3",
    target: "thumbv7m-none-eabi",
    layout: Layout::Quads,
    class: CoreClass::Words,
    emulator: "qemu-system-arm",
    machine: &["-M", "mps2-an385", "-cpu", "cortex-m3"],
    spare_memory: 0x2100_0000,
};

/// A core with vectors (Helium).
pub const CORTEX_M55: Board = Board {
    name: "cortex-m55",
    words: "Cortex-M55",
    target: "thumbv8m.main-none-eabihf",
    layout: Layout::Lanes,
    class: CoreClass::Bytes,
    emulator: "qemu-system-arm",
    machine: &["-M", "mps3-an547"],
    spare_memory: 0x6000_0000,
};

/// A core without SIMD multiply.
pub const RISCV32: Board = Board {
    name: "riscv32",
    words: "RV32IMC",
    target: "riscv32imc-unknown-none-elf",
    layout: Layout::Fours,
    class: CoreClass::Bytes,
    emulator: "qemu-system-riscv32",
    machine: &["-M", "virt", "-bios", "none"],
    spare_memory: 0x8100_0000,
};

impl Board {
    /// The folder in `firmware` with its memory, its target and its machine.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("qemu-{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH, BOARDS};
    use std::fs;
    use std::path::Path;

    #[test]
    fn an_image_run_by_hand_runs_on_the_same_machine() {
        for board in BOARDS {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware").join(board.folder());
            assert!(path.join("memory.x").is_file(), "{}", path.display());
            let config = fs::read_to_string(path.join(".cargo/config.toml")).expect("the settings of cargo");
            assert!(config.contains(&format!("target = \"{}\"\n", board.target)), "{}", board.name);
            let runner = config.split("\"\"\"").nth(1).expect("a runner").replace('\\', "");
            let semihosting = ["-semihosting-config", "enable=on,target=native", "-kernel"];
            let machine = std::iter::once(board.emulator).chain(board.machine.iter().copied());
            let expected = machine.chain(BATCH).chain(semihosting);
            assert!(runner.split_whitespace().eq(expected), "{}: {runner}", board.name);
        }
    }
}
