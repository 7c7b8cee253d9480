//! RTP and RTCP of a remote, from the wire to frames, and what is said and sent again because of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz_peer::media(bytes));
