//! A client's WebSocket: the server's reader makes of its bytes what tungstenite does, however they come.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz::socket(bytes));
