//! A client's side of it.

use super::{LeaveReason, Role, ServerMessage};
use crate::{ErrorCode, Identity, MediaKind, ParseError, Payload, PeerId, ResumeToken, RoomId, TrackId, TrackInfo};
use serde::Deserialize;
use serde::de::DeserializeOwned;

impl ServerMessage {
    /// Reads one frame, as a client does. A type that a newer server may have is `Ok(None)`: count it, and ignore it.
    ///
    /// # Errors
    /// [`ParseError`] when the text is not JSON, or a known type has the wrong fields.
    pub fn parse(text: &str) -> Result<Option<Self>, ParseError> {
        let Head { kind } = serde_json::from_str(text).map_err(|error| {
            if error.is_data() {
                ParseError::Message {
                    reason: error.to_string(),
                    id: None,
                }
            } else {
                ParseError::Json(error.to_string())
            }
        })?;
        Self::body(&kind, text).map_err(|reason| ParseError::Message { reason, id: None })
    }

    fn body(kind: &str, text: &str) -> Result<Option<Self>, String> {
        fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
            serde_json::from_str(text).map_err(|error| error.to_string())
        }
        Ok(Some(match kind {
            "joined" => Self::Joined(read(text)?),
            "peer-joined" => Self::PeerJoined(read(text)?),
            "left" => Self::Left,
            "offer" => read(text).map(|Sdp { from, sdp }| Self::Offer { from, sdp })?,
            "answer" => read(text).map(|Sdp { from, sdp }| Self::Answer { from, sdp })?,
            "candidate" => read(text).map(|Candidate { from, candidate }| Self::Candidate { from, candidate })?,
            "message" => read(text).map(|Data { from, data }| Self::Message { from, data })?,
            "resumed" | "peer-left" | "peer-away" | "peer-back" | "ready" | "mute" | "unmute" | "publish"
            | "unpublish" | "subscribe" | "unsubscribe" | "role" | "lock" | "unlock" | "knock" | "knock-gone"
            | "waiting" | "denied" | "full" | "locked" | "kicked" | "ended" | "pong" | "ack" | "error" => {
                read::<Plain>(text)?.into()
            }
            _ => return Ok(None),
        }))
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Sdp {
    from: PeerId,
    sdp: Payload,
}

#[derive(Deserialize)]
struct Candidate {
    from: PeerId,
    candidate: Payload,
}

#[derive(Deserialize)]
struct Data {
    from: PeerId,
    data: Payload,
}

/// The messages without a payload, which serde can read by their tag.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum Plain {
    Resumed {
        peer_id: PeerId,
        seq: u64,
        replayed: u32,
        resume_token: ResumeToken,
    },
    PeerLeft {
        peer_id: PeerId,
        identity: Identity,
        reason: LeaveReason,
    },
    PeerAway {
        peer_id: PeerId,
    },
    PeerBack {
        peer_id: PeerId,
    },
    Ready {
        is_initiator: bool,
    },
    Mute {
        from: PeerId,
        kind: MediaKind,
        to: Option<PeerId>,
    },
    Unmute {
        from: PeerId,
        kind: MediaKind,
    },
    Publish {
        from: PeerId,
        #[serde(flatten)]
        track: TrackInfo,
    },
    Unpublish {
        from: PeerId,
        track_id: TrackId,
    },
    Subscribe {
        from: PeerId,
        track_id: TrackId,
    },
    Unsubscribe {
        from: PeerId,
        track_id: TrackId,
    },
    Role {
        peer_id: PeerId,
        role: Role,
    },
    Lock {
        from: PeerId,
    },
    Unlock {
        from: PeerId,
    },
    Knock {
        peer_id: PeerId,
        identity: Identity,
        name: Option<String>,
    },
    KnockGone {
        peer_id: PeerId,
    },
    Waiting {
        room_id: RoomId,
        peer_id: PeerId,
        heartbeat_ms: u64,
    },
    Denied {
        room_id: RoomId,
        reason: Option<String>,
    },
    Full {
        room_id: RoomId,
        capacity: u32,
    },
    Locked {
        room_id: RoomId,
    },
    Kicked {
        reason: Option<String>,
    },
    Ended {
        reason: String,
    },
    Pong {
        seq: u64,
    },
    Ack {
        id: u64,
        delivered: u32,
        queued: u32,
    },
    Error {
        id: Option<u64>,
        code: ErrorCode,
        message: String,
        retry_after_ms: Option<u64>,
    },
}

impl From<Plain> for ServerMessage {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Resumed {
                peer_id,
                seq,
                replayed,
                resume_token,
            } => Self::Resumed {
                peer_id,
                seq,
                replayed,
                resume_token,
            },
            Plain::PeerLeft {
                peer_id,
                identity,
                reason,
            } => Self::PeerLeft {
                peer_id,
                identity,
                reason,
            },
            Plain::PeerAway { peer_id } => Self::PeerAway { peer_id },
            Plain::PeerBack { peer_id } => Self::PeerBack { peer_id },
            Plain::Ready { is_initiator } => Self::Ready { is_initiator },
            Plain::Mute { from, kind, to } => Self::Mute { from, kind, to },
            Plain::Unmute { from, kind } => Self::Unmute { from, kind },
            Plain::Publish { from, track } => Self::Publish { from, track },
            Plain::Unpublish { from, track_id } => Self::Unpublish { from, track_id },
            Plain::Subscribe { from, track_id } => Self::Subscribe { from, track_id },
            Plain::Unsubscribe { from, track_id } => Self::Unsubscribe { from, track_id },
            Plain::Role { peer_id, role } => Self::Role { peer_id, role },
            Plain::Lock { from } => Self::Lock { from },
            Plain::Unlock { from } => Self::Unlock { from },
            Plain::Knock {
                peer_id,
                identity,
                name,
            } => Self::Knock {
                peer_id,
                identity,
                name,
            },
            Plain::KnockGone { peer_id } => Self::KnockGone { peer_id },
            Plain::Waiting {
                room_id,
                peer_id,
                heartbeat_ms,
            } => Self::Waiting {
                room_id,
                peer_id,
                heartbeat_ms,
            },
            Plain::Denied { room_id, reason } => Self::Denied { room_id, reason },
            Plain::Locked { room_id } => Self::Locked { room_id },
            Plain::Kicked { reason } => Self::Kicked { reason },
            Plain::Full { room_id, capacity } => Self::Full { room_id, capacity },
            Plain::Ended { reason } => Self::Ended { reason },
            Plain::Pong { seq } => Self::Pong { seq },
            Plain::Ack { id, delivered, queued } => Self::Ack { id, delivered, queued },
            Plain::Error {
                id,
                code,
                message,
                retry_after_ms,
            } => Self::Error {
                id,
                code,
                message,
                retry_after_ms,
            },
        }
    }
}
