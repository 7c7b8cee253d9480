use serde::Deserialize;
use snug_protocol::ServerMessage;

/// One text frame of the server, as far as it can be understood.
pub(crate) enum Frame {
    Known(ServerMessage),
    /// A type that only a newer server has. Both ends count it, and that is all.
    Unknown,
    /// Not of this protocol. `sequenced` when its type, if nothing else, says that the server counted it.
    Malformed {
        sequenced: bool,
    },
}

impl Frame {
    pub(crate) fn read(text: &str) -> Self {
        match ServerMessage::parse(text) {
            Ok(Some(message)) => Self::Known(message),
            Ok(None) => Self::Unknown,
            Err(_) => Self::Malformed {
                sequenced: serde_json::from_str(text).is_ok_and(|Head { kind }| sequenced(&kind)),
            },
        }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

fn sequenced(kind: &str) -> bool {
    !matches!(kind, "ack" | "error" | "pong" | "resumed")
}
