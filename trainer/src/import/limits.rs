//! Caps that keep hostile models from taking time or memory out of proportion to their size.

use eyas::model::MAX_LAYERS;

/// Most operators of a model.
pub(super) const MAX_OPERATORS: usize = 1_000;
/// Most values that constants may unfold to while they are evaluated.
pub(super) const MAX_FOLDED_VALUES: usize = 1 << 26;

/// Why there is no room for another dense layer behind `layers`.
pub(super) fn full(layers: usize) -> Option<String> {
    (layers >= MAX_LAYERS).then(|| format!("the dense layer behind {layers}, a student holds {MAX_LAYERS}"))
}
