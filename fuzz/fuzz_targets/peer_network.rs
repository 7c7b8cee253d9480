//! Datagrams: STUN, DTLS and SCTP as the engine reads them, and what opens a data channel.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz_peer::network(bytes));
