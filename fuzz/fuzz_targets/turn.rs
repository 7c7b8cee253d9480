//! STUN and TURN packets, from strangers, clients, peers and streams.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_turn::fuzz_one(bytes));
