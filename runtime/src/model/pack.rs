//! Reorders the weights of a whole file for one kernel family, and back, at compile time or on the host.

use super::prefix::{CRC_BYTES, Claims, SMALLEST_BYTES, checksum_by_table, length};
use super::reorder::{Section, Weights};
use super::table::{Row, Table};
use super::{ALIGNMENT, Costs, Layer, LayerKind, Layout, MAX_LAYERS, MAX_WIDTH, PREFIX_BYTES, Prefix, aligned};
use crate::LoadError;

/// A student file to be written with its weights in the order of one kernel family, usable in constants.
///
/// Lossless: packing to any layout and back to the first gives the same bytes. **Nothing is resealed unchecked**:
/// [`Packing::of`] checks the seal and the shapes, [`Packing::write`] every byte that it does not copy unchanged. If a
/// copied byte is wrong, [`crate::Student::load`] refuses it under the new seal as it would under the old one.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use eyas::model::{Layout, Packing};
///
/// let file = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/students/version-1.eyas"));
/// let packing = Packing::of(file, Layout::Pairs)?;
/// let mut packed = vec![0; packing.bytes()];
/// packing.write(&mut packed)?;
///
/// let mut damaged = *file;
/// damaged[112] ^= 1;
/// assert!(matches!(Packing::of(&damaged, Layout::Pairs), Err(eyas::LoadError::Checksum { .. })));
/// # }
/// # Ok::<(), eyas::LoadError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Packing<'a> {
    file: &'a [u8],
    prefix: Prefix,
    to: Layout,
    costs: Costs,
}

impl<'a> Packing<'a> {
    /// Checks length, magic, version, seal, flags, sections and shapes of `file`, on any boundary.
    ///
    /// # Errors
    /// The first check that fails.
    pub const fn of(file: &'a [u8], to: Layout) -> Result<Self, LoadError> {
        if file.len() < SMALLEST_BYTES {
            return Err(LoadError::Truncated { expected: SMALLEST_BYTES as u32, found: length(file) });
        }
        let claims = match Claims::of(file) {
            Ok(claims) => claims,
            Err(error) => return Err(error),
        };
        if claims.total_bytes as usize != file.len() {
            return Err(LoadError::Length { expected: claims.total_bytes, found: length(file) });
        }
        // Checks the seal before everything it covers, so that damage is reported as damage, whatever the bytes read
        // as.
        let sealed = sealed_bytes(file);
        let (stored, computed) = (word(file, sealed), checksum_by_table(file.split_at(sealed).0));
        if stored != computed {
            return Err(LoadError::Checksum { expected: computed, found: stored });
        }
        let prefix = match claims.check() {
            Ok(prefix) => prefix,
            Err(error) => return Err(error),
        };
        match packed_costs(file, prefix, to) {
            Ok(costs) => Ok(Self { file, prefix, to, costs }),
            Err(error) => Err(error),
        }
    }

    /// Length of the file that [`Packing::write`] writes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.costs.file_bytes
    }

    /// Shape and costs of the student as it is written.
    #[must_use]
    pub const fn costs(&self) -> Costs {
        self.costs
    }

    /// Writes the file to `out` with its weights in the new order, sealed.
    ///
    /// # Shapes
    /// - `out`: [`Packing::bytes`], any content, overwritten
    ///
    /// # Errors
    /// A wrong length of `out`; a weight or a padding byte that no sound file has. `out` then holds no valid student
    /// file.
    pub const fn write(&self, out: &mut [u8]) -> Result<(), LoadError> {
        let &Self { file, prefix, to, costs } = self;
        if out.len() != costs.file_bytes {
            return Err(LoadError::Length { expected: costs.file_bytes as u32, found: length(out) });
        }
        let tensors_at = prefix.tensors_offset();
        // Leaves out the magic until everything is checked.
        copy(&[0; ALIGNMENT], 0, out, 0, ALIGNMENT);
        copy(file, ALIGNMENT, out, ALIGNMENT, tensors_at.wrapping_sub(ALIGNMENT));
        let mut from = Section { at: tensors_at, layout: prefix.layout };
        let mut into = Section { at: tensors_at, layout: to };
        let Some(mut table) = Table::of(metadata(file, prefix)) else { return Err(LoadError::Metadata) };
        let (mut inputs, mut index) = (table.inputs, 0u8);
        while let Some(Row { kind, outputs, .. }) = table.advance() {
            let weights = Weights { kind, inputs, outputs, index };
            if let Err(error) = weights.rewrite(file, from, out, into) {
                return Err(error);
            }
            from.at = from.at.wrapping_add(weights.bytes(from.layout));
            into.at = into.at.wrapping_add(weights.bytes(to));
            let parameters = Layer::parameter_bytes(outputs as usize);
            copy(file, from.at, out, into.at, parameters);
            from.at = from.at.wrapping_add(parameters);
            into.at = into.at.wrapping_add(parameters);
            inputs = outputs;
            index = index.wrapping_add(1);
        }
        // Gains and offsets of a per-input front end.
        let sealed = sealed_bytes(out);
        copy(file, from.at, out, into.at, sealed_bytes(file).wrapping_sub(from.at));
        copy(file, 0, out, 0, ALIGNMENT);
        copy(&[to as u8], 0, out, 7, 1);
        put_word(out, 8, length(out));
        put_word(out, 20, sealed.wrapping_sub(tensors_at) as u32);
        put_word(out, sealed, checksum_by_table(out.split_at(sealed).0));
        Ok(())
    }
}

