//! The meaning of the last layer: a label with its margin, or a value with its scale.

/// The last layer's integers of one inference, borrowed from the arena.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer<'a> {
    pub(crate) logits: &'a [i8],
    pub(crate) scale: f32,
    pub(crate) zero_point: i8,
}

/// The winning label and how far ahead it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Decision {
    /// Index of the largest logit; the lowest index wins a tie.
    pub label: u16,
    /// Largest minus second largest logit in integer steps, 0 for a tie.
    ///
    /// One step is the output scale, the same for all labels, so margins can be compared.
    pub margin: u8,
}

/// One predicted real quantity in its integer form: `(value − zero_point) · scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Quantity {
    /// The integer the network computed.
    pub value: i8,
    /// Integer that stands for 0.0.
    pub zero_point: i8,
    /// Real size of one integer step, in the unit of the quantity.
    pub scale: f32,
}

impl Quantity {
    /// The real value. This is the only float operation after an inference, and it is optional.
    #[must_use]
    pub fn real(self) -> f32 {
        let steps = i16::from(self.value).wrapping_sub(i16::from(self.zero_point));
        f32::from(steps) * self.scale
    }
}

impl<'a> Answer<'a> {
    /// The integers of the last layer, one for each output.
    #[must_use]
    pub const fn logits(&self) -> &'a [i8] {
        self.logits
    }

    /// The winning label and its margin. Takes one pass; the number of instructions does not depend on the values.
    #[must_use]
    #[inline(never)]
    pub fn decision(&self) -> Decision {
        // Each key has the logit in its high half and the inverted index in its low half: the largest key is the
        // largest logit, and the lowest index wins.
        let mut best = NO_LOGIT;
        let mut second = NO_LOGIT;
        for (index, &logit) in (0u16..).zip(self.logits) {
            let key = (i32::from(logit) << 16) | i32::from(!index);
            let (larger, smaller) = ordered(best, key);
            best = larger;
            second = ordered(second, smaller).0;
        }
        // A single output has no rival; its margin saturates.
        let margin = ordered((best >> 16).wrapping_sub(second >> 16), 255).1;
        Decision { label: !(best as u16), margin: margin as u8 }
    }

    /// The value of output `index` with its scale; `None` past the last output.
    #[must_use]
    pub fn quantity(&self, index: usize) -> Option<Quantity> {
        self.logits.get(index).map(|&value| Quantity { value, zero_point: self.zero_point, scale: self.scale })
    }
}

/// Smaller than every key.
const NO_LOGIT: i32 = -1024 << 16;

/// The larger and the smaller of two numbers less than 2^31 apart, without a branch.
#[inline(always)]
fn ordered(a: i32, b: i32) -> (i32, i32) {
    let difference = a.wrapping_sub(b);
    let below = difference & opaque(difference >> 31);
    (a.wrapping_sub(below), b.wrapping_add(below))
}

/// Hides a mask from the compiler on cores without conditional instructions, where it would become a branch.
#[inline(always)]
fn opaque(mask: i32) -> i32 {
    if cfg!(any(eyas_kernels = "armv6m", eyas_kernels = "helium", eyas_kernels = "rv32im")) {
        core::hint::black_box(mask)
    } else {
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(logits: &[i8]) -> Decision {
        Answer { logits, scale: 1.0, zero_point: 0 }.decision()
    }

    #[test]
    fn ties_go_to_the_lowest_index() {
        assert_eq!(decide(&[3, 9, 9]), Decision { label: 1, margin: 0 });
        assert_eq!(decide(&[-128, -128]), Decision { label: 0, margin: 0 });
        assert_eq!(decide(&[127, -128]), Decision { label: 0, margin: 255 });
        assert_eq!(decide(&[-5, 2, 7, 1]), Decision { label: 2, margin: 5 });
        assert_eq!(decide(&[7, 2, -7]), Decision { label: 0, margin: 5 });
    }

    #[test]
    fn a_quantity_is_its_distance_from_the_zero_point() {
        let answer = Answer { logits: &[127, -128], scale: 0.5, zero_point: -128 };
        assert_eq!(answer.quantity(0).map(Quantity::real), Some(127.5));
        assert_eq!(answer.quantity(1).map(Quantity::real), Some(0.0));
        assert_eq!(answer.quantity(2), None);
    }
}
