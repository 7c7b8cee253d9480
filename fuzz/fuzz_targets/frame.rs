//! A client's frame: whatever comes, it is read or refused, and what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snug_protocol::ClientFrame;

fuzz_target!(|text: &str| {
    let Ok(frame) = ClientFrame::parse(text) else {
        return;
    };
    let value: serde_json::Value = serde_json::from_str(text).expect("what was read is JSON");
    assert!(value.is_object());
    assert_eq!(ClientFrame::parse(&frame.to_json()).as_ref().ok(), Some(&frame));
});
