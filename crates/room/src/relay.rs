use crate::answered::Outcome;
use crate::rooms::{Rooms, answer, send};
use crate::seat::{Delivery, Presence};
use crate::{Event, Frame, Output, SocketId};
use snug_protocol::{ClientMessage, ErrorCode, LeaveReason, MediaKind, PeerId, Role, ServerMessage};
use std::time::Instant;

impl Rooms {
    /// A frame from one who sits in a room.
    pub(crate) fn seated(
        &mut self,
        now: Instant,
        socket: SocketId,
        peer: &PeerId,
        id: Option<u64>,
        message: ClientMessage,
        out: &mut Vec<Output>,
    ) {
        self.prove(peer);
        let known = id.and_then(|id| self.seats.get(peer)?.answered.recall(id));
        if let Some(outcome) = known {
            return answer(socket, id, outcome, out);
        }
        let from = peer.clone();
        let outcome = match message {
            ClientMessage::Join(_) => ALREADY_JOINED,
            ClientMessage::Leave => return self.leave(now, socket, peer, id, out),
            ClientMessage::Ping { seq } => {
                if let Some(seat) = self.seats.get_mut(peer) {
                    seat.outbox.acknowledge(seq);
                }
                send(socket, &ServerMessage::Pong { seq }, out);
                Outcome::QUIET
            }
            ClientMessage::Offer { sdp, to } => self.relay(peer, to, ServerMessage::Offer { from, sdp }, out),
            ClientMessage::Answer { sdp, to } => self.relay(peer, to, ServerMessage::Answer { from, sdp }, out),
            ClientMessage::Candidate { candidate, to } => {
                self.relay(peer, to, ServerMessage::Candidate { from, candidate }, out)
            }
            ClientMessage::Message { data, to } => self.relay(peer, to, ServerMessage::Message { from, data }, out),
            ClientMessage::Mute { kind, to: None } => {
                self.remember(peer, kind, true);
                self.relay(peer, None, ServerMessage::Mute { from, kind, to: None }, out)
            }
            ClientMessage::Mute { kind, to } => match self.seats.get(peer).map(|seat| seat.role) {
                Some(Role::Moderator) => self.relay(peer, to.clone(), ServerMessage::Mute { from, kind, to }, out),
                Some(Role::Member) | None => MODERATORS_ONLY,
            },
            ClientMessage::Unmute { kind } => {
                self.remember(peer, kind, false);
                self.relay(peer, None, ServerMessage::Unmute { from, kind }, out)
            }
        };
        if let Some(id) = id
            && let Some(seat) = self.seats.get_mut(peer)
        {
            seat.answered.record(id, outcome);
        }
        answer(socket, id, outcome, out);
    }

    /// Sends one message to one peer, or to everyone else in the room.
    fn relay(&mut self, from: &PeerId, to: Option<PeerId>, message: ServerMessage, out: &mut Vec<Output>) -> Outcome {
        let others = self.others(from);
        match to {
            None => self.tell(&others, &message, out),
            Some(to) if others.contains(&to) => self.tell(&[to], &message, out),
            Some(_) => NO_SUCH_PEER,
        }
    }

    /// Puts one message in the outboxes of these peers; it is encoded once.
    pub(crate) fn tell(&mut self, peers: &[PeerId], message: &ServerMessage, out: &mut Vec<Output>) -> Outcome {
        if peers.is_empty() {
            return Outcome::QUIET;
        }
        let frame = Frame::from(message.to_json());
        let (mut delivered, mut queued) = (0, 0);
        let mut over = Vec::new();
        for peer in peers {
            let Some(seat) = self.seats.get_mut(peer) else {
                continue;
            };
            match seat.deliver(&frame, self.config.limits.outbox) {
                Delivery::Sent(socket) => {
                    delivered += 1;
                    out.push(Output::Send {
                        socket,
                        frame: frame.clone(),
                    });
                }
                Delivery::Queued => queued += 1,
                Delivery::Overflow => over.push(peer.clone()),
            }
        }
        for peer in over {
            self.end(peer, LeaveReason::Timeout, out);
        }
        Outcome::Done { delivered, queued }
    }

    fn leave(&mut self, now: Instant, socket: SocketId, peer: &PeerId, id: Option<u64>, out: &mut Vec<Output>) {
        answer(socket, id, Outcome::QUIET, out);
        send(socket, &ServerMessage::Left, out);
        let door = self.door(now, socket);
        self.place(socket, door);
        self.end(peer.clone(), LeaveReason::Left, out);
    }

    /// Takes the seat away, and the room with the last one.
    pub(crate) fn end(&mut self, peer: PeerId, reason: LeaveReason, out: &mut Vec<Output>) {
        let others = self.others(&peer);
        let Some(seat) = self.seats.remove(&peer) else {
            return;
        };
        self.tokens.remove(&seat.token);
        if let Some(previous) = &seat.previous {
            self.tokens.remove(previous);
        }
        if let Presence::Away { until } = seat.presence {
            self.deadlines.remove(&(until, crate::Why::Grace(peer.clone())));
        }
        let room = seat.room;
        out.push(Output::Happened(Event::Left {
            room: room.clone(),
            peer: peer.clone(),
            reason,
        }));
        if others.is_empty() {
            self.rooms.remove(&room);
            out.push(Output::Happened(Event::RoomEmpty { room }));
            return;
        }
        if let Some(room) = self.rooms.get_mut(&room) {
            room.members.retain(|member| *member != peer);
        }
        self.tell(
            &others,
            &ServerMessage::PeerLeft {
                peer_id: peer,
                identity: seat.identity,
                reason,
            },
            out,
        );
    }

    /// Everyone else in the peer's room, in the order of their coming.
    pub(crate) fn others(&self, peer: &PeerId) -> Vec<PeerId> {
        let room = self.seats.get(peer).and_then(|seat| self.rooms.get(&seat.room));
        let members = room.map(|room| room.members.as_slice()).unwrap_or_default();
        members.iter().filter(|member| *member != peer).cloned().collect()
    }

    fn remember(&mut self, peer: &PeerId, kind: MediaKind, muted: bool) {
        if let Some(seat) = self.seats.get_mut(peer) {
            if muted {
                seat.muted.insert(kind);
            } else {
                seat.muted.remove(&kind);
            }
        }
    }
}

const ALREADY_JOINED: Outcome = Outcome::Refused {
    code: ErrorCode::BadMessage,
    text: "this socket has a seat already: leave first",
};
const MODERATORS_ONLY: Outcome = Outcome::Refused {
    code: ErrorCode::Forbidden,
    text: "only a moderator may ask another one to mute",
};
const NO_SUCH_PEER: Outcome = Outcome::Refused {
    code: ErrorCode::NoSuchPeer,
    text: "nobody else in the room has this peerId",
};
