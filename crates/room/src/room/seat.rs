use super::Millis;
use crate::{Rights, SocketId};
use serde::{Deserialize, Serialize};
use snug_protocol::{IceServer, Identity, MediaKind, PeerId, PeerInfo, ResumeToken, Role, TrackInfo};

/// A seat's number within its room: grows, and is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeatNo(pub u32);

/// A socket, and the process that has it: 0 where there is only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    pub node: u64,
    pub socket: SocketId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    Live(Holder),
    /// Its socket is gone, and the seat goes at this time.
    Away {
        until: Millis,
    },
}

/// One place in one room. Its session outlives its socket by the grace period.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Seat {
    pub(super) no: SeatNo,
    pub(super) peer_id: PeerId,
    pub(super) identity: Identity,
    pub(super) name: Option<String>,
    pub(super) role: Role,
    pub(super) rights: Rights,
    /// Sorted.
    pub(super) muted: Vec<MediaKind>,
    pub(super) tracks: Vec<TrackInfo>,
    pub(super) presence: Presence,
    pub(super) token: ResumeToken,
    /// The token before, good until the client shows that it has the new one (rule R4).
    pub(super) previous: Option<ResumeToken>,
    pub(super) joined: Millis,
}

/// One who waits for a moderator (rule K4).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiter {
    /// That of the seat to come.
    pub(super) peer_id: PeerId,
    pub(super) guest: Guest,
}

/// One who wants a seat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Guest {
    pub(super) holder: Holder,
    pub(super) identity: Option<Identity>,
    pub(super) name: Option<String>,
    pub(super) role: Role,
    pub(super) rights: Rights,
    pub(super) ice_servers: Vec<IceServer>,
    pub(super) join_id: Option<String>,
}

/// A seat that a moderator took away: whoever wants to resume it is told so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kicked {
    pub(super) tokens: Vec<ResumeToken>,
    pub(super) until: Millis,
}

impl Seat {
    pub(super) fn holder(&self) -> Option<Holder> {
        match self.presence {
            Presence::Live(holder) => Some(holder),
            Presence::Away { .. } => None,
        }
    }

    pub(super) fn is_moderator(&self) -> bool {
        self.role == Role::Moderator
    }

    pub(super) fn info(&self) -> PeerInfo {
        PeerInfo {
            peer_id: self.peer_id.clone(),
            identity: self.identity.clone(),
            name: self.name.clone(),
            role: self.role,
            away: self.holder().is_none(),
            muted: self.muted.clone(),
            tracks: self.tracks.clone(),
        }
    }
}
