//! The server's core beside a model of its rules: the same commands, and the same answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz::room(bytes));
