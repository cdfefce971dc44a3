//! Requantize for every exponent and every sum, against 128-bit integers. The argument is in `docs/PROOF.md`.
//!
//! All forms are non-decreasing in the sum, since a product with a positive number, an addition and a shift are. Two
//! non-decreasing functions with values in −128..=127 that agree on both sides of every step agree everywhere:
//! for a mantissa and an exponent, testing every step of the clamped result tests every sum.

mod support;

use eyas::quant::{Multiplier, OutputRange, requantize, scale_sum};
use support::{draw, int};

const HALF: i64 = 1 << 30;

/// The formula of `docs/spec/arithmetic.md`, section 3.
fn oracle(acc: i32, m: Multiplier) -> i128 {
    let shift = 31 - i32::from(m.exponent);
    (i128::from(acc) * i128::from(m.mantissa) + (1 << (shift - 1))) >> shift
}

/// The form of the device kernels for exponents of at most −2: the high word of the product, half a unit, a shift.
/// In 32 bits, as on the cores; overflow would panic here.
fn by_high_word(high: i32, m: Multiplier) -> i32 {
    let n = -2 - i32::from(m.exponent);
    (high + (1 << n)) >> (n + 1)
}

/// The same with the shifts of the Armv6-M kernel: first to one extra bit, then by that bit.
fn by_two_shifts(high: i32, m: Multiplier) -> i32 {
    let n = -2 - i32::from(m.exponent);
    ((high >> n) + 1) >> 1
}

/// The form on Armv7E-M for a sum and its zero point: shifts left by `e + 2` if that is above 0, and saturates on the
/// way.
fn by_halves(acc: i32, m: Multiplier, zero_point: i32) -> i32 {
    let shift = i32::from(m.exponent) + 2;
    let v = if shift > 0 {
        high_word(acc.clamp(-(1 << 16), (1 << 16) - 1) << shift.min(14), m.mantissa)
    } else {
        high_word(acc, m.mantissa) >> -shift
    };
    (v.clamp(-(1 << 15), (1 << 15) - 1) + 1 + 2 * zero_point) >> 1
}

/// High word of a 64-bit product: `SMMUL`, `MULH`, `VMULH`.
fn high_word(a: i32, b: i32) -> i32 {
    ((i64::from(a) * i64::from(b)) >> 32) as i32
}

/// The same from halfwords, instruction by instruction as in the Armv6-M kernel; b is positive.
fn high_word_of_halves(a: i32, b: i32) -> i32 {
    let (a_low, a_high) = (a as u32 & 0xffff, a >> 16);
    let (b_low, b_high) = (b as u32 & 0xffff, b as u32 >> 16);
    let lower = (a_low * b_high) + ((a_low * b_low) >> 16);
    let upper = (a_high * b_low as i32) + (lower & 0xffff) as i32;
    a_high * b_high as i32 + (lower >> 16) as i32 + (upper >> 16)
}

/// The smallest sum whose result is at least `y`; `None` outside 32 bits.
fn step(y: i64, m: Multiplier) -> Option<i32> {
    let shift = 31 - i32::from(m.exponent);
    let mantissa = i128::from(m.mantissa);
    // acc · m + half ≥ y · 2^shift, rounded up.
    let smallest = -(-((i128::from(y) << shift) - (1i128 << (shift - 1)))).div_euclid(mantissa);
    i32::try_from(smallest).ok()
}

/// Mantissas at both limits, around powers of two and their sums, and random ones.
fn mantissas() -> Vec<i32> {
    let state = &mut 31;
    let mut all = vec![0x4000_0000, 0x4000_0001, 0x5555_5555, 0x6666_6666, 0x7fff_fffe, i32::MAX];
    for bit in 0..30 {
        all.extend([0x4000_0000 + (1 << bit), i32::MAX - (1 << bit)]);
    }
    all.extend((0..200).map(|_| int(state, HALF, 2 * HALF - 1) as i32));
    all
}

fn multipliers() -> impl Iterator<Item = Multiplier> {
    let exponents = Multiplier::MIN_EXPONENT..=Multiplier::MAX_EXPONENT;
    exponents.flat_map(|exponent| mantissas().into_iter().map(move |mantissa| Multiplier { mantissa, exponent }))
}

