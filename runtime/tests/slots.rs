//! A file in a slot of flash: its prefix says where it ends, whatever follows.

mod support;

use eyas::model::{Layout, PREFIX_BYTES, pack};
use eyas::{AlignedBytes, LoadError, Student};
use proptest::prelude::*;
use support::Parts;

/// The steps of a firmware that loads from a slot.
fn load(slot: &[u8]) -> Result<usize, LoadError> {
    let bytes = Student::file_bytes(slot)?;
    let student = Student::load(slot.get(..bytes).unwrap_or(slot))?;
    Ok(student.costs().file_bytes)
}

fn file(seed: u64, layout: Layout) -> Vec<u8> {
    let state = &mut seed.clone();
    let widths = [1 + (seed % 40) as u16, 1 + (seed % 7) as u16, 2 + (seed % 5) as u16];
    pack(&Parts::random(&widths, seed.is_multiple_of(2), state).with_golden_vectors(1, state).file(), layout).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_length_of_a_sound_file_is_exact_whatever_lies_behind(
        seed in any::<u64>(), layout in 0usize..5, fill in any::<u8>(), more in 0usize..300,
    ) {
        let file = file(seed, Layout::ALL[layout]);
        prop_assert_eq!(Student::file_bytes(&file[..PREFIX_BYTES]), Ok(file.len()));
        let slot = AlignedBytes::from([&file[..], &vec![fill; more]].concat().as_slice());
        prop_assert_eq!(load(&slot), Ok(file.len()));
        if more > 0 {
            let found = (file.len() + more) as u32;
            let refused = Student::load(&slot).unwrap_err();
            prop_assert_eq!(refused, LoadError::Length { expected: file.len() as u32, found });
            prop_assert!(refused.to_string().contains("Student::file_bytes"));
        }
        // Too small for the file, or for its prefix.
        let cut = more % file.len();
        let slot = AlignedBytes::from(&file[..cut]);
        let expected = file.len() as u32;
        prop_assert_eq!(load(&slot).unwrap_err(), match cut {
            0..PREFIX_BYTES => LoadError::Truncated { expected: PREFIX_BYTES as u32, found: cut as u32 },
            32..36 => LoadError::Truncated { expected: 36, found: cut as u32 },
            _ => LoadError::Length { expected, found: cut as u32 },
        });
    }

    /// A prefix with some bytes changed gives a length only if the sections add up to it, and never a panic.
    #[test]
    fn a_changed_prefix_gives_a_length_that_adds_up_or_a_reason(
        seed in any::<u64>(), changes in prop::collection::vec((0..PREFIX_BYTES, any::<u8>()), 1..4),
    ) {
        let mut slot = AlignedBytes::from([&file(seed, Layout::Canonical)[..], &[0xff; 64]].concat().as_slice());
        for (at, value) in changes {
            slot[at] = value;
        }
        let word = |at: usize| u64::from(u32::from_le_bytes(slot[at..at + 4].try_into().unwrap()));
        match Student::file_bytes(&slot) {
            Ok(bytes) => {
                prop_assert_eq!(&slot[..7], b"EYAS\x01\0\0");
                prop_assert_eq!(bytes as u64, word(8));
                prop_assert_eq!(word(16), (32 + word(12)).next_multiple_of(16));
                prop_assert_eq!(word(8), word(16) + word(20) + 4);
            }
            Err(error) => prop_assert!([3, 4, 7, 8, 9].contains(&error.code()), "{}", error),
        }
        let _ = load(&slot);
    }

    #[test]
    fn any_bytes_give_a_length_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..100), sign in any::<bool>()) {
        let mut slot = AlignedBytes::from(bytes.as_slice());
        if sign && slot.len() >= 6 {
            slot[..6].copy_from_slice(b"EYAS\x01\0");
        }
        let _ = load(&slot);
    }
}

#[test]
fn an_erased_slot_holds_no_student() {
    for fill in [0xff, 0] {
        assert_eq!(Student::file_bytes(&[fill; 4096]), Err(LoadError::NotAStudent));
    }
    assert_eq!(Student::file_bytes(&[]), Err(LoadError::Truncated { expected: 32, found: 0 }));
}

/// Its address does not matter: an empty slice need not point at anything.
#[test]
fn a_slice_without_a_file_in_it_is_short_and_not_misplaced() {
    let short = |found| Err(LoadError::Truncated { expected: 36, found });
    assert_eq!(Student::load(&[]).map(|_| ()), short(0));
    let room = AlignedBytes::from(&[0; 64][..]);
    for start in 0..16 {
        for length in [0, 1, 35] {
            assert_eq!(Student::load(&room[start..start + length]).map(|_| ()), short(length as u32));
        }
        let placed = Student::load(&room[start..start + 36]).unwrap_err();
        let remainder = start as u8;
        let expected = if start == 0 { LoadError::NotAStudent } else { LoadError::Misaligned { remainder } };
        assert_eq!(placed, expected);
    }
    assert!(LoadError::Truncated { expected: 36, found: 0 }.to_string().contains("empty"));
}
