//! A student drawn from the bytes, then damaged and resealed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eyas_fuzz::structured(bytes));
