use super::{Entry, Rooms};
use crate::Outcome;
use crate::Output;
use crate::room::{Millis, Room, RoomInput, Turn, fits};
use snug_protocol::{PeerId, RoomId};

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// Make a room before anybody comes. It waits `Limits::empty_ms` for its first seat.
    Create {
        room: RoomId,
        capacity: Option<u32>,
        lobby: bool,
    },
    /// End a room for everyone in it.
    End { room: RoomId, reason: Option<String> },
    /// Take one seat away.
    Kick {
        room: RoomId,
        peer: PeerId,
        reason: Option<String>,
    },
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminReply {
    Done,
    /// There is such a room already; it stays as it is.
    Exists,
    NoSuchRoom,
    NoSuchPeer,
    /// The room's id is empty or too long, or the capacity is 0.
    Invalid,
    /// The server has as many rooms as it may, or it ends.
    Unavailable,
}

impl Rooms {
    pub(super) fn admin(&mut self, now: Millis, admin: Admin, out: &mut Vec<Output>) {
        let reply = match admin {
            Admin::Create { room, capacity, lobby } => self.create(now, room, capacity, lobby, out),
            Admin::End { room, reason } => self.order(now, &room, RoomInput::End { reason }, out),
            Admin::Kick { room, peer, reason } => self.order(now, &room, RoomInput::Kick { peer, reason }, out),
        };
        out.push(Output::Admin(reply));
    }

    fn create(
        &mut self,
        now: Millis,
        id: RoomId,
        capacity: Option<u32>,
        lobby: bool,
        out: &mut Vec<Output>,
    ) -> AdminReply {
        let limits = &self.config.limits;
        if !fits(id.as_str(), limits.room_id_chars) || capacity == Some(0) {
            return AdminReply::Invalid;
        }
        if self.rooms.find(&id).is_some() {
            return AdminReply::Exists;
        }
        if self.desk.draining || limits.rooms.is_some_and(|most| self.rooms.len() >= most) {
            return AdminReply::Unavailable;
        }
        let no = self.rooms.add(Entry::new(Room::new(id, now)));
        self.tell(now, no, RoomInput::Create { capacity, lobby }, out);
        AdminReply::Done
    }

    fn order(&mut self, now: Millis, id: &RoomId, input: RoomInput, out: &mut Vec<Output>) -> AdminReply {
        let Some((no, entry)) = self.rooms.find_mut(id) else {
            return AdminReply::NoSuchRoom;
        };
        let mut turn = Turn {
            now,
            dice: &mut self.dice,
            limits: &self.config.limits,
            effects: &mut self.effects,
        };
        let outcome = entry.room.handle(&mut turn, input);
        self.settle(now, no, None, out);
        match outcome {
            Outcome::Done { .. } => AdminReply::Done,
            Outcome::Refused(_) => AdminReply::NoSuchPeer,
        }
    }
}
