use super::seat::Seat;
use super::{Effect, Holder, Millis, Presence, Room, RoomPlace, SeatNo, Turn};
use crate::{Event, Outcome, Refusal};
use snug_protocol::{CloseCode, LeaveReason, PeerId, Role, ServerMessage};

impl Room {
    /// `leave` of a seat (rule J7).
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>, at: usize) -> Outcome {
        if let Some(holder) = self.seats[at].holder() {
            turn.answer(holder, &ServerMessage::Left);
            turn.effects.push(Effect::Door { holder });
        }
        self.end_seat(turn, at, LeaveReason::Left);
        Outcome::QUIET
    }

    /// `leave` of one who waits.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>, peer: &PeerId) -> Outcome {
        let Some(at) = self.waiting.iter().position(|waiter| waiter.peer_id == *peer) else {
            return Outcome::Refused(Refusal::NotJoined);
        };
        let holder = self.waiting[at].guest.holder;
        turn.answer(holder, &ServerMessage::Left);
        turn.effects.push(Effect::Door { holder });
        self.stop_waiting(turn, at);
        Outcome::QUIET
    }

    pub(super) fn lost(&mut self, turn: &mut Turn<'_>, holder: Holder, place: RoomPlace) {
        match place {
            RoomPlace::Seat(no) => {
                let at = self.index(no).filter(|at| self.seats[*at].holder() == Some(holder));
                if let Some(at) = at {
                    self.put_away(turn, at);
                }
            }
            RoomPlace::Waiting(peer) => {
                let is_it = |waiter: &super::Waiter| waiter.peer_id == peer && waiter.guest.holder == holder;
                if let Some(at) = self.waiting.iter().position(is_it) {
                    self.stop_waiting(turn, at);
                }
            }
        }
    }

    /// What the seat missed cannot be kept, or not be had any more (rules S3 and R5).
    pub(super) fn drop_seat(&mut self, turn: &mut Turn<'_>, no: SeatNo) {
        if let Some(at) = self.index(no) {
            if let Some(holder) = self.seats[at].holder() {
                turn.close(holder, CloseCode::TakenOver);
            }
            self.end_seat(turn, at, LeaveReason::Timeout);
        }
    }

    /// Ends the seats whose grace period is over, in that order, and the room that nobody came to.
    pub(super) fn tick(&mut self, turn: &mut Turn<'_>) {
        while let Some(at) = self.first_over(turn.now) {
            self.end_seat(turn, at, LeaveReason::Timeout);
        }
        let kicked = self.kicked.len();
        self.kicked.retain(|kicked| kicked.until > turn.now);
        self.version += u64::from(kicked != self.kicked.len());
        if self.seats.is_empty() && self.until.is_some_and(|until| until <= turn.now) {
            self.finish(turn, "nobody came");
        }
    }

    /// Takes the seat away, and the room with the last one (rules J8 and K1).
    pub(super) fn end_seat(&mut self, turn: &mut Turn<'_>, at: usize, reason: LeaveReason) -> Seat {
        self.version += 1;
        let seat = self.seats.remove(at);
        turn.effects.push(Effect::Gone {
            seat: seat.no,
            peer: seat.peer_id.clone(),
        });
        turn.happened(self.left(&seat, reason, turn.now));
        if self.seats.is_empty() {
            self.finish(turn, "everyone left");
            return seat;
        }
        if !seat.rights.hidden {
            let left = ServerMessage::PeerLeft {
                peer_id: seat.peer_id.clone(),
                identity: seat.identity.clone(),
                reason,
            };
            self.tell(turn, &left, |_| true);
        }
        if seat.is_moderator() {
            self.promote(turn);
        }
        seat
    }

    /// There are no seats any more: whoever waits is sent home.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>, reason: &str) {
        self.version += 1;
        self.until = None;
        for waiter in std::mem::take(&mut self.waiting) {
            let ended = ServerMessage::Ended {
                reason: reason.to_owned(),
            };
            turn.answer(waiter.guest.holder, &ended);
            turn.close(waiter.guest.holder, CloseCode::Ended);
        }
        turn.happened(Event::RoomEnded {
            room: self.id.clone(),
            lasted_ms: turn.now.saturating_sub(self.created),
        });
    }

    pub(super) fn stop_waiting(&mut self, turn: &mut Turn<'_>, at: usize) -> super::Waiter {
        self.version += 1;
        let waiter = self.waiting.remove(at);
        let gone = ServerMessage::KnockGone {
            peer_id: waiter.peer_id.clone(),
        };
        self.tell(turn, &gone, Seat::is_moderator);
        waiter
    }

    fn put_away(&mut self, turn: &mut Turn<'_>, at: usize) {
        self.version += 1;
        let until = turn.now + turn.limits.grace_ms;
        let seat = &mut self.seats[at];
        seat.presence = Presence::Away { until };
        let (no, peer_id, hidden) = (seat.no, seat.peer_id.clone(), seat.rights.hidden);
        turn.happened(Event::Away {
            room: self.id.clone(),
            peer: peer_id.clone(),
        });
        if !hidden {
            self.tell(turn, &ServerMessage::PeerAway { peer_id }, |seat| seat.no != no);
        }
    }

    fn first_over(&self, now: Millis) -> Option<usize> {
        let over = self
            .seats
            .iter()
            .enumerate()
            .filter_map(|(at, seat)| match seat.presence {
                Presence::Away { until } if until <= now => Some((until, at)),
                Presence::Away { .. } | Presence::Live(_) => None,
            });
        over.min().map(|(_, at)| at)
    }

    /// Where no moderator is left on an open server, the one who sits here longest becomes one (rule K1).
    fn promote(&mut self, turn: &mut Turn<'_>) {
        if self.seats.iter().any(Seat::is_moderator) {
            return;
        }
        let may = |seat: &&mut Seat| seat.rights.open && !seat.rights.hidden;
        let live = self.seats.iter().any(|seat| seat.holder().is_some());
        let heir = self
            .seats
            .iter_mut()
            .filter(may)
            .find(|seat| !live || seat.holder().is_some());
        let Some(heir) = heir else { return };
        heir.role = Role::Moderator;
        let (no, peer_id) = (heir.no, heir.peer_id.clone());
        let role = Role::Moderator;
        self.tell(turn, &ServerMessage::Role { peer_id, role }, |_| true);
        self.tell_who_knocks(turn, no);
    }
}
