use serde::{Deserialize, Serialize};
use snug_protocol::{ErrorCode, ServerMessage};

/// What became of a request. A store remembers it by the request's id (rule A2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// How many live seats it went to, and how many away ones keep it.
    Done {
        delivered: u32,
        queued: u32,
    },
    Refused(Refusal),
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    BadRoomId,
    BadIdentity,
    BadName,
    BadCapacity,
    BadTrack,
    BadReason,
    AlreadyJoined,
    AlreadyWaiting,
    NotJoined,
    NotAdmitted,
    LongPast,
    NoSuchPeer,
    NotWaiting,
    ModeratorsOnly,
    MayNotPublish,
    MayNotSubscribe,
    MayNotSendData,
    TooManyTracks,
    TooManyJoins,
    RoomFull,
    RoomLocked,
    TooManyRooms,
    Kicked,
    OtherIdentity,
}

impl Outcome {
    /// Done, and nobody else had to hear of it.
    pub const QUIET: Self = Self::Done {
        delivered: 0,
        queued: 0,
    };

    /// What the sender is told: without an `id` only refusals.
    pub fn answer(self, id: Option<u64>) -> Option<ServerMessage> {
        match (self, id) {
            (Self::Done { delivered, queued }, Some(id)) => Some(ServerMessage::Ack { id, delivered, queued }),
            (Self::Done { .. }, None) => None,
            (Self::Refused(refusal), id) => Some(refusal.message(id, None)),
        }
    }
}

impl Refusal {
    pub fn message(self, id: Option<u64>, retry_after_ms: Option<u64>) -> ServerMessage {
        ServerMessage::Error {
            id,
            code: self.code(),
            message: self.text().to_owned(),
            retry_after_ms,
        }
    }

    pub fn code(self) -> ErrorCode {
        match self {
            Self::BadRoomId
            | Self::BadIdentity
            | Self::BadName
            | Self::BadCapacity
            | Self::BadTrack
            | Self::BadReason
            | Self::AlreadyJoined
            | Self::AlreadyWaiting
            | Self::LongPast => ErrorCode::BadMessage,
            Self::NotJoined | Self::NotAdmitted => ErrorCode::NotJoined,
            Self::NoSuchPeer | Self::NotWaiting => ErrorCode::NoSuchPeer,
            Self::ModeratorsOnly
            | Self::MayNotPublish
            | Self::MayNotSubscribe
            | Self::MayNotSendData
            | Self::TooManyTracks
            | Self::Kicked => ErrorCode::Forbidden,
            Self::TooManyJoins => ErrorCode::RateLimited,
            Self::RoomFull => ErrorCode::RoomFull,
            Self::RoomLocked => ErrorCode::RoomLocked,
            Self::TooManyRooms => ErrorCode::Unavailable,
            Self::OtherIdentity => ErrorCode::TokenIdentity,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::BadRoomId => "the roomId is empty or too long",
            Self::BadIdentity => "the identity is empty or too long",
            Self::BadName => "the name is too long",
            Self::BadCapacity => "the capacity is 0",
            Self::BadTrack => "the trackId is empty, or it or the source is too long",
            Self::BadReason => "the reason is too long",
            Self::AlreadyJoined => "this socket has a seat already: leave first",
            Self::AlreadyWaiting => "this socket waits to be let in already: leave first",
            Self::NotJoined => "join a room first: only join and ping are heard before",
            Self::NotAdmitted => "nobody has let you in yet: only leave and ping are heard before",
            Self::LongPast => "this id is long past: ids grow by one",
            Self::NoSuchPeer => "nobody else in the room has this peerId",
            Self::NotWaiting => "nobody who waits has this peerId",
            Self::ModeratorsOnly => "only a moderator may ask for this",
            Self::MayNotPublish => "you may not publish in this room",
            Self::MayNotSubscribe => "you may not subscribe in this room",
            Self::MayNotSendData => "you may not send data in this room",
            Self::TooManyTracks => "you publish as many tracks as one may",
            Self::TooManyJoins => "too many joins from your address: wait a moment",
            Self::RoomFull => "every seat of the room is taken",
            Self::RoomLocked => "the room is locked",
            Self::TooManyRooms => "this server has as many rooms as it may",
            Self::Kicked => "a moderator took this seat away",
            Self::OtherIdentity => "the token is for another identity",
        }
    }
}
