//! A page's messages over the loopback socket: pictures, ticks of sound, words.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz_peer::page(bytes));
