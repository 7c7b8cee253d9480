//! Tokens: nothing opens a room but what a known key signed, as it was signed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz::tokens(bytes));
