//! Every instruction set this machine has against the portable kernels.

use super::super::host_battery::{try_dense, try_present, try_requantize};
use super::{Ends, Level, X86, avx2, avx512, dense_rows};
use crate::kernels::Kernels;
use crate::model::Layer;
use std::println;

fn missing(name: &str) {
    println!("{name} was not run: this machine does not have it");
}

#[test]
fn plain() {
    try_dense("plain", |layer, x, x_step, y, y_step, rows| dense_rows(Level::Plain, layer, x, x_step, y, y_step, rows));
}

#[test]
fn the_chosen_level() {
    println!("chosen: {:?}", Level::find());
    assert_eq!(Level::find(), Level::find(), "asked once, then remembered");
    try_dense("chosen", X86::dense_batch);
    try_present("chosen", X86::add_present);
    try_requantize("chosen", X86::requantize_sums);
}

#[test]
fn avx2() {
    if Level::find() == Level::Plain {
        return missing("AVX2");
    }
    try_dense("AVX2", |layer, x, x_step, y, y_step, rows| {
        dense_rows(Level::Avx2, layer, x, x_step, y, y_step, rows);
    });
    // SAFETY: the machine has AVX2.
    try_present("AVX2", |layer, present, sums| unsafe { avx2::add_present(layer, present, sums) });
    try_requantize("AVX2", |layer, sums, y| {
        let ends = Ends::new(layer).unwrap();
        // SAFETY: the machine has AVX2.
        unsafe { avx2::requantize_sums(&ends, layer.outputs.into(), sums, y) }
    });
}

#[test]
fn avx_vnni() {
    if !std::arch::is_x86_feature_detected!("avxvnni") {
        return missing("AVX-VNNI");
    }
    try_dense("AVX-VNNI", |layer, x, x_step, y, y_step, rows| {
        dense_rows(Level::AvxVnni, layer, x, x_step, y, y_step, rows);
    });
}

/// AVX-VNNI's kernel on AVX-512's encoding of the same instruction.
#[test]
fn avx_vnni_by_its_twin() {
    if Level::find() != Level::Avx512Vnni {
        return missing("AVX-512 VL VNNI");
    }
    try_dense("VPDPBUSD, EVEX", |layer: &Layer<'_>, x, x_step, y, y_step, rows| {
        let ends = Ends::new(layer).unwrap();
        // SAFETY: the machine has AVX-512 VL and VNNI.
        unsafe { avx2::dense_vnni_evex(layer, &ends, x, x_step, y, y_step, rows) }
    });
}

#[test]
fn avx512_vnni() {
    if Level::find() != Level::Avx512Vnni {
        return missing("AVX-512 VNNI");
    }
    try_dense("AVX-512 VNNI", |layer, x, x_step, y, y_step, rows| {
        dense_rows(Level::Avx512Vnni, layer, x, x_step, y, y_step, rows);
    });
    // SAFETY: the machine has AVX-512 F, BW and VL.
    try_present("AVX-512", |layer, present, sums| unsafe { avx512::add_present(layer, present, sums) });
    try_requantize("AVX-512", |layer, sums, y| {
        let ends = Ends::new(layer).unwrap();
        // SAFETY: the machine has AVX-512 F, BW and VL.
        unsafe { avx512::requantize_sums(&ends, layer.outputs.into(), sums, y) }
    });
}

/// `|x|` and `w` with the sign of x: no pair of products leaves 16 bits and every product is `w·x`, for all bytes.
#[test]
fn magnitudes_and_signs_are_exact() {
    let mut largest = 0;
    for x in -128i32..=127 {
        for w in -127i32..=127 {
            let signed = i32::from((w * x.signum()) as i8);
            assert_eq!(x.abs() * signed, x * w);
            largest = largest.max(2 * (x.abs() * signed).abs());
        }
    }
    assert_eq!(largest, 32_512);
    assert!(largest <= i16::MAX.into());
}
