//! Caps that keep hostile models from using time or memory out of proportion to their size.

use eyas::model::MAX_LAYERS;

/// Most operators of a model.
pub(super) const MAX_OPERATORS: usize = 1_000;
/// Most values that constants may expand to during evaluation.
pub(super) const MAX_FOLDED_VALUES: usize = 1 << 26;

/// Why another dense layer does not fit after `layers`.
pub(super) fn full(layers: usize) -> Option<String> {
    (layers >= MAX_LAYERS).then(|| format!("a dense layer after {layers} others; a student holds at most {MAX_LAYERS}"))
}