/// Rewrites `file` with its weights in the order of `layout`. Host only.
///
/// # Errors
/// The error of [`crate::Student::load`] for `file`.
#[cfg(feature = "std")]
pub fn pack(file: &[u8], layout: Layout) -> Result<std::vec::Vec<u8>, LoadError> {
    crate::Student::load(&crate::AlignedBytes::from(file))?;
    let packing = Packing::of(file, layout)?;
    let mut out = std::vec![0; packing.bytes()];
    packing.write(&mut out)?;
    Ok(out)
}

/// Checks the shapes, and returns the costs of the student in `file` with its weights in the order of `to`.
const fn packed_costs(file: &[u8], prefix: Prefix, to: Layout) -> Result<Costs, LoadError> {
    let Some(mut table) = Table::of(metadata(file, prefix)) else { return Err(LoadError::Metadata) };
    let mut costs = Costs::of_input(table.inputs as usize, 0);
    // At most eight layers of less than 2^30 bytes and their parameters: 64 bits hold the sum on every target.
    let (mut bytes, mut packed_bytes) = (0u64, 0u64);
    let (mut inputs, mut index) = (table.inputs, 0u8);
    while table.left > 0 {
        let Some(Row { kind, outputs, lo, hi }) = table.advance() else { return Err(LoadError::Metadata) };
        let found = if is_width(inputs) { outputs } else { inputs };
        if !is_width(found) {
            return Err(LoadError::Width { layer: index, expected: MAX_WIDTH, found });
        }
        let sparse_input = matches!(kind, LayerKind::SparseInput);
        if sparse_input && index > 0 {
            return Err(LoadError::SparseBehindFirst { layer: index });
        }
        if lo > hi {
            return Err(LoadError::Clamp { layer: index });
        }
        let weights = Weights { kind, inputs, outputs, index };
        let parameters = Layer::parameter_bytes(outputs as usize) as u64;
        bytes = bytes.wrapping_add(weights.bytes(prefix.layout) as u64).wrapping_add(parameters);
        packed_bytes = packed_bytes.wrapping_add(weights.bytes(to) as u64).wrapping_add(parameters);
        costs = costs.and_layer(sparse_input, outputs as usize);
        inputs = outputs;
        index = index.wrapping_add(1);
    }
    if index == 0 {
        return Err(LoadError::LayerCount { expected: MAX_LAYERS as u8, found: 0 });
    }
    let front_end = match table.is_per_input() {
        Some(true) => (aligned(costs.inputs.wrapping_mul(4)) as u64).wrapping_mul(2),
        Some(false) => 0,
        None => return Err(LoadError::Metadata),
    };
    bytes = bytes.wrapping_add(front_end);
    packed_bytes = packed_bytes.wrapping_add(front_end);
    if bytes != prefix.tensor_bytes as u64 {
        let largest = !(ALIGNMENT as u32).wrapping_sub(1);
        let expected = if bytes > largest as u64 { largest } else { bytes as u32 };
        return Err(LoadError::TensorLength { expected, found: prefix.tensor_bytes });
    }
    // Only padding can exceed the length of an existing file.
    costs.file_bytes = prefix.tensors_offset().wrapping_add(packed_bytes as usize).wrapping_add(CRC_BYTES);
    Ok(costs)
}

const fn is_width(width: u16) -> bool {
    width > 0 && width <= MAX_WIDTH
}

/// The metadata of a file whose sections fill it.
const fn metadata(file: &[u8], prefix: Prefix) -> &[u8] {
    let Some((_, sections)) = file.split_at_checked(PREFIX_BYTES) else { return &[] };
    match sections.split_at_checked(prefix.metadata_bytes as usize) {
        Some((metadata, _)) => metadata,
        None => &[],
    }
}

/// Bytes before the seal.
const fn sealed_bytes(file: &[u8]) -> usize {
    file.len().saturating_sub(CRC_BYTES)
}

/// Copies up to `bytes` bytes, as many as exist.
const fn copy(from: &[u8], from_at: usize, out: &mut [u8], at: usize, bytes: usize) {
    if let Some((_, from)) = from.split_at_checked(from_at)
        && let Some((from, _)) = from.split_at_checked(bytes)
        && let Some((_, out)) = out.split_at_mut_checked(at)
        && let Some((out, _)) = out.split_at_mut_checked(bytes)
    {
        out.copy_from_slice(from);
    }
}

const fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    copy(bytes, at, &mut word, 0, 4);
    u32::from_le_bytes(word)
}

const fn put_word(out: &mut [u8], at: usize, word: u32) {
    let bytes = word.to_le_bytes();
    copy(&bytes, 0, out, at, bytes.len());
}

const _: () = assert!(ALIGNMENT == 16, "tables of parameters start where the weights' padding ends");
