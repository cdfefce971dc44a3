//! Both instruction sets against the portable kernels; run under qemu-aarch64 by `cargo xtask test`.

use super::super::host_battery::{try_dense, try_present, try_requantize};
use super::{Aarch64, Level, dense_rows};
use crate::kernels::Kernels;
use std::println;

#[test]
fn neon() {
    try_dense("NEON", |layer, x, x_step, y, y_step, rows| {
        dense_rows(Level::Neon, layer, x, x_step, y, y_step, rows);
    });
}

#[test]
fn dot_product() {
    if Level::find() != Level::Dot {
        return println!("the dot product was not run: this machine does not have it");
    }
    try_dense("dot product", |layer, x, x_step, y, y_step, rows| {
        dense_rows(Level::Dot, layer, x, x_step, y, y_step, rows);
    });
}

#[test]
fn the_chosen_level() {
    println!("chosen: {:?}", Level::find());
    // Who emulates a processor says what must be found on it, so that no kernel is left out unseen.
    if let Ok(expected) = std::env::var("EYAS_INSTRUCTION_SET") {
        assert_eq!(Aarch64::instruction_set(), expected);
    }
    try_dense("chosen", Aarch64::dense_batch);
    try_present("chosen", Aarch64::add_present);
    try_requantize("chosen", Aarch64::requantize_sums);
}
