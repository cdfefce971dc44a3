//! Any bytes with a correct length and a correct seal, so that the later checks are reached.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eyas_fuzz::resealed(bytes));
