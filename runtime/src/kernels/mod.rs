//! Inner loops: the only place where `unsafe` is allowed.
//!
//! One file for each instruction set, chosen at compile time by `build.rs`; each implements `Kernels` and
//! equals [`portable`] bit for bit. `tests/kernels_agree.rs` is the common battery; the bench image runs it for kernels
//! that the host cannot run, on the emulated core.

/// First line of assembly that needs more than the triple guarantees: it repeats the core's name.
///
/// The compiler reads the assembly of a module a second time, for its symbols, without its own flags.
#[cfg(any(eyas_kernels = "armv6m", eyas_kernels = "armv7m", eyas_kernels = "armv7em", eyas_kernels = "helium"))]
macro_rules! this_core {
    () => {
        env!("EYAS_THIS_CORE")
    };
}

#[cfg(all(test, feature = "std"))]
mod host_battery;
pub mod portable;
mod present;

#[cfg(eyas_kernels = "aarch64")]
#[allow(unsafe_code)]
mod aarch64;
#[cfg(any(eyas_kernels = "armv6m", eyas_kernels = "armv7m"))]
#[allow(unsafe_code)]
mod armv6m;
#[cfg(eyas_kernels = "armv7em")]
#[allow(unsafe_code)]
mod armv7em;
#[cfg(eyas_kernels = "helium")]
#[allow(unsafe_code)]
mod helium;
#[cfg(eyas_kernels = "rv32im")]
#[allow(unsafe_code)]
mod rv32im;
#[cfg(any(eyas_kernels = "armv6m", eyas_kernels = "armv7m", eyas_kernels = "armv7em"))]
#[allow(unsafe_code)]
mod thumb;
// AVX-512 for functions, stable since then.
#[cfg(eyas_kernels = "x86_64")]
#[clippy::msrv = "1.89"]
#[allow(unsafe_code)]
mod x86_64;

use crate::model::{CoreClass, Layer, Layout};
pub(crate) use present::Present;
pub(crate) use present::{add_all, listed, scan_all};

/// The kernels of this build.
#[cfg(eyas_kernels = "aarch64")]
pub(crate) use aarch64::Aarch64 as Active;
/// The kernels of this build.
#[cfg(any(eyas_kernels = "armv6m", eyas_kernels = "armv7m"))]
pub(crate) use armv6m::Armv6m as Active;
/// The kernels of this build.
#[cfg(eyas_kernels = "armv7em")]
pub(crate) use armv7em::Armv7em as Active;
/// The kernels of this build.
#[cfg(eyas_kernels = "helium")]
pub(crate) use helium::Helium as Active;
/// The kernels of this build.
#[cfg(eyas_kernels = "portable")]
pub(crate) use portable::Portable as Active;
/// The kernels of this build.
#[cfg(eyas_kernels = "rv32im")]
pub(crate) use rv32im::Rv32im as Active;
/// The kernels of this build.
#[cfg(eyas_kernels = "x86_64")]
pub(crate) use x86_64::X86 as Active;

/// Which instructions the kernels of this build use on this machine.
#[must_use]
pub fn instruction_set() -> &'static str {
    Active::instruction_set()
}

