//! The quick way to read a relayed frame takes nothing that the slow one does not, and makes the same of it.

use snug_protocol::{ClientFrame, Relay};

#[test]
fn strings_end_where_serde_says_whatever_is_escaped_in_them() {
    let long = "a=rtpmap:96 VP8/90000".repeat(9);
    for (text, quick) in [
        (String::new(), true),
        (r"\n".to_owned(), true),
        (r"\r\n".to_owned(), true),
        (format!(r"{long}\r\n{long}\r\n"), true),
        (format!(r"{long}\r\n{long}\n\r\r\n"), true),
        (format!(r"{long}\r\n{long}\\"), true),
        (format!(r#"{long}\r\n\"{long}"#), true),
        (format!(r#"{long}\r\n\\\"{long}\u00e9\t"#), true),
        (format!(r"{long}\r\n\u00e"), false),
        (format!(r"{long}\r\n\x"), false),
        (format!(r"{long}\r\n\"), false),
        (format!(r#"{long}\r\n\\"{long}"#), false),
        (format!("{long}\\r\\n\n"), false),
    ] {
        let frame = format!(r#"{{"type":"offer","sdp":"{text}","id":7,"to":"p"}}"#);
        let read = Relay::parse(&frame).map(|relay| relay.to_frame());
        assert_eq!(read.is_some(), quick, "{frame}");
        assert_eq!(read, ClientFrame::parse_any(&frame).ok(), "{frame}");
    }
}
