use serde::{Deserialize, Serialize};
use thiserror::Error;
use ts_rs::TS;

/// Why a request failed. Closed: a client may match on it without a fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ErrorCode {
    /// The frame is not JSON.
    BadJson,
    /// JSON, but not a message: an unknown type, a missing or a wrong field.
    BadMessage,
    /// The frame is longer than the limit.
    TooLarge,
    RateLimited,
    /// Only `join` and `ping` are allowed before a join.
    NotJoined,
    /// The `to` is not in the room. A seat in another room looks the same as one that never was.
    NoSuchPeer,
    Forbidden,
    RoomFull,
    RoomLocked,
    Version,
    /// The server cannot answer now; try again later.
    Unavailable,
    Internal,
    /// This server wants a token, and there is none, or one that is none.
    Unauthorized,
    TokenExpired,
    TokenNotYetValid,
    /// The token is for another room.
    TokenWrongRoom,
    /// The token names an algorithm that this server does not take.
    TokenBadAlgorithm,
    TokenBadSignature,
    /// The token's issuer is no key of this server.
    TokenUnknownKey,
    TokenTooLarge,
    /// The join names another identity than the token.
    TokenIdentity,
}

/// How a server closes a socket. The 40xx family means: never retry by yourself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// Going away: resume at once, elsewhere.
    Draining = 1001,
    /// No join in time.
    Idle = 1008,
    Kicked = 4001,
    Ended = 4002,
    /// Another socket resumed this seat.
    TakenOver = 4003,
    BadVersion = 4004,
    Flooding = 4008,
    Unauthorized = 4010,
}

impl CloseCode {
    /// Whether a client must wait for its user before it tries again.
    pub fn is_final(code: u16) -> bool {
        (4000..4100).contains(&code)
    }
}

/// Why a frame is not a message.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    #[error("the frame is not JSON: {0}")]
    Json(String),
    #[error("the frame is not a message: {reason}")]
    Message { reason: String, id: Option<u64> },
}

impl ParseError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Json(_) => ErrorCode::BadJson,
            Self::Message { .. } => ErrorCode::BadMessage,
        }
    }

    /// The `id` of the frame, where it could be read, so that its error can answer it.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Json(_) => None,
            Self::Message { id, .. } => *id,
        }
    }
}
