use super::arrive::{answer, send};
use super::desk::Place;
use super::{Entry, Rooms};
use crate::room::{Effect, Millis, RoomInput, SeatNo, Turn};
use crate::{Grant, Outcome, Output, Refusal, RoomNo, SocketId};
use snug_protocol::{ClientFrame, ClientMessage, PeerId, Relay, ServerMessage};

/// What one who sits in a room says.
enum Said<'a> {
    Message(ClientMessage),
    Relay(&'a Relay<'a>),
}

impl Rooms {
    pub(super) fn frame(&mut self, now: Millis, socket: SocketId, frame: ClientFrame, out: &mut Vec<Output>) {
        let ClientFrame { id, message } = frame;
        let Some(entry) = self.desk.get(socket) else {
            return; // It was closed while this frame was on its way.
        };
        if let ClientMessage::Join(join) = message {
            let ice_servers = self.config.ice_servers.clone();
            return self.arrive(now, socket, id, join, Grant::open(), ice_servers, out);
        }
        match &entry.place {
            Place::Seat { room, seat } => {
                let (room, seat) = (*room, *seat);
                self.seated(now, socket, room, seat, id, Said::Message(message), out);
            }
            Place::Door { .. } | Place::Waiting { .. } if matches!(message, ClientMessage::Ping { .. }) => {
                if let ClientMessage::Ping { seq } = message {
                    out.push(send(socket, &ServerMessage::Pong { seq }));
                }
                answer(socket, id, Outcome::QUIET, out);
            }
            Place::Door { .. } => answer(socket, id, Outcome::Refused(Refusal::NotJoined), out),
            Place::Waiting { room, peer } => {
                if let ClientMessage::Leave = message {
                    let (room, peer) = (*room, peer.clone());
                    return self.give_up(now, socket, id, room, peer, out);
                }
                answer(socket, id, Outcome::Refused(Refusal::NotAdmitted), out);
            }
        }
    }

    /// A frame that is relayed unread, if it comes from one who sits in a room.
    pub(super) fn carry(&mut self, now: Millis, socket: SocketId, relay: &Relay<'_>, out: &mut Vec<Output>) {
        match self.desk.get(socket).map(|entry| &entry.place) {
            Some(Place::Seat { room, seat }) => {
                let (room, seat) = (*room, *seat);
                self.seated(now, socket, room, seat, relay.id, Said::Relay(relay), out);
            }
            Some(Place::Door { .. } | Place::Waiting { .. }) => self.frame(now, socket, relay.to_frame(), out),
            None => {} // It was closed while this frame was on its way.
        }
    }

    /// A frame from one who sits in a room.
    #[expect(clippy::too_many_arguments, reason = "they are one frame and where it came from")]
    fn seated(
        &mut self,
        now: Millis,
        socket: SocketId,
        room: RoomNo,
        seat: SeatNo,
        id: Option<u64>,
        said: Said<'_>,
        out: &mut Vec<Output>,
    ) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        entry.room.heard(seat);
        let Some((session, shared)) = entry.session(seat) else {
            return;
        };
        if let Some(outcome) = id.and_then(|id| session.answered.recall(id)) {
            return answer(socket, id, outcome, out);
        }
        if let Said::Message(ClientMessage::Ping { seq }) = said {
            session.outbox.acknowledge(seq, shared);
            if let Some(id) = id {
                session.answered.record(id, Outcome::QUIET);
            }
            out.push(send(socket, &ServerMessage::Pong { seq }));
            return answer(socket, id, Outcome::QUIET, out);
        }
        // Nothing may follow the message that takes the sender's seat or socket away (rule A1).
        let (is_broadcast, is_last) = match &said {
            Said::Message(message) => {
                let is_last = matches!(message, ClientMessage::Leave | ClientMessage::End { .. });
                (message.to().is_none(), is_last)
            }
            Said::Relay(relay) => (relay.to.is_none(), false),
        };
        let mut turn = Turn {
            now,
            dice: &mut self.dice,
            limits: &self.config.limits,
            effects: &mut self.effects,
        };
        let mut outcome = match said {
            Said::Message(message) => entry.room.handle(&mut turn, RoomInput::Said { seat, message }),
            Said::Relay(relay) => entry.room.carry(&mut turn, seat, relay),
        };
        if is_last {
            answer(socket, id, outcome, out);
        }
        let keeping = match outcome {
            Outcome::Done { queued: 1.., .. } => entry.keeping(&self.effects, is_broadcast),
            Outcome::Done { .. } | Outcome::Refused(_) => Vec::new(),
        };
        let lost = self.settle(now, room, None, out);
        if let Outcome::Done { queued, .. } = &mut outcome {
            let gone = lost.iter().filter(|seat| keeping.contains(seat)).count();
            *queued = queued.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
        }
        if let Some(id) = id
            && let Some((session, _)) = self.rooms.get_mut(room).and_then(|entry| entry.session(seat))
        {
            session.answered.record(id, outcome);
        }
        if !is_last {
            answer(socket, id, outcome, out);
        }
    }

    /// A `join` from one who sits in a room.
    pub(super) fn refuse_seated(
        &mut self,
        socket: SocketId,
        room: RoomNo,
        seat: SeatNo,
        id: Option<u64>,
        out: &mut Vec<Output>,
    ) {
        let Some(entry) = self.rooms.get_mut(room) else { return };
        entry.room.heard(seat);
        let Some((session, _)) = entry.session(seat) else {
            return;
        };
        let recalled = id.and_then(|id| session.answered.recall(id));
        let outcome = recalled.unwrap_or(Outcome::Refused(Refusal::AlreadyJoined));
        if let (Some(id), None) = (id, recalled) {
            session.answered.record(id, outcome);
        }
        answer(socket, id, outcome, out);
    }

    fn give_up(
        &mut self,
        now: Millis,
        socket: SocketId,
        id: Option<u64>,
        room: RoomNo,
        peer: PeerId,
        out: &mut Vec<Output>,
    ) {
        answer(socket, id, Outcome::QUIET, out);
        self.tell(now, room, RoomInput::GiveUp { peer }, out);
    }
}

impl Entry {
    /// The away seats that were counted as keeping a message. Who is in no roster is in no count of a broadcast.
    fn keeping(&self, effects: &[Effect], is_broadcast: bool) -> Vec<SeatNo> {
        let away = effects.iter().filter_map(|effect| match effect {
            Effect::Tell { seat, live: None, .. } => Some(*seat),
            Effect::Tell { .. }
            | Effect::Answer { .. }
            | Effect::Close { .. }
            | Effect::Door { .. }
            | Effect::Waits { .. }
            | Effect::Seated { .. }
            | Effect::Resumed { .. }
            | Effect::Gone { .. }
            | Effect::Trace { .. }
            | Effect::Happened(_) => None,
        });
        away.filter(|seat| !(is_broadcast && self.room.is_hidden(*seat)))
            .collect()
    }
}
