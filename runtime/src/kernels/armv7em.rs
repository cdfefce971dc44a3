//! Cortex-M4, M7, M33: dual 16-bit multiply-accumulate on pairs of rows.
//!
//! A halfword of weights is `256 · a + b` for two rows a, b at one input. With two inputs per word, `SMLAD` on the raw
//! word adds `256 · Σ x·a + Σ x·b` to S; `SXTB16` leaves the b and a second `SMLAD` adds `Σ x·b` to B. Then
//! `Σ x·a = (S − B) >> 8` in wrapping arithmetic, exact as long as it fits 24 bits, which any 512 int8 products do:
//! 512 · 127 · 128 < 2^23. Longer rows fold the difference into a 32-bit sum every 512 inputs. Three instructions
//! perform four MACs, and one load of x serves four rows.
//!
//! Requantizing uses `SMMUL`: with `e ≤ −2` and `n = −2 − e`, `(acc · m + 2^(30 − e)) >> (31 − e) = (v + 1) >> 1` with
//! `v = acc · m >> 32 >> n`, since the low word cannot carry into the result. For two rows, `SHADD16` adds
//! `1 + 2 · zero point` and halves, which combines the last rounding step with the zero point. Saturating v to 16 bits
//! before that changes no output. See `docs/PROOF.md`, Rounding 5. Other exponents, which real students do not have,
//! shift the sum left before the multiplication instead.

#[cfg(eyas_setting = "size")]
mod size;
#[cfg(not(eyas_setting = "size"))]
mod speed;

use super::thumb::{absent, copy};
use super::{Kernels, Present, Start};
use crate::model::{CoreClass, Layer, Layout};
use core::arch::naked_asm;
#[cfg(eyas_setting = "size")]
use size::dense_rows;
#[cfg(not(eyas_setting = "size"))]
use speed::dense_rows;

/// Kernels of the Armv7E-M instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Armv7em;

impl Kernels for Armv7em {
    type Activation = i16;
    const CLASS: CoreClass = CoreClass::Halfwords;
    const LAYOUT: Layout = Layout::Pairs;

    fn instruction_set() -> &'static str {
        "Armv7E-M DSP"
    }

    fn input<'b>(x: &'b [i8], buffer: &'b mut [u32]) -> &'b [i16] {
        let wide: &mut [i16] = bytemuck::must_cast_slice_mut(buffer);
        if wide.len() >> 2 >= fours(x.len()) {
            // SAFETY: reads all of x, at any address, and writes whole groups, for which there is room.
            unsafe { widen(x.as_ptr(), wide.as_mut_ptr(), x.len()) }
        }
        wide
    }

    fn dense(layer: &Layer<'_>, x: &[i16], y: &mut [i16]) {
        Self::rows(layer, Start::Inputs(x), y);
    }

    /// All rows of a layer. Finished sums are treated as rows without inputs whose biases are the sums.
    #[inline(always)]
    fn rows(layer: &Layer<'_>, start: Start<'_, i16>, y: &mut [i16]) {
        let blocks = fours(layer.outputs.into());
        let parameters = layer.parameters();
        let (biases, x, groups, fits) = match start {
            Start::Inputs(x) => {
                let groups = fours(layer.inputs.into());
                (parameters.cast(), x.as_ptr(), groups, x.len() >> 2 >= groups)
            }
            Start::Sums(sums) => (sums.as_ptr(), core::ptr::null(), 0, sums.len() >> 2 >= blocks),
        };
        if fits && y.len() >> 2 >= blocks && (x.addr() | y.as_ptr().addr()) & 3 == 0 {
            // SAFETY: x holds the groups, y and sums whole blocks of four, x and y start on words, all checked above;
            // that the tensors are what the shape asks for, and start on words, every `Layer` promises.
            unsafe { dense_rows(layer, layer.weights.as_ptr(), x, y.as_mut_ptr(), biases, parameters, groups) }
        }
    }

    fn absent(x: &[i8], zero_point: i8) -> usize {
        absent(x, zero_point)
    }

    fn copy(from: &[i32], to: &mut [i32]) {
        copy(from, to);
    }

    #[inline(never)]
    fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
        let run = layer.column_bytes();
        let (Some(first), Some(sums)) = (present.first(), sums.get_mut(..run)) else { return };
        // 16-bit lanes hold 257 weights; the list is as long as the room for the outputs.
        let mut same = present.len() <= 257;
        for present in present {
            if present.input >= layer.inputs {
                return;
            }
            same &= present.distance == first.distance;
        }
        let distance = if same { first.distance.into() } else { OWN };
        let list = present.as_ptr_range();
        let ends = sums.as_mut_ptr_range();
        // SAFETY: every listed input is below `inputs`, so its run of `run` weights lies in the layer's weights; `sums`
        // has `run` elements, a multiple of four in this layout; both start on words.
        unsafe { add_runs(layer.weights.as_ptr(), run, list.start, list.end, ends.start, ends.end, distance) }
    }

    #[cfg(eyas_setting = "size")]
    fn sum_columns(layer: &Layer<'_>, x: &[i8], sums: &mut [i32]) {
        let ends = x.as_ptr_range();
        let (run, outputs) = (layer.column_bytes(), layer.padded_outputs());
        if run == outputs && x.len() == usize::from(layer.inputs) && sums.len() >= outputs {
            // SAFETY: a run is whole blocks of four, x has as many inputs as there are runs, `sums` room for one.
            unsafe {
                let (weights, biases) = (layer.weights.as_ptr(), layer.parameters().cast());
                size::sum_columns(layer, ends.start, ends.end, sums.as_mut_ptr(), weights, biases);
            }
        }
    }

    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [i16]) {
        Self::rows(layer, Start::Sums(sums), y);
    }
}

