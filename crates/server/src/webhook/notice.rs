use serde::Serialize;
use snug_protocol::{Identity, LeaveReason, PeerId, RoomId};
use std::time::{SystemTime, UNIX_EPOCH};

/// What happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The receiver may see an event twice, and knows it by this.
    id: String,
    at: SystemTime,
    pub(super) room: RoomId,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    RoomStarted,
    RoomEnded,
    SeatJoined(Who),
    SeatLeft(Who, LeaveReason),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) peer: PeerId,
    pub(crate) identity: Identity,
    pub(crate) name: Option<String>,
}

/// The form of LiveKit's webhooks, so that their receivers read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    event: &'static str,
    id: &'a str,
    /// Seconds since 1970.
    created_at: u64,
    room: Room<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<Participant<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<LeaveReason>,
}

#[derive(Serialize)]
struct Room<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Participant<'a> {
    sid: &'a str,
    identity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

impl Notice {
    /// `id` is unique among all events ever.
    pub(crate) fn new(id: String, at: SystemTime, room: RoomId, what: What) -> Self {
        Self { id, at, room, what }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn name(&self) -> &'static str {
        match self.what {
            What::RoomStarted => "room_started",
            What::RoomEnded => "room_ended",
            What::SeatJoined(_) => "seat_joined",
            What::SeatLeft(..) => "seat_left",
        }
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let (who, reason) = match &self.what {
            What::RoomStarted | What::RoomEnded => (None, None),
            What::SeatJoined(who) => (Some(who), None),
            What::SeatLeft(who, reason) => (Some(who), Some(*reason)),
        };
        let body = Body {
            event: self.name(),
            id: &self.id,
            created_at: self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            room: Room {
                name: self.room.as_str(),
            },
            participant: who.map(|who| Participant {
                sid: who.peer.as_str(),
                identity: who.identity.as_str(),
                name: who.name.as_deref(),
            }),
            reason,
        };
        // Strings and numbers under fixed names: JSON can say all of it.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}
