use serde::de::IgnoredAny;
use serde_json::Value;
use snug_protocol::{ClientFrame, ClientMessage, ErrorCode, ServerMessage};
use snug_room::{Config, Input, Output, Rooms, SocketId};
use std::time::Instant;

const SENDER: SocketId = SocketId(1);
const RECEIVER: SocketId = SocketId(2);

/// Reads one frame beside a plain parser of JSON, and hands it to a room.
pub fn frame(text: &str) {
    let parsed = ClientFrame::parse(text);
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let value = serde_json::from_str::<Value>(text).ok();
    if let Err(error) = &parsed {
        assert_eq!(error.code() == ErrorCode::BadJson, !is_json, "{error}");
    }
    let Ok(frame) = parsed else {
        let value = value.map(|value| value.to_string());
        // Written again, nothing is in it twice; what is refused still has to have a reason.
        if let Some(text) = value {
            let plain: Value = serde_json::from_str(&text).expect("it was written just now");
            let again = ClientFrame::parse(&text).is_ok();
            if let Some(expected) = is_message(&plain) {
                assert_eq!(again, expected, "{text}");
            }
        }
        return;
    };
    assert!(is_json, "what was read is JSON");
    assert_eq!(ClientFrame::parse(&frame.to_json()).as_ref().ok(), Some(&frame));
    // A number or an escape may be JSON, and too much for this parser.
    if let Some(value) = &value {
        same(&frame, value);
    }
    relay(frame, value.as_ref());
}

/// Whether a plain reading finds a message of ours; `None` where this reading does not know.
fn is_message(value: &Value) -> Option<bool> {
    let Value::Object(fields) = value else {
        return Some(false);
    };
    let Some(Value::String(kind)) = fields.get("type") else {
        return Some(false);
    };
    let number = |name: &str| fields.get(name).is_none_or(|it| it.is_null() || it.is_u64());
    let text = |name: &str| fields.get(name).is_none_or(|it| it.is_null() || it.is_string());
    let body = match kind.as_str() {
        "offer" | "answer" => fields.contains_key("sdp") && text("to"),
        "candidate" => fields.contains_key("candidate") && text("to"),
        "message" => fields.contains_key("data") && text("to"),
        "leave" | "lock" | "unlock" => true,
        "ping" => fields.get("seq").is_none_or(Value::is_u64),
        "end" => text("reason"),
        "join" | "mute" | "unmute" | "publish" | "unpublish" | "subscribe" | "unsubscribe" | "kick" | "admit"
        | "deny" => {
            return None;
        }
        _ => false,
    };
    Some(body && number("id"))
}

/// The frame says what the plain reading says.
fn same(frame: &ClientFrame, value: &Value) {
    assert_eq!(frame.id, value.get("id").and_then(Value::as_u64));
    if let Some(expected) = is_message(value) {
        assert!(expected, "{value}");
    }
    let (payload, field, to) = match &frame.message {
        ClientMessage::Offer { sdp, to } | ClientMessage::Answer { sdp, to } => (sdp, "sdp", to),
        ClientMessage::Candidate { candidate, to } => (candidate, "candidate", to),
        ClientMessage::Message { data, to } => (data, "data", to),
        _ => return,
    };
    assert_eq!(
        value.get("to").and_then(Value::as_str),
        to.as_ref().map(|to| to.as_str())
    );
    let payload: Value = serde_json::from_str(payload.as_json()).expect("a part of what was read");
    assert_eq!(value.get(field), Some(&payload));
}

/// What others hear of it is JSON, is from whom it is from, and is a message that a client can read.
fn relay(frame: ClientFrame, value: Option<&Value>) {
    let mut rooms = Rooms::new(Config::default(), [7; 32]);
    let now = Instant::now();
    let mut sender = String::new();
    for socket in [SENDER, RECEIVER] {
        rooms.handle(now, Input::Opened { socket, address: None });
        let join = ClientFrame::parse(r#"{"type":"join","roomId":"tea"}"#).expect("a join");
        let heard = rooms.handle(now, Input::Frame { socket, frame: join });
        if let (SENDER, Some(Output::Send { frame, .. })) =
            (socket, heard.iter().find(|out| matches!(out, Output::Send { .. })))
        {
            let joined: Value = serde_json::from_str(frame).expect("the server speaks JSON");
            sender = joined["peerId"].as_str().expect("a peerId").to_owned();
        }
    }
    let kind = value.and_then(|value| value["type"].as_str()).map(str::to_owned);
    let heard = rooms.handle(now, Input::Frame { socket: SENDER, frame });
    for output in heard {
        let Output::Send { socket, frame } = output else {
            continue;
        };
        serde_json::from_str::<IgnoredAny>(&frame).expect("the server speaks JSON");
        assert!(
            matches!(ServerMessage::parse(&frame), Ok(Some(_))),
            "a client can read it: {frame}"
        );
        let (Ok(said), Some(value)) = (serde_json::from_str::<Value>(&frame), value) else {
            continue;
        };
        if socket == RECEIVER && said["type"].as_str() == kind.as_deref() {
            assert_eq!(said["from"], *sender, "{frame}");
            for field in ["sdp", "candidate", "data"] {
                if said.get(field).is_some() {
                    assert_eq!(said[field], value[field]);
                }
            }
        }
    }
}
