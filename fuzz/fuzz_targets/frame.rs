//! A client's frame: whatever comes, it is read as any parser of JSON would, or refused; and what others hear of it is sound.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| snug_fuzz::frame(text));
