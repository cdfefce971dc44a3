//! ONNX teachers through tract, in pure Rust: the battery of `onnx_onnxruntime.rs` on the other backend.

#[macro_use]
#[path = "onnx/battery.rs"]
mod battery;

use eyas_trainer::onnx::Backend;

battery!(Backend::Tract);
