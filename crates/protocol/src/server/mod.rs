mod parts;
mod read;
mod write;

pub use parts::{Joined, LeaveReason, PeerInfo, Role, Topology};

use crate::{ErrorCode, Identity, MediaKind, Payload, PeerId, ResumeToken, RoomId, TrackId, TrackInfo};
use serde::Serialize;
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
}
