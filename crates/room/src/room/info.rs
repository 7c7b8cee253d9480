use super::{Millis, Room};
use serde::Serialize;
use snug_protocol::{Identity, PeerId, Role, RoomId};

/// A room as its operator sees it. Ages are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomInfo {
    pub id: RoomId,
    /// How long ago it was made.
    pub age_ms: u64,
    pub capacity: u32,
    pub locked: bool,
    pub lobby: bool,
    /// In the order of their coming, hidden ones included.
    pub seats: Vec<SeatInfo>,
    /// How many wait to be let in.
    pub waiting: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatInfo {
    pub peer_id: PeerId,
    pub identity: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub role: Role,
    pub away: bool,
    pub hidden: bool,
    /// How long ago it was taken.
    pub age_ms: u64,
}

impl Room {
    /// What an operator may know of it.
    pub fn info(&self, now: Millis) -> RoomInfo {
        RoomInfo {
            id: self.id.clone(),
            age_ms: now.saturating_sub(self.created),
            capacity: self.settings.capacity,
            locked: self.settings.locked,
            lobby: self.settings.lobby,
            seats: self
                .seats
                .iter()
                .map(|seat| SeatInfo {
                    peer_id: seat.peer_id.clone(),
                    identity: seat.identity.clone(),
                    name: seat.name.clone(),
                    role: seat.role,
                    away: seat.holder().is_none(),
                    hidden: seat.rights.hidden,
                    age_ms: now.saturating_sub(seat.joined),
                })
                .collect(),
            waiting: self.waiting.len(),
        }
    }
}
