//! x86-64: AVX-512 VNNI, AVX-VNNI or AVX2, the best that the machine has; plain Rust if it has none of them.
//!
//! No instruction here saturates. `VPDPBUSD` and `VPMADDUBSW` multiply an unsigned byte by a signed one:
//! - 512 bits wide the unsigned byte is `w + 128`, so `Σ w·x = Σ (w + 128)·x − 128·Σ x`, the second sum once per layer;
//! - 256 bits wide it is `|x|`, at most 128, and the signed one `w` with the sign of `x`. `load` has checked
//!   `|w| ≤ 127`, so a pair of products is at most 2·128·127 = 32,512 and fits the 16 bits of `VPMADDUBSW`.
//!
//! Files in the canonical layout run as they are. [`Layout::Lanes`] is faster: sixteen inputs of four rows are one
//! vector, weights are one stream, and a row's sum is spread over four lanes instead of sixteen.
//!
//! Requantizing: with `e ≤ −2` and `n = −2 − e`,
//! `(acc · m + 2^(30 − e)) >> (31 − e) = ((acc · m >> 32) + 2^n) >> (n + 1)`, since the low word cannot carry into the
//! result. Other exponents, which real students do not have, use the definition.
//!
//! Sums wrap; `load` has proven that the finished sum fits 32 bits, so intermediate sums may exceed them.

mod avx2;
mod avx2_lanes;
mod avx512;
mod avx512_finish;
mod avx512_lanes;

use super::portable::{self, Portable};
use super::{Kernels, Present};
use crate::model::{CoreClass, Layer, Layout};

/// Kernels of the vector extensions of x86-64.
#[derive(Clone, Copy, Debug)]
pub struct X86;

/// The instruction set of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Level {
    Plain = 1,
    Avx2 = 2,
    AvxVnni = 3,
    Avx512Vnni = 4,
}

impl Level {
    /// The machine's level: detected once, then one load.
    #[cfg(feature = "std")]
    #[inline]
    fn find() -> Self {
        use core::sync::atomic::{AtomicU8, Ordering};
        static FOUND: AtomicU8 = AtomicU8::new(0);
        #[cold]
        fn ask() -> Level {
            let avx512 = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512vl")
                && std::arch::is_x86_feature_detected!("avx512vnni");
            let avx2 = std::arch::is_x86_feature_detected!("avx2");
            let level = match (avx512, avx2) {
                (true, true) => Level::Avx512Vnni,
                (_, true) if std::arch::is_x86_feature_detected!("avxvnni") => Level::AvxVnni,
                (_, true) => Level::Avx2,
                _ => Level::Plain,
            };
            FOUND.store(level as u8, Ordering::Relaxed);
            level
        }
        match FOUND.load(Ordering::Relaxed) {
            4 => Self::Avx512Vnni,
            3 => Self::AvxVnni,
            2 => Self::Avx2,
            1 => Self::Plain,
            _ => ask(),
        }
    }

    /// The level that the compiler flags guarantee.
    #[cfg(not(feature = "std"))]
    #[inline]
    const fn find() -> Self {
        if cfg!(all(
            target_feature = "avx512f",
            target_feature = "avx512bw",
            target_feature = "avx512vl",
            target_feature = "avx512vnni"
        )) {
            Self::Avx512Vnni
        } else if cfg!(all(target_feature = "avx2", target_feature = "avxvnni")) {
            Self::AvxVnni
        } else if cfg!(target_feature = "avx2") {
            Self::Avx2
        } else {
            Self::Plain
        }
    }
}

impl Kernels for X86 {
    type Activation = i8;
    const CLASS: CoreClass = CoreClass::Bytes;
    const LAYOUT: Layout = Layout::Lanes;

    fn reads(layout: Layout) -> bool {
        matches!(layout, Layout::Lanes | Layout::Canonical)
    }

    fn instruction_set() -> &'static str {
        match Level::find() {
            Level::Plain => "plain x86-64",
            Level::Avx2 => "AVX2",
            Level::AvxVnni => "AVX-VNNI",
            Level::Avx512Vnni => "AVX-512 VNNI",
        }
    }

    fn input<'b>(x: &'b [i8], _: &'b mut [u32]) -> &'b [i8] {
        x
    }

    fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
        dense_rows(Level::find(), layer, x, x.len(), y, y.len(), 1);
    }

    fn dense_batch(layer: &Layer<'_>, x: &[i8], x_step: usize, y: &mut [i8], y_step: usize, rows: usize) {
        dense_rows(Level::find(), layer, x, x_step, y, y_step, rows);
    }

    fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
        match Level::find() {
            // SAFETY: the machine has AVX-512 F and BW.
            Level::Avx512Vnni => unsafe { avx512::add_present(layer, present, sums) },
            // SAFETY: the machine has AVX2.
            Level::Avx2 | Level::AvxVnni => unsafe { avx2::add_present(layer, present, sums) },
            Level::Plain => portable::add_present(layer, present, sums),
        }
    }

    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [i8]) {
        let Some(ends) = Ends::new(layer) else { return };
        let outputs = usize::from(layer.outputs);
        match Level::find() {
            // SAFETY: the machine has AVX-512 F, BW and VL.
            Level::Avx512Vnni => unsafe { avx512::requantize_sums(&ends, outputs, sums, y) },
            // SAFETY: the machine has AVX2.
            Level::Avx2 | Level::AvxVnni => unsafe { avx2::requantize_sums(&ends, outputs, sums, y) },
            Level::Plain => portable::requantize_sums::<Portable>(layer, sums, y),
        }
    }
}

