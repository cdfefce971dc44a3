//! A student drawn from the bytes, then damaged under a right seal.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eyas_fuzz::structured(bytes));
