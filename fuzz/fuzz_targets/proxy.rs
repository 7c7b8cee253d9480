//! What proxies say of their clients: believed from those that are trusted, and from nobody else.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snug_fuzz::forwarded(bytes));
