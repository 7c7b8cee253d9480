use crate::{
    ErrorCode, IceServer, Identity, MediaKind, ParseError, Payload, PeerId, ResumeToken, RoomId, TrackId, TrackInfo,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the server says.
///
/// All but `ack`, `error`, `pong` and `resumed` are *sequenced*: both ends count them, `joined` names where the count
/// starts, and the frames themselves carry no number, so that one encoded frame serves a whole room.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export, optional_fields)]
pub enum ServerMessage {
    Joined(Joined),
    /// The seat is yours again; `replayed` messages follow, the first of them numbered one above your `seq`.
    Resumed {
        peer_id: PeerId,
        #[ts(type = "number")]
        seq: u64,
        replayed: u32,
        /// The next resume's secret: the one just used is spent.
        resume_token: ResumeToken,
    },
    PeerJoined(PeerInfo),
    PeerLeft {
        peer_id: PeerId,
        identity: Identity,
        reason: LeaveReason,
    },
    /// The peer's socket dropped. Its media may still flow: tear nothing down.
    PeerAway {
        peer_id: PeerId,
    },
    PeerBack {
        peer_id: PeerId,
    },
    /// Only in rooms of capacity 2, to both, when the second one is in; the later one initiates.
    Ready {
        is_initiator: bool,
    },
    Offer {
        from: PeerId,
        #[ts(type = "unknown")]
        sdp: Payload,
    },
    Answer {
        from: PeerId,
        #[ts(type = "unknown")]
        sdp: Payload,
    },
    Candidate {
        from: PeerId,
        #[ts(type = "unknown")]
        candidate: Payload,
    },
    Message {
        from: PeerId,
        #[ts(type = "unknown")]
        data: Payload,
    },
    /// `from` stopped sending this kind; with `to`, a moderator asks you to.
    Mute {
        from: PeerId,
        kind: MediaKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<PeerId>,
    },
    Unmute {
        from: PeerId,
        kind: MediaKind,
    },
    /// `from` sends this track.
    Publish {
        from: PeerId,
        #[serde(flatten)]
        track: TrackInfo,
    },
    Unpublish {
        from: PeerId,
        track_id: TrackId,
    },
    /// `from` wants this track of yours.
    Subscribe {
        from: PeerId,
        track_id: TrackId,
    },
    Unsubscribe {
        from: PeerId,
        track_id: TrackId,
    },
    /// The peer has this role from now on.
    Role {
        peer_id: PeerId,
        role: Role,
    },
    /// A moderator locked the room: nobody comes in any more.
    Lock {
        from: PeerId,
    },
    Unlock {
        from: PeerId,
    },
    /// To moderators: somebody waits to be let in. The peerId is that of the seat it will get.
    Knock {
        peer_id: PeerId,
        identity: Identity,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// To moderators: that one waits no longer.
    KnockGone {
        peer_id: PeerId,
    },
    /// You wait until a moderator lets you in: then `joined` comes.
    Waiting {
        room_id: RoomId,
        peer_id: PeerId,
        /// Milliseconds between two pings of yours.
        #[ts(type = "number")]
        heartbeat_ms: u64,
    },
    /// A moderator did not let you in.
    Denied {
        room_id: RoomId,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The room has no free seat.
    Full {
        room_id: RoomId,
        capacity: u32,
    },
    /// The room lets nobody in.
    Locked {
        room_id: RoomId,
    },
    /// A moderator, or the operator, took the seat away.
    Kicked {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The seat is given up, as asked.
    Left,
    /// The room or the server ends.
    Ended {
        reason: String,
    },
    Pong {
        #[ts(type = "number")]
        seq: u64,
    },
    /// `delivered`: peers that have it in a live outbox; `queued`: in the outbox of a peer that is away.
    Ack {
        #[ts(type = "number")]
        id: u64,
        delivered: u32,
        queued: u32,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(type = "number", optional)]
        id: Option<u64>,
        code: ErrorCode,
        message: String,
        /// Milliseconds after which trying again may help.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(type = "number", optional)]
        retry_after_ms: Option<u64>,
    },
}

/// A fresh seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, optional_fields)]
pub struct Joined {
    pub peer_id: PeerId,
    pub room_id: RoomId,
    pub identity: Identity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub role: Role,
    /// Who sat here before you, in the order of their coming.
    pub peers: Vec<PeerInfo>,
    pub resume_token: ResumeToken,
    /// Milliseconds that this seat outlives its socket.
    #[ts(type = "number")]
    pub grace_ms: u64,
    /// Milliseconds between two pings of yours.
    #[ts(type = "number")]
    pub heartbeat_ms: u64,
    pub ice_servers: Vec<IceServer>,
    pub topology: Topology,
    pub capacity: u32,
    pub locked: bool,
    /// The number of this message; the next sequenced one has `seq + 1`.
    #[ts(type = "number")]
    pub seq: u64,
    pub protocol: u32,
}

/// One who sits in the room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, optional_fields)]
pub struct PeerInfo {
    pub peer_id: PeerId,
    pub identity: Identity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub role: Role,
    /// Its socket is down and its grace period runs.
    #[serde(default)]
    pub away: bool,
    /// The kinds that it said it does not send.
    #[serde(default)]
    pub muted: Vec<MediaKind>,
    /// What it publishes, in the order of its saying so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<TrackInfo>>", optional)]
    pub tracks: Vec<TrackInfo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Role {
    Moderator,
    Member,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Topology {
    Mesh,
    Sfu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum LeaveReason {
    Left,
    /// The grace period ran out, or the outbox ran over.
    Timeout,
    Kicked,
    Ended,
}

impl ServerMessage {
    /// Whether both ends count this message.
    pub fn is_sequenced(&self) -> bool {
        match self {
            Self::Resumed { .. } | Self::Pong { .. } | Self::Ack { .. } | Self::Error { .. } => false,
            Self::Joined(_)
            | Self::PeerJoined(_)
            | Self::PeerLeft { .. }
            | Self::PeerAway { .. }
            | Self::PeerBack { .. }
            | Self::Ready { .. }
            | Self::Offer { .. }
            | Self::Answer { .. }
            | Self::Candidate { .. }
            | Self::Message { .. }
            | Self::Mute { .. }
            | Self::Unmute { .. }
            | Self::Publish { .. }
            | Self::Unpublish { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Role { .. }
            | Self::Lock { .. }
            | Self::Unlock { .. }
            | Self::Knock { .. }
            | Self::KnockGone { .. }
            | Self::Waiting { .. }
            | Self::Denied { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Kicked { .. }
            | Self::Left
            | Self::Ended { .. } => true,
        }
    }

    /// The frame's text.
    pub fn to_json(&self) -> String {
        if let Some(text) = self.quick_json() {
            return text;
        }
        // Every part is a string, a number or text that was JSON already, so there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What makes up nearly all that a server says, without a second look at what was read as JSON already.
    fn quick_json(&self) -> Option<String> {
        let (kind, from, field, payload) = match self {
            Self::Offer { from, sdp } => ("offer", from, "sdp", sdp),
            Self::Answer { from, sdp } => ("answer", from, "sdp", sdp),
            Self::Candidate { from, candidate } => ("candidate", from, "candidate", candidate),
            Self::Message { from, data } => ("message", from, "data", data),
            Self::Pong { seq } => return Some(format!(r#"{{"type":"pong","seq":{seq}}}"#)),
            Self::Ack { id, delivered, queued } => {
                let text = format!(r#"{{"type":"ack","id":{id},"delivered":{delivered},"queued":{queued}}}"#);
                return Some(text);
            }
            Self::Joined(_)
            | Self::Resumed { .. }
            | Self::PeerJoined(_)
            | Self::PeerLeft { .. }
            | Self::PeerAway { .. }
            | Self::PeerBack { .. }
            | Self::Ready { .. }
            | Self::Mute { .. }
            | Self::Unmute { .. }
            | Self::Publish { .. }
            | Self::Unpublish { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Role { .. }
            | Self::Lock { .. }
            | Self::Unlock { .. }
            | Self::Knock { .. }
            | Self::KnockGone { .. }
            | Self::Waiting { .. }
            | Self::Denied { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Kicked { .. }
            | Self::Left
            | Self::Ended { .. }
            | Self::Error { .. } => return None,
        };
        let (from, payload) = (from.as_str(), payload.as_json());
        if from.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            return None;
        }
        let mut text = String::with_capacity(payload.len() + from.len() + 64);
        for part in [
            r#"{"type":""#,
            kind,
            r#"","from":""#,
            from,
            r#"",""#,
            field,
            r#"":"#,
            payload,
            "}",
        ] {
            text.push_str(part);
        }
        Some(text)
    }

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
