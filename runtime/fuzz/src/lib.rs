//! The bodies of the fuzz targets, and the properties that must hold for any input.
//!
//! The runtime's own tests include this file and replay the kept corpus through it, without a fuzzer.

mod draft;
mod exercise;
mod oracle;

use arbitrary::Unstructured;
use eyas::AlignedBytes;

/// Loads any bytes and runs whatever loads.
pub fn raw(bytes: &[u8]) {
    exercise::load_and_run(&AlignedBytes::from(bytes));
}

/// The same, after correcting the length in the prefix and the seal.
pub fn resealed(bytes: &[u8]) {
    let mut file = AlignedBytes::from(bytes);
    let total = (bytes.len() as u32).to_le_bytes();
    if let Some(field) = file.get_mut(8..12) {
        field.copy_from_slice(&total);
    }
    reseal(&mut file);
    exercise::load_and_run(&file);
}

/// Makes the seal at the end match the bytes before it, so that later checks are reached.
pub fn reseal(file: &mut [u8]) {
    if let Some((body, seal)) = file.split_last_chunk_mut::<4>() {
        *seal = eyas::model::checksum(body).to_le_bytes();
    }
}

/// A student drawn from the bytes. It loads if and only if a wide reference finds it sound; then it is damaged and
/// tried again.
pub fn structured(bytes: &[u8]) {
    let source = &mut Unstructured::new(bytes);
    let Ok(draft) = draft::Draft::draw(source) else { return };
    let sound = draft.is_sound();
    let mut file = draft.file();
    assert_eq!(exercise::load_and_run(&file), sound, "{:?}", eyas::Student::load(&file).err());
    if draft::damage(&mut file, source).is_ok_and(|damaged| damaged) {
        exercise::load_and_run(&file);
    }
}
