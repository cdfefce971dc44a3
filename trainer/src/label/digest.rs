//! A digest over rows that does not depend on their order.
//!
//! Every row is mixed to 128 bits from its number and the bits of its logits; the digest is the sum of all rows. Parts can
//! then be computed in any order and on any machine, and the digest of the table is the sum of theirs. It detects
//! accidents, damage and missing or extra rows; it is not a signature.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Sum of the mixed rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsDigest(u128);

/// Odd constants of the two lanes: fractional digits of square roots.
const LANES: [(u64, u64); 2] =
    [(0x6a09_e667_f3bc_c909, 0xbb67_ae85_84ca_a73b), (0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1)];

impl RowsDigest {
    /// Adds a row.
    pub fn add(&mut self, row: u64, logits: &[f32]) {
        let [low, high] = LANES.map(|(start, factor)| {
            let mut state = fold(row ^ start, factor);
            for pair in logits.chunks(2) {
                let word = pair.iter().rev().fold(0u64, |word, logit| word << 32 | u64::from(logit.to_bits()));
                state = fold(state ^ word, factor).wrapping_add(start);
            }
            fold(state ^ logits.len() as u64, factor)
        });
        self.0 = self.0.wrapping_add(u128::from(high) << 64 | u128::from(low));
    }

    /// Adds the rows of another digest.
    pub fn add_all(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

/// Both halves of the product, folded.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

impl std::fmt::Display for RowsDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for RowsDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowsDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = digits.then(|| u128::from_str_radix(&text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| D::Error::custom("a digest has 32 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[(u64, &[f32])]) -> RowsDigest {
        let mut digest = RowsDigest::default();
        rows.iter().for_each(|(row, logits)| digest.add(*row, logits));
        digest
    }

    #[test]
    fn order_is_nothing_content_is_all() {
        let (a, b): (&[f32], &[f32]) = (&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]);
        let whole = of(&[(0, a), (1, b)]);
        assert_eq!(whole, of(&[(1, b), (0, a)]));
        let mut parts = of(&[(1, b)]);
        parts.add_all(of(&[(0, a)]));
        assert_eq!(whole, parts);
        let others = [
            of(&[(0, b), (1, a)]),
            of(&[(0, a)]),
            of(&[(0, a), (1, b), (1, b)]),
            of(&[(0, &[1.0, 2.0]), (1, b)]),
            of(&[(0, &[1.0, 2.0, -3.0]), (1, b)]),
            of(&[(0, &[2.0, 1.0, 3.0]), (1, b)]),
            of(&[(0, &[1.0, 2.0, 3.0, 0.0]), (1, b)]),
            of(&[(0, a), (2, b)]),
        ];
        assert!(others.iter().all(|other| *other != whole));
        assert_ne!(of(&[(0, &[0.0])]), of(&[(0, &[-0.0])]));
    }

    #[test]
    fn text_and_back() {
        let digest = of(&[(7, &[1.0])]);
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<RowsDigest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<RowsDigest>("\"+1\"").is_err());
    }
}
