//! What the teachers' answers become: first a mixer, then shapers.

pub mod best_on_tune;
pub mod margin;
pub mod mean;
pub mod random;
pub mod router;
