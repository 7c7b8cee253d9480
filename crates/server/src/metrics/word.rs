use snug_protocol::{ClientMessage, CloseCode, ErrorCode, RelayKind};

/// A label's values, each with a number of its own.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            pub(crate) const NAMES: [&'static str; [$($text),*].len()] = [$($text),*];
            pub(crate) const COUNT: usize = Self::NAMES.len();
        }
    };
}

macro_rules! words {
    ($($variant:ident = $text:literal),* $(,)?) => {
        label! {
            /// A message's type, in either direction.
            Word { $($variant = $text,)* Other = "other" }
        }

        impl Word {
            fn named(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

words! {
    Candidate = "candidate", Message = "message", Offer = "offer", Answer = "answer", Ack = "ack", Ping = "ping",
    Pong = "pong", Join = "join", Joined = "joined", Resumed = "resumed", Leave = "leave", Left = "left",
    PeerJoined = "peer-joined", PeerLeft = "peer-left", PeerAway = "peer-away", PeerBack = "peer-back", Ready = "ready",
    Mute = "mute", Unmute = "unmute", Publish = "publish", Unpublish = "unpublish", Subscribe = "subscribe",
    Unsubscribe = "unsubscribe", Kick = "kick", Kicked = "kicked", Lock = "lock", Unlock = "unlock", Locked = "locked",
    Admit = "admit", Deny = "deny", Denied = "denied", Waiting = "waiting", Knock = "knock", KnockGone = "knock-gone",
    Role = "role", End = "end", Ended = "ended", Full = "full", Error = "error",
}

label! {
    /// Why the server closed a socket, or gave it up.
    Dropped {
        SlowReader = "slow-reader", Silent = "silent", Draining = "draining", Idle = "idle", Kicked = "kicked",
        Ended = "ended", TakenOver = "taken-over", BadVersion = "bad-version", Flooding = "flooding",
        Unauthorized = "unauthorized",
    }
}

label! {
    /// How a wish for a seat was answered.
    JoinResult {
        Joined = "joined", Waiting = "waiting", Denied = "denied", Full = "full", Locked = "locked",
    }
}

label! {
    /// What became of a webhook's event.
    Hook { Delivered = "delivered", Retried = "retried", Failed = "failed", Dropped = "dropped" }
}

/// Every error code, with its name on the wire.
pub(super) const ERRORS: [(ErrorCode, &str); 21] = [
    (ErrorCode::BadJson, "bad-json"),
    (ErrorCode::BadMessage, "bad-message"),
    (ErrorCode::TooLarge, "too-large"),
    (ErrorCode::RateLimited, "rate-limited"),
    (ErrorCode::NotJoined, "not-joined"),
    (ErrorCode::NoSuchPeer, "no-such-peer"),
    (ErrorCode::Forbidden, "forbidden"),
    (ErrorCode::RoomFull, "room-full"),
    (ErrorCode::RoomLocked, "room-locked"),
    (ErrorCode::Version, "version"),
    (ErrorCode::Unavailable, "unavailable"),
    (ErrorCode::Internal, "internal"),
    (ErrorCode::Unauthorized, "unauthorized"),
    (ErrorCode::TokenExpired, "token-expired"),
    (ErrorCode::TokenNotYetValid, "token-not-yet-valid"),
    (ErrorCode::TokenWrongRoom, "token-wrong-room"),
    (ErrorCode::TokenBadAlgorithm, "token-bad-algorithm"),
    (ErrorCode::TokenBadSignature, "token-bad-signature"),
    (ErrorCode::TokenUnknownKey, "token-unknown-key"),
    (ErrorCode::TokenTooLarge, "token-too-large"),
    (ErrorCode::TokenIdentity, "token-identity"),
];

impl Word {
    /// Whether clients send it to one another.
    pub(super) fn is_relayed(self) -> bool {
        matches!(self, Self::Candidate | Self::Message | Self::Offer | Self::Answer)
    }

    /// The type of a frame that this server wrote: `type` is its first key.
    pub(crate) fn of(frame: &str) -> Self {
        // Nearly all of them.
        if frame.starts_with("{\"type\":\"candidate\",") {
            return Self::Candidate;
        }
        let name = frame.strip_prefix("{\"type\":\"").and_then(|rest| {
            let end = rest.bytes().take(16).position(|byte| byte == b'"')?;
            rest.get(..end)
        });
        name.map_or(Self::Other, Self::named)
    }
}

impl From<&ClientMessage> for Word {
    fn from(message: &ClientMessage) -> Self {
        match message {
            ClientMessage::Join(_) => Self::Join,
            ClientMessage::Leave => Self::Leave,
            ClientMessage::Offer { .. } => Self::Offer,
            ClientMessage::Answer { .. } => Self::Answer,
            ClientMessage::Candidate { .. } => Self::Candidate,
            ClientMessage::Message { .. } => Self::Message,
            ClientMessage::Mute { .. } => Self::Mute,
            ClientMessage::Unmute { .. } => Self::Unmute,
            ClientMessage::Publish(_) => Self::Publish,
            ClientMessage::Unpublish { .. } => Self::Unpublish,
            ClientMessage::Subscribe { .. } => Self::Subscribe,
            ClientMessage::Unsubscribe { .. } => Self::Unsubscribe,
            ClientMessage::Kick { .. } => Self::Kick,
            ClientMessage::Lock => Self::Lock,
            ClientMessage::Unlock => Self::Unlock,
            ClientMessage::Admit { .. } => Self::Admit,
            ClientMessage::Deny { .. } => Self::Deny,
            ClientMessage::End { .. } => Self::End,
            ClientMessage::Ping { .. } => Self::Ping,
        }
    }
}

impl From<RelayKind> for Word {
    fn from(kind: RelayKind) -> Self {
        match kind {
            RelayKind::Offer => Self::Offer,
            RelayKind::Answer => Self::Answer,
            RelayKind::Candidate => Self::Candidate,
            RelayKind::Message => Self::Message,
        }
    }
}

impl From<CloseCode> for Dropped {
    fn from(code: CloseCode) -> Self {
        match code {
            CloseCode::Draining => Self::Draining,
            CloseCode::Idle => Self::Idle,
            CloseCode::Kicked => Self::Kicked,
            CloseCode::Ended => Self::Ended,
            CloseCode::TakenOver => Self::TakenOver,
            CloseCode::BadVersion => Self::BadVersion,
            CloseCode::Flooding => Self::Flooding,
            CloseCode::Unauthorized => Self::Unauthorized,
        }
    }
}

impl JoinResult {
    pub(super) fn of(word: Word) -> Option<Self> {
        const ANSWERS: [(Word, JoinResult); JoinResult::COUNT] = [
            (Word::Joined, JoinResult::Joined),
            (Word::Waiting, JoinResult::Waiting),
            (Word::Denied, JoinResult::Denied),
            (Word::Full, JoinResult::Full),
            (Word::Locked, JoinResult::Locked),
        ];
        ANSWERS
            .iter()
            .find(|(answer, _)| *answer == word)
            .map(|(_, result)| *result)
    }
}

/// Where the code of an error frame is counted. The code stands before the message, which may have anything in it.
pub(super) fn error_slot(frame: &str) -> Option<usize> {
    let (_, rest) = frame.split_once("\"code\":\"")?;
    let (code, _) = rest.split_once('"')?;
    ERRORS.iter().position(|(_, name)| *name == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_code_has_its_own_name() {
        for (code, name) in ERRORS {
            assert_eq!(serde_json::to_value(code).expect("a string"), name);
        }
    }

    #[test]
    fn a_frames_type_is_its_first_key() {
        assert_eq!(Word::of(r#"{"type":"peer-joined","peerId":"x"}"#), Word::PeerJoined);
        assert_eq!(Word::of(r#"{"from":"x","type":"offer"}"#), Word::Other);
        assert_eq!(Word::of(r#"{"type":"offer"#), Word::Other);
    }
}
