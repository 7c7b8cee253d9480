//! JSON, put behind what a text holds already.

use serde::Serialize;

/// A string.
pub(crate) fn string(value: &str, text: &mut String) {
    // All of it is looked at, whatever is found: that takes 16 bytes at a time.
    let is_plain = value.bytes().fold(true, |plain, byte| {
        plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\')
    });
    if is_plain {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        any(value, text);
    }
}

/// A whole number.
pub(crate) fn number(value: u64, text: &mut String) {
    text.push_str(itoa::Buffer::new().format(value));
}

/// What serde can write. What it cannot leaves the text as it was.
pub(crate) fn any<T: Serialize + ?Sized>(value: &T, text: &mut String) {
    if let Ok(written) = serde_json::to_string(value) {
        text.push_str(&written);
    }
}
