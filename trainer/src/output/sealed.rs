//! Sealed containers, for what a run keeps for itself: `magic (8) | key (32) | payload | SHA-256 of all before (32)`.
//!
//! The magic names kind and version of the payload, the key what it belongs to. A container that is not whole is computed
//! again, never believed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

const PREFIX: usize = 8 + 32;
const SEAL: usize = 32;

/// Why a container cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Whole, but of another key.
    OtherKey,
    /// Damaged, in these words.
    Damaged(&'static str),
}

/// A container with a value in postcard.
///
/// # Errors
/// A value that cannot be encoded.
pub(crate) fn seal<T: Serialize>(magic: &[u8; 8], key: &[u8; 32], value: &T) -> Result<Vec<u8>, postcard::Error> {
    let mut bytes = Vec::with_capacity(PREFIX + SEAL);
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(key);
    // One buffer: a value may take half of the memory there is.
    let mut bytes = postcard::to_extend(value, bytes)?;
    let seal: [u8; SEAL] = Sha256::digest(&bytes).into();
    bytes.extend_from_slice(&seal);
    Ok(bytes)
}

/// The payload of a whole container of this kind and key.
///
/// # Errors
/// [`Unusable::Damaged`] for other bytes than [`seal`] gave, then [`Unusable::OtherKey`].
pub(crate) fn payload<'a>(magic: &[u8; 8], key: &[u8; 32], bytes: &'a [u8]) -> Result<&'a [u8], Unusable> {
    let (sealed, seal) = bytes.split_last_chunk::<SEAL>().ok_or(Unusable::Damaged("too short"))?;
    let (prefix, payload) = sealed.split_first_chunk::<PREFIX>().ok_or(Unusable::Damaged("too short"))?;
    if !prefix.starts_with(magic) {
        return Err(Unusable::Damaged("not of this version"));
    }
    if Sha256::digest(sealed).as_slice() != seal {
        return Err(Unusable::Damaged("wrong check sum"));
    }
    if prefix[8..] != key[..] { Err(Unusable::OtherKey) } else { Ok(payload) }
}

/// The value of a payload, or of the end of one.
///
/// # Errors
/// [`Unusable::Damaged`] for a value of another type.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Unusable> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(Unusable::Damaged("bytes left over")),
        Err(_) => Err(Unusable::Damaged("another kind of state")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: &[u8; 8] = b"EYASTST1";

    #[test]
    fn a_whole_container_opens_with_its_key_only() {
        let bytes = seal(MAGIC, &[1; 32], &(7u32, "text")).unwrap();
        let value = payload(MAGIC, &[1; 32], &bytes).and_then(decode::<(u32, String)>);
        assert_eq!(value, Ok((7, "text".to_owned())));
        assert_eq!(payload(MAGIC, &[2; 32], &bytes), Err(Unusable::OtherKey));
        assert_eq!(payload(b"EYASTST2", &[1; 32], &bytes), Err(Unusable::Damaged("not of this version")));
        let other = payload(MAGIC, &[1; 32], &bytes).and_then(decode::<u32>);
        assert_eq!(other, Err(Unusable::Damaged("bytes left over")));
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_found() {
        let whole = seal(MAGIC, &[1; 32], &vec![1u32, 2, 300]).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert!(matches!(payload(MAGIC, &[1; 32], &bytes), Err(Unusable::Damaged(_))), "byte {at}");
            assert!(matches!(payload(MAGIC, &[1; 32], &whole[..at]), Err(Unusable::Damaged(_))), "{at} bytes");
        }
    }
}
