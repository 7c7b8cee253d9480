//! Descriptions from a remote: applied and answered, or refused without a trace.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz_peer::descriptions(bytes));