/// `rows` inputs, `x_step` apart, through one layer; outputs `y_step` apart.
fn dense_rows(level: Level, layer: &Layer<'_>, x: &[i8], x_step: usize, y: &mut [i8], y_step: usize, rows: usize) {
    let inputs = usize::from(layer.inputs);
    let Some(ends) = Ends::new(layer).filter(|_| inputs != 0 && x_step >= inputs) else { return };
    match level {
        // SAFETY: the machine has AVX-512 F, BW, VL and VNNI.
        Level::Avx512Vnni => unsafe { avx512::dense(layer, &ends, x, x_step, y, y_step, rows) },
        // SAFETY: the machine has AVX2 and AVX-VNNI.
        Level::AvxVnni => unsafe { avx2::dense_vnni(layer, &ends, x, x_step, y, y_step, rows) },
        // SAFETY: the machine has AVX2.
        Level::Avx2 => unsafe { avx2::dense(layer, &ends, x, x_step, y, y_step, rows) },
        Level::Plain => {
            for (x, y) in x.chunks(x_step).zip(y.chunks_mut(y_step.max(1))).take(rows) {
                if matches!(layer.layout, Layout::Canonical) {
                    Portable::dense(layer, x, y);
                } else {
                    portable::dense::<Portable>(layer, x, y);
                }
            }
        }
    }
}

/// The parameters applied to finished sums, as slices.
#[derive(Clone, Copy)]
struct Ends<'a> {
    biases: &'a [i32],
    mantissas: &'a [i32],
    exponents: &'a [i8],
    range: crate::quant::OutputRange,
}

impl<'a> Ends<'a> {
    /// `None` unless words are aligned, which `load` has checked.
    #[inline]
    fn new(layer: &Layer<'a>) -> Option<Self> {
        let (biases, mantissas, exponents) = layer.parameter_tables()?;
        Some(Self { biases, mantissas, exponents, range: layer.range })
    }
}

/// The definition, for a vector with an exponent above −2.
#[cold]
#[inline(never)]
fn by_definition(ends: &Ends<'_>, first: usize, sums: &[i32], y: &mut [i8]) {
    let channels = ends.mantissas.iter().zip(ends.exponents).skip(first);
    for ((&acc, (&mantissa, &exponent)), y) in sums.iter().zip(channels).zip(y) {
        *y = crate::quant::requantize(acc, crate::quant::Multiplier { mantissa, exponent }, ends.range);
    }
}

/// Largest number of present inputs whose weights a 16-bit sum holds: 258 · 127 = 32,766.
const SUMMABLE: usize = 258;

/// Adds the runs of weights of the present inputs, `LANES` outputs at a time in 16 bits if all distances are equal.
///
/// Plain Rust, inlined into functions with wide vectors, which the compiler then uses.
#[inline(always)]
fn add_runs<const LANES: usize>(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
    let run = layer.column_bytes();
    let column = |input: u16| {
        let start = usize::from(input).wrapping_mul(run);
        layer.weights.get(start..start.wrapping_add(run)).unwrap_or_default()
    };
    let sums = sums.get_mut(..run).unwrap_or_default();
    for present in present.chunks(SUMMABLE) {
        let Some(&Present { distance, .. }) = present.first() else { return };
        let mut first = 0usize;
        let (whole, rest) = sums.as_chunks_mut::<LANES>();
        let mut left: &mut [i32] = rest;
        let agree = present.iter().all(|one| one.distance == distance);
        if agree {
            for sums in whole {
                let mut acc = [0i16; LANES];
                for &Present { input, .. } in present {
                    let Some(w) = column(input).get(first..).and_then(<[i8]>::first_chunk::<LANES>) else { return };
                    for (acc, &w) in acc.iter_mut().zip(w) {
                        *acc = acc.wrapping_add(w.into());
                    }
                }
                for (sum, &acc) in sums.iter_mut().zip(&acc) {
                    *sum = sum.wrapping_add(i32::from(acc).wrapping_mul(distance.into()));
                }
                first = first.wrapping_add(LANES);
            }
        } else {
            left = sums;
        }
        for &Present { input, distance } in present {
            let w = column(input).get(first..).unwrap_or_default();
            for (sum, &w) in left.iter_mut().zip(w) {
                *sum = sum.wrapping_add(i32::from(w).wrapping_mul(distance.into()));
            }
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
