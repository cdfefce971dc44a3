//! The costs of one inference: instructions in total and for each layer, and stack.

use core::hint::black_box;
use eyas::model::MAX_LAYERS;
use eyas::{Answer, Decision, InferError, Student};
use eyas_firmware_qemu::semihosting::fail;
use eyas_firmware_qemu::{counter, stack};

/// Sums over all measured inferences.
pub struct Totals {
    /// The count of an empty region; see [`counter::start`].
    overhead: u64,
    /// Measured inferences.
    pub inferences: u32,
    /// Instructions of [`Student::infer`].
    pub instructions: u64,
    /// Fewest and most instructions of one inference.
    pub range: (u64, u64),
    /// Instructions of each layer.
    pub layers: [u64; MAX_LAYERS],
    /// Extra instructions of an observed inference, possibly negative: subtracted from `layers`, never part of
    /// `instructions`.
    pub observing: i64,
    /// Instructions of [`Answer::decision`].
    pub decision: u64,
    /// Most bytes of stack one inference used.
    pub stack: u32,
}

impl Totals {
    /// Nothing measured yet.
    pub const fn new(overhead: u64) -> Self {
        Self {
            overhead,
            inferences: 0,
            instructions: 0,
            range: (u64::MAX, 0),
            layers: [0; MAX_LAYERS],
            observing: 0,
            decision: 0,
            stack: 0,
        }
    }
}

/// Runs `x` three times and adds its costs to `totals`.
///
/// The first run counts the plain [`Student::infer`], as a product calls it. The second reads the clock after each
/// layer. Its excess over the first run is the cost of observing, which is divided evenly among the layers and
/// subtracted. The second run is a separate function, which may save more than observing costs; then the excess is
/// negative. The checks before the first layer count towards the first layer, and the work after the last layer towards
/// the last, so that the layers add up to the whole. The third run finds the stack.
pub fn inference(student: &Student<'_>, x: &[i8], arena: &mut [u32], totals: &mut Totals) -> Decision {
    // Whole-program optimisation knows the length of the static input and may specialise a kernel for it in one run and
    // not in the other; after `black_box`, all runs share the general kernels.
    let x = black_box(x);
    let plain = plain(student, x, arena).saturating_sub(totals.overhead);
    totals.instructions += plain;
    totals.range = (totals.range.0.min(plain), totals.range.1.max(plain));

    let mut stamps = [0u32; MAX_LAYERS];
    let (stamped, decision, decision_cost) = stamped(student, x, arena, &mut stamps);
    totals.decision += decision_cost.saturating_sub(totals.overhead);
    let layers = student.metadata().layers.len();
    let observing = stamped.cast_signed() - plain.cast_signed();
    totals.observing += observing;
    let mut before = 0u64;
    for (index, (total, &stamp)) in totals.layers.iter_mut().zip(&stamps).take(layers).enumerate() {
        let until = if index + 1 == layers { stamped } else { counter::instructions(stamp) };
        // Rounded so that the shares of all layers add up to `observing`.
        let share = observing * (index as i64 + 1) / layers as i64 - observing * index as i64 / layers as i64;
        *total += until.saturating_sub(before).saturating_add_signed(-share);
        before = until;
    }

    let (_, stack) = stack::high_water(|| run(student, x, arena).is_ok());
    totals.stack = totals.stack.max(stack);
    totals.inferences += 1;
    decision
}

/// The plain inference, a separate function as in a product.
#[inline(never)]
fn run<'b>(student: &Student<'_>, x: &[i8], arena: &'b mut [u32]) -> Result<Answer<'b>, InferError> {
    student.infer(x, arena)
}

#[inline(never)]
fn plain(student: &Student<'_>, x: &[i8], arena: &mut [u32]) -> u64 {
    let start = counter::now();
    let answer = run(student, x, arena);
    let end = counter::now();
    black_box(&answer);
    counter::instructions(end.wrapping_sub(start))
}

/// Stamps the end of each layer; returns instructions, decision and the decision's own instructions.
#[inline(never)]
fn stamped(student: &Student<'_>, x: &[i8], arena: &mut [u32], stamps: &mut [u32; MAX_LAYERS]) -> (u64, Decision, u64) {
    let start = counter::now();
    let answer = student.infer_observed(x, arena, |layer, _| {
        if let Some(stamp) = stamps.get_mut(layer) {
            *stamp = counter::now().wrapping_sub(start);
        }
    });
    let end = counter::now().wrapping_sub(start);
    let answer = answer.unwrap_or_else(|error| fail(format_args!("inference: {error}")));
    let answer = black_box(answer);
    let start = counter::now();
    let decision = answer.decision();
    let decided = counter::now().wrapping_sub(start);
    (counter::instructions(end), black_box(decision), counter::instructions(decided))
}