/// Sums on both sides of every step that can change an output, for any zero point, and both limits.
fn sums(m: Multiplier) -> impl Iterator<Item = i32> {
    let steps = (-256..=256).filter_map(move |y| step(y, m));
    steps.flat_map(|acc| [acc.saturating_sub(1), acc, acc.saturating_add(1)]).chain([i32::MIN, i32::MAX, 0])
}

#[test]
fn every_step_of_every_exponent() {
    let full = |zero_point| OutputRange { zero_point, lo: -128, hi: 127 };
    let mut tried = 0u64;
    for m in multipliers() {
        for acc in sums(m) {
            let expected = oracle(acc, m);
            assert_eq!(i128::from(scale_sum(acc, m)), expected, "{acc}, {m:?}");
            for zero_point in [-128, -1, 0, 5, 127] {
                let y = (expected + i128::from(zero_point)).clamp(-128, 127);
                assert_eq!(i128::from(requantize(acc, m, full(zero_point))), y, "{acc}, {m:?}");
                let halves = by_halves(acc, m, zero_point.into()).clamp(-128, 127);
                assert_eq!(i128::from(halves), y, "by halves: {acc}, {m:?}");
            }
            if m.exponent <= -2 {
                let high = high_word(acc, m.mantissa);
                assert_eq!(high_word_of_halves(acc, m.mantissa), high, "{acc}, {m:?}");
                assert_eq!(i128::from(by_high_word(high, m)), expected, "by the high word: {acc}, {m:?}");
                assert_eq!(i128::from(by_two_shifts(high, m)), expected, "by two shifts: {acc}, {m:?}");
            }
            tried += 1;
        }
    }
    println!("{tried} sums around every visible step of {} multipliers", multipliers().count());
    assert!(tried > 4_000_000);
}

/// A step is where the result passes y: the sum below it gives less.
#[test]
fn steps_are_where_results_change() {
    let mut steps = 0u64;
    for m in multipliers() {
        for y in -256..=256 {
            let Some(acc) = step(y, m) else { continue };
            assert!(oracle(acc, m) >= y.into());
            assert!(acc == i32::MIN || oracle(acc - 1, m) < y.into(), "{acc}, {m:?}");
            steps += 1;
        }
    }
    assert!(steps > 2_000_000);
}

/// The 64-bit formula equals the 128-bit one: no intermediate leaves 64 bits at the limits, and hence none between
/// them.
#[test]
fn no_intermediate_leaves_64_bits() {
    for exponent in Multiplier::MIN_EXPONENT..=Multiplier::MAX_EXPONENT {
        for acc in [i64::from(i32::MIN), i64::from(i32::MAX)] {
            for mantissa in [HALF, 2 * HALF - 1] {
                let product = acc.checked_mul(mantissa).expect("below 2^62");
                let half = 1i64.checked_shl((30 - i32::from(exponent)) as u32).expect("at most 2^61");
                assert!(product.checked_add(half).is_some(), "{acc}, {mantissa}, {exponent}");
            }
        }
    }
}

/// The product from halfwords equals the long one for all values that a file can produce.
#[test]
fn the_high_word_of_halves_is_the_high_word() {
    let state = &mut 32;
    let ends = [i32::MIN, i32::MIN + 1, -65_537, -65_536, -65_535, -32_768, -1, 0, 1, 0x7fff, 0x8000, 0xffff, 0x1_0000];
    for mantissa in mantissas() {
        let random = (0..2000).map(|_| draw(state) as i32 >> int(state, 0, 31)).collect::<Vec<_>>();
        for acc in ends.into_iter().chain([0x1_0001, 0x7fff_0000, 0x7fff_ffff]).chain(random) {
            assert_eq!(high_word_of_halves(acc, mantissa), high_word(acc, mantissa), "{acc}, {mantissa}");
        }
    }
    // Every sum of 20 bits, and every one whose low 12 are zero.
    for mantissa in [0x4000_0000, 0x5555_5555, 0x6666_6667, i32::MAX] {
        for acc in (-(1 << 19)..1 << 19).chain((i32::MIN >> 12..=i32::MAX >> 12).map(|acc| acc << 12)) {
            assert_eq!(high_word_of_halves(acc, mantissa), high_word(acc, mantissa), "{acc}, {mantissa}");
        }
    }
}