/// The starting point for the rows of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a, A> {
    /// The activations of a dense layer's inputs.
    Inputs(&'a [A]),
    /// The finished sums of a sparse-input layer.
    Sums(&'a [i32]),
}

/// The operations that one instruction set supplies.
///
/// Activations lie in the arena in the form of [`Kernels::CLASS`]; unit `i` at [`CoreClass::place`]`(i)`.
/// Outputs are written in whole blocks of four; values past the last output are arbitrary and meet only zero weights.
pub(crate) trait Kernels {
    /// An activation in the arena.
    type Activation: bytemuck::Pod + From<i8> + Into<i32>;
    /// Width and order of the activations.
    const CLASS: CoreClass;
    /// The layout on which these kernels are fastest; layouts that they do not read go to [`portable`].
    const LAYOUT: Layout;

    /// Whether [`Kernels::dense`] takes weights in `layout`.
    #[inline]
    #[must_use]
    fn reads(layout: Layout) -> bool {
        layout as u8 == Self::LAYOUT as u8
    }

    /// Their name; on hosts the best that the machine has.
    fn instruction_set() -> &'static str;

    /// The first layer's input in this form: `x` itself if an activation is a byte, otherwise copied into `buffer`.
    fn input<'b>(x: &'b [i8], buffer: &'b mut [u32]) -> &'b [Self::Activation];

    /// `y[o] = requantize(bias'[o] + Σ_i w[o][i] · x[i])` for weights in a layout that they read.
    ///
    /// # Shapes
    /// - `x`: at least `[inputs]`, in an arena buffer also whole groups of four
    /// - `y`: `[outputs]` in whole blocks of four
    fn dense(layer: &Layer<'_>, x: &[Self::Activation], y: &mut [Self::Activation]);

    /// [`Kernels::dense`] for `rows` inputs, `x_step` activations apart; outputs `y_step` apart.
    ///
    /// # Shapes
    /// - `x`: `[rows][x_step]`, each row as for one input
    /// - `y`: `[rows][y_step]`, each row as for one input
    fn dense_batch(
        layer: &Layer<'_>,
        x: &[Self::Activation],
        x_step: usize,
        y: &mut [Self::Activation],
        y_step: usize,
        rows: usize,
    ) {
        for (x, y) in x.chunks(x_step.max(1)).zip(y.chunks_mut(y_step.max(1))).take(rows) {
            Self::dense(layer, x, y);
        }
    }

    /// How many inputs at the front of `x` are equal to `zero_point`.
    fn absent(x: &[i8], zero_point: i8) -> usize {
        portable::absent(x, zero_point)
    }

    /// Copies whole blocks of four words, as many as both have.
    fn copy(from: &[i32], to: &mut [i32]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = i32::from_le(from);
        }
    }

    /// `sums[o] += Σ_present w[i][o] · distance`, the weights of one input in a run of whole words.
    ///
    /// # Shapes
    /// - `present`: inputs below `layer.inputs`
    /// - `sums`: `[outputs]` in whole blocks of four
    fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
        portable::add_present(layer, present, sums);
    }

    /// `sums[o] = bias[o] + Σ_{x[i] ≠ zero} w[i][o] · (x[i] − zero)` without a list of the present inputs, in less
    /// code. The weights of one input lie in a run of whole words.
    ///
    /// # Shapes
    /// - `x`: `[inputs]`
    /// - `sums`: `[outputs]` in whole blocks of four
    fn sum_columns(layer: &Layer<'_>, x: &[i8], sums: &mut [i32]) {
        Self::copy(layer.biases(), sums);
        let mut columns = layer.weights;
        for &value in x {
            let Some((column, rest)) = columns.split_at_checked(layer.column_bytes()) else { return };
            columns = rest;
            let distance = i32::from(value).wrapping_sub(layer.input_zero_point.into());
            if distance != 0 {
                for (sum, &w) in sums.iter_mut().zip(column) {
                    *sum = sum.wrapping_add(i32::from(w).wrapping_mul(distance));
                }
            }
        }
    }

    /// [`Kernels::dense`] or [`Kernels::requantize_sums`].
    #[inline(always)]
    fn rows(layer: &Layer<'_>, start: Start<'_, Self::Activation>, y: &mut [Self::Activation]) {
        match start {
            Start::Inputs(x) => Self::dense(layer, x, y),
            Start::Sums(sums) => Self::requantize_sums(layer, sums, y),
        }
    }

    /// `y[o] = requantize(sums[o])`.
    ///
    /// # Shapes
    /// - `sums`, `y`: `[outputs]` in whole blocks of four
    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [Self::Activation]) {
        portable::requantize_sums::<Self>(layer, sums, y);
    }
}

/// One dense layer for several inputs, as [`Kernels::dense_batch`], in any layout.
pub(crate) fn dense_batch<K: Kernels>(
    layer: &Layer<'_>,
    x: &[K::Activation],
    x_step: usize,
    y: &mut [K::Activation],
    y_step: usize,
    rows: usize,
) {
    if cfg!(feature = "every-layout") && !K::reads(layer.layout) {
        for (x, y) in x.chunks(x_step.max(1)).zip(y.chunks_mut(y_step.max(1))).take(rows) {
            portable::dense::<K>(layer, x, y);
        }
    } else {
        K::dense_batch(layer, x, x_step, y, y_step, rows);
    }
}

/// One layer: the kernels of `K` in their own layout, the portable ones in any other.
#[inline(always)]
pub(crate) fn rows<K: Kernels>(layer: &Layer<'_>, start: Start<'_, K::Activation>, y: &mut [K::Activation]) {
    match start {
        Start::Inputs(x) if cfg!(feature = "every-layout") && !K::reads(layer.layout) => {
            portable::dense::<K>(layer, x, y)
        }
        start => K::rows(layer, start, y),
    }
}
