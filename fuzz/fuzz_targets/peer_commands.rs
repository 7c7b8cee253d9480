//! A page's commands and descriptions, with real connections.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz_peer::commands(bytes));
