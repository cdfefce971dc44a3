//! ONNX teachers through ONNX Runtime; skipped with a reason if this machine has no library.

#[macro_use]
#[path = "onnx/battery.rs"]
mod battery;

use eyas_trainer::onnx::Backend;

battery!(Backend::Onnxruntime);