/// Blocks of four outputs, or groups of four inputs.
#[inline(always)]
const fn fours(count: usize) -> usize {
    count.wrapping_add(3) >> 2
}

/// Widens bytes to halfwords, each group of four in the order 0, 2, 1, 3.
///
/// # Safety
/// `from` has `count` bytes, `to` room for as many rounded up to whole groups, on a word.
#[unsafe(naked)]
unsafe extern "C" fn widen(from: *const i8, to: *mut i16, count: usize) {
    naked_asm!(
        this_core!(),
        "push {{r4, lr}}",
        "b 21f",
        "2:",
        "ldr r3, [r0], #4",
        "20:",
        "sxtb16 r4, r3",
        "sxtb16 r3, r3, ror #8",
        "strd r4, r3, [r1], #8",
        "21:",
        "subs r2, #4",
        "bhs 2b",
        "3:", // at most three more
        "adds r2, #4",
        "beq 9f",
        "movs r3, #0",
        "30:",
        "subs r2, #1",
        "ldrb r4, [r0, r2]",
        "orr r3, r4, r3, lsl #8",
        "bne 30b",
        "b 20b",
        "9:",
        "pop {{r4, pc}}",
    )
}

/// Marks that each input has its own distance; the distance of a present input is never 0.
const OWN: i32 = 0;

/// Eight sums of inputs with one common distance: two 16-bit lanes per register, one multiplication at the end.
macro_rules! eight_sums {
    () => {
        "cmp r11, #0
        beq 5f
        cmp r12, #32
        blo 5f
        ldr r2, [sp]
        movs r4, #0
        movs r5, #0
        movs r6, #0
        movs r7, #0
        2:
        ldrh r12, [r2], #4
        mla r12, r12, r1, r0
        ldrd r8, r9, [r12]
        sxtab16 r4, r4, r8
        sxtab16 r5, r5, r8, ror #8
        sxtab16 r6, r6, r9
        sxtab16 r7, r7, r9, ror #8
        cmp r2, r3
        bne 2b
        ldm lr, {{r2, r8, r9, r12}}
        smlabb r2, r4, r11, r2
        smlabb r8, r5, r11, r8
        smlatb r9, r4, r11, r9
        smlatb r12, r5, r11, r12
        stm lr!, {{r2, r8, r9, r12}}
        ldm lr, {{r2, r8, r9, r12}}
        smlabb r2, r6, r11, r2
        smlabb r8, r7, r11, r8
        smlatb r9, r6, r11, r9
        smlatb r12, r7, r11, r12
        stm lr!, {{r2, r8, r9, r12}}
        adds r0, #8
        b 1b
        "
    };
}

/// Adds the runs of the listed inputs, each times `distance`, or times its own if that is [`OWN`].
///
/// Registers: r0 weights, r1 run, r2 r3 list, r4 to r7 lanes or sums, r11 distance, r12 bytes of sums left, lr sums.
/// Stack, from `sp`: 0 list, 4 saved registers, 40 sums, 44 their end, 48 distance.
///
/// # Safety
/// As [`Armv7em::add_present`] checks; at most 257 inputs of one distance.
#[unsafe(naked)]
unsafe extern "C" fn add_runs(
    weights: *const i8,
    run: usize,
    present: *const Present,
    present_end: *const Present,
    sums: *mut i32,
    sums_end: *mut i32,
    distance: i32,
) {
    naked_asm!(
        this_core!(),
        "push {{r2, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldr lr, [sp, #40]",
        "1:",
        "ldrd r12, r11, [sp, #44]",
        "subs r12, lr",
        "beq 9f",
        eight_sums!(),
        "5:", // four sums
        "ldr r2, [sp]",
        "ldm lr, {{r4, r5, r6, r7}}",
        "6:",
        "ldr r8, [r2], #4",
        "uxth r9, r8",
        "mla r9, r9, r1, r0",
        "ldr r10, [r9]",
        "sxtb16 r11, r10",
        "sxtb16 r10, r10, ror #8",
        "smlabt r4, r11, r8, r4",
        "smlabt r5, r10, r8, r5",
        "smlatt r6, r11, r8, r6",
        "smlatt r7, r10, r8, r7",
        "cmp r2, r3",
        "bne 6b",
        "stm lr!, {{r4, r5, r6, r7}}",
        "adds r0, #4",
        "b 1b",
        "9:",
        "pop {{r2, r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
    )
}
