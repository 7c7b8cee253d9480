//! What some messages of the server are made of.

use crate::{IceServer, Identity, MediaKind, PeerId, ResumeToken, RoomId, TrackInfo};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

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
