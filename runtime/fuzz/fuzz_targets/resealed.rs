//! Any bytes under a right length and a right seal, so that the checks behind them are reached.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eyas_fuzz::resealed(bytes));
