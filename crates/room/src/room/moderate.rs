use super::seat::{Kicked, Seat, Waiter};
use super::{Effect, Room, SeatNo, Text, Turn};
use crate::{Outcome, Refusal};
use snug_protocol::{CloseCode, Identity, LeaveReason, PeerId, ServerMessage};

/// How many seats that were taken away a room remembers.
const REMEMBERED: usize = 64;

impl Room {
    /// Takes a seat away (rule K2).
    pub(super) fn kick(&mut self, turn: &mut Turn<'_>, peer: &PeerId, reason: Option<String>) -> Outcome {
        let Some(at) = self.find(peer.as_str()) else {
            return Outcome::Refused(Refusal::NoSuchPeer);
        };
        let holder = self.seats[at].holder();
        if let Some(holder) = holder {
            turn.answer(holder, &ServerMessage::Kicked { reason });
            turn.close(holder, CloseCode::Kicked);
        }
        let seat = self.end_seat(turn, at, LeaveReason::Kicked);
        if !self.is_over() {
            if self.kicked.len() == REMEMBERED {
                self.kicked.remove(0);
            }
            self.kicked.push(Kicked {
                tokens: [Some(seat.token), seat.previous].into_iter().flatten().collect(),
                until: turn.now + turn.limits.grace_ms,
            });
        }
        Outcome::Done {
            delivered: u32::from(holder.is_some()),
            queued: 0,
        }
    }

    /// `by` locks the room, or unlocks it (rule K3).
    pub(super) fn lock(&mut self, turn: &mut Turn<'_>, by: usize, locked: bool) -> Outcome {
        if self.settings.locked == locked {
            return Outcome::QUIET;
        }
        self.version += 1;
        self.settings.locked = locked;
        let (no, from) = (self.seats[by].no, self.seats[by].peer_id.clone());
        let message = if locked {
            ServerMessage::Lock { from }
        } else {
            ServerMessage::Unlock { from }
        };
        self.tell(turn, &message, |seat| seat.no != no)
    }

    /// Gives a seat to one who waits (rule K5).
    pub(super) fn admit(&mut self, turn: &mut Turn<'_>, peer: &PeerId) -> Outcome {
        let Some(at) = self.waiting.iter().position(|waiter| waiter.peer_id == *peer) else {
            return Outcome::Refused(Refusal::NotWaiting);
        };
        if !self.has_seat_for(&self.waiting[at].guest, turn.limits) {
            return Outcome::Refused(Refusal::RoomFull);
        }
        let Waiter { peer_id, guest } = self.stop_waiting(turn, at);
        self.take_seat(turn, peer_id, guest);
        TO_ONE
    }

    /// Sends one who waits away (rule K5).
    pub(super) fn deny(&mut self, turn: &mut Turn<'_>, peer: &PeerId, reason: Option<String>) -> Outcome {
        let Some(at) = self.waiting.iter().position(|waiter| waiter.peer_id == *peer) else {
            return Outcome::Refused(Refusal::NotWaiting);
        };
        let waiter = self.stop_waiting(turn, at);
        let holder = waiter.guest.holder;
        let room_id = self.id.clone();
        turn.answer(holder, &ServerMessage::Denied { room_id, reason });
        turn.effects.push(Effect::Door { holder });
        TO_ONE
    }

    /// Ends the room for everyone (rule K6). Counted are the live seats but `by`: nothing is kept for those away.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, reason: Option<String>, by: Option<SeatNo>) -> Outcome {
        let reason = reason.unwrap_or_else(|| "a moderator ended the room".to_owned());
        let ended = ServerMessage::Ended { reason: reason.clone() }.frame();
        let mut delivered = 0;
        for seat in std::mem::take(&mut self.seats) {
            if let Some(holder) = seat.holder() {
                let frame = ended.clone();
                turn.effects.push(Effect::Answer { holder, frame });
                turn.close(holder, CloseCode::Ended);
                delivered += u32::from(Some(seat.no) != by && !seat.rights.hidden);
            }
            turn.effects.push(Effect::Gone {
                seat: seat.no,
                peer: seat.peer_id.clone(),
            });
            turn.happened(self.left(&seat, LeaveReason::Ended, turn.now));
        }
        self.finish(turn, &reason);
        Outcome::Done { delivered, queued: 0 }
    }

    /// Tells a moderator who waits already.
    pub(super) fn tell_who_knocks(&self, turn: &mut Turn<'_>, moderator: SeatNo) {
        for waiter in &self.waiting {
            self.tell(turn, &waiter.knock(), |seat| seat.no == moderator);
        }
    }
}

impl Waiter {
    pub(super) fn identity(&self) -> Identity {
        let given = self.guest.identity.clone();
        given.unwrap_or_else(|| Identity::from(self.peer_id.clone()))
    }

    pub(super) fn knock(&self) -> ServerMessage {
        ServerMessage::Knock {
            peer_id: self.peer_id.clone(),
            identity: self.identity(),
            name: self.guest.name.clone(),
        }
    }
}

const TO_ONE: Outcome = Outcome::Done {
    delivered: 1,
    queued: 0,
};

/// Whether `seat` is no moderator.
pub(super) fn forbids(seat: &Seat) -> Option<Outcome> {
    (!seat.is_moderator()).then_some(Outcome::Refused(Refusal::ModeratorsOnly))
}
