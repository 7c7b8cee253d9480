use super::seat::{Guest, Seat, Waiter};
use super::{Effect, Holder, Presence, Room, SeatNo, Turn};
use crate::{Event, Grant, Outcome, Point, Refusal};
use snug_protocol::{
    IceServer, Identity, Join, Joined, Limits, PROTOCOL_VERSION, PeerId, ResumeToken, Role, ServerMessage, Topology,
};

impl Room {
    /// The wish for a fresh seat (rules J1 to J5, G1, K3 and K4).
    pub(super) fn join(
        &mut self,
        turn: &mut Turn<'_>,
        holder: Holder,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
    ) -> Outcome {
        let guest = match guest(holder, &join, grant, ice_servers, turn.limits) {
            Ok(guest) => guest,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        // On an open server whoever comes first moderates, also in a room that the operator made.
        let guest = if guest.rights.open && self.seats.is_empty() {
            Guest {
                role: Role::Moderator,
                ..guest
            }
        } else {
            guest
        };
        let moderates = guest.role == Role::Moderator;
        let is_new = !self.started;
        if is_new {
            self.settings.capacity = capacity(join.capacity, turn.limits);
        }
        if self.settings.locked && !moderates {
            let room_id = self.id.clone();
            turn.answer(holder, &ServerMessage::Locked { room_id });
            return Outcome::Refused(Refusal::RoomLocked);
        }
        if self.settings.lobby && !moderates {
            return self.wait(turn, guest);
        }
        if !self.has_seat_for(&guest, turn.limits) {
            return self.full(turn, holder);
        }
        if join.lobby == Some(true) && (is_new || moderates) {
            self.settings.lobby = true;
        }
        let peer = turn.dice.peer_id();
        self.take_seat(turn, peer, guest);
        Outcome::QUIET
    }

    /// Makes the room before anybody came.
    pub(super) fn create(&mut self, turn: &mut Turn<'_>, asked: Option<u32>, lobby: bool) {
        self.version += 1;
        self.settings.capacity = capacity(asked, turn.limits);
        self.settings.lobby = lobby;
        self.until = Some(turn.now + turn.limits.empty_ms);
        self.start(turn);
    }

    pub(super) fn has_seat_for(&self, guest: &Guest, limits: &Limits) -> bool {
        let in_sight = self.in_sight();
        if guest.rights.hidden {
            self.seats.len() - in_sight < limits.peers_per_room as usize
        } else {
            in_sight < self.settings.capacity as usize
        }
    }

    /// Gives a fresh seat: there is one.
    pub(super) fn take_seat(&mut self, turn: &mut Turn<'_>, peer_id: PeerId, guest: Guest) {
        self.version += 1;
        self.start(turn);
        self.until = None;
        let Guest {
            holder,
            identity,
            name,
            role,
            rights,
            ice_servers,
            join_id,
        } = guest;
        turn.trace(join_id.as_ref(), Point::Room);
        let no = SeatNo(self.next_seat);
        self.next_seat += 1;
        let seat = Seat {
            no,
            identity: identity.unwrap_or_else(|| Identity::from(peer_id.clone())),
            peer_id,
            name,
            role,
            rights,
            muted: Vec::new(),
            tracks: Vec::new(),
            presence: Presence::Live(holder),
            token: turn.dice.resume_token(),
            previous: None,
            joined: turn.now,
        };
        let others = self.seats.iter().filter(|seat| !seat.rights.hidden);
        let joined = ServerMessage::Joined(Joined {
            peer_id: seat.peer_id.clone(),
            room_id: self.id.clone(),
            identity: seat.identity.clone(),
            name: seat.name.clone(),
            role,
            peers: others.map(Seat::info).collect(),
            resume_token: seat.token.clone(),
            grace_ms: turn.limits.grace_ms,
            heartbeat_ms: turn.limits.heartbeat_ms,
            ice_servers,
            topology: Topology::Mesh,
            capacity: self.settings.capacity,
            locked: self.settings.locked,
            seq: 1,
            protocol: PROTOCOL_VERSION,
        });
        let info = seat.info();
        turn.effects.push(Effect::Seated {
            holder,
            seat: no,
            peer: seat.peer_id.clone(),
        });
        turn.trace(join_id.as_ref(), Point::Store);
        turn.happened(Event::Joined {
            room: self.id.clone(),
            peer: seat.peer_id.clone(),
            identity: seat.identity.clone(),
            name: seat.name.clone(),
            seats: self.seats.len() + 1,
        });
        self.seats.push(seat);
        turn.answer(holder, &joined);
        if !rights.hidden {
            self.tell(turn, &ServerMessage::PeerJoined(info), |seat| seat.no != no);
            if self.settings.capacity == 2 && self.in_sight() == 2 {
                let is_in_sight = |seat: &Seat| !seat.rights.hidden;
                let ready = |is_initiator| ServerMessage::Ready { is_initiator };
                self.tell(turn, &ready(false), |seat| is_in_sight(seat) && seat.no != no);
                self.tell(turn, &ready(true), |seat| seat.no == no);
            }
        }
        if role == Role::Moderator {
            self.tell_who_knocks(turn, no);
        }
    }

    /// Gives a seat its new socket (rules R1, R3 and R4).
    pub(super) fn resume(
        &mut self,
        turn: &mut Turn<'_>,
        holder: Holder,
        no: SeatNo,
        token: ResumeToken,
        seq: u64,
        join_id: Option<&String>,
    ) {
        let Some(at) = self.index(no) else { return };
        self.version += 1;
        let seat = &mut self.seats[at];
        let old = seat.holder();
        if let Some(old) = old {
            turn.close(old, snug_protocol::CloseCode::TakenOver);
        }
        turn.trace(join_id, Point::Room);
        let next = turn.dice.resume_token();
        // Of the two tokens that may be good now, only the one that the client evidently has stays so.
        seat.previous = Some(token);
        seat.token = next.clone();
        seat.presence = Presence::Live(holder);
        let peer_id = seat.peer_id.clone();
        let hidden = seat.rights.hidden;
        turn.effects.push(Effect::Resumed {
            holder,
            seat: no,
            peer: peer_id.clone(),
            seq,
            token: next,
            taken_over: old.is_some(),
        });
        turn.trace(join_id, Point::Store);
        if old.is_none() && !hidden {
            self.tell(turn, &ServerMessage::PeerBack { peer_id }, |seat| seat.no != no);
        }
    }

    fn start(&mut self, turn: &mut Turn<'_>) {
        if !self.started {
            self.started = true;
            turn.happened(Event::RoomStarted { room: self.id.clone() });
        }
    }

    fn wait(&mut self, turn: &mut Turn<'_>, guest: Guest) -> Outcome {
        if self.waiting.len() >= turn.limits.waiting_per_room as usize {
            return self.full(turn, guest.holder);
        }
        self.version += 1;
        let peer_id = turn.dice.peer_id();
        let holder = guest.holder;
        turn.effects.push(Effect::Waits {
            holder,
            peer: peer_id.clone(),
        });
        let waiting = ServerMessage::Waiting {
            room_id: self.id.clone(),
            peer_id: peer_id.clone(),
            heartbeat_ms: turn.limits.heartbeat_ms,
        };
        turn.answer(holder, &waiting);
        let waiter = Waiter { peer_id, guest };
        turn.happened(Event::Waiting {
            room: self.id.clone(),
            peer: waiter.peer_id.clone(),
            identity: waiter.identity(),
        });
        self.tell(turn, &waiter.knock(), Seat::is_moderator);
        self.waiting.push(waiter);
        Outcome::QUIET
    }

    fn full(&self, turn: &mut Turn<'_>, holder: Holder) -> Outcome {
        let full = ServerMessage::Full {
            room_id: self.id.clone(),
            capacity: self.settings.capacity,
        };
        turn.answer(holder, &full);
        Outcome::Refused(Refusal::RoomFull)
    }
}

fn capacity(asked: Option<u32>, limits: &Limits) -> u32 {
    let most = limits.peers_per_room.max(1);
    asked.unwrap_or(most).clamp(1, most)
}

fn guest(
    holder: Holder,
    join: &Join,
    grant: Grant,
    ice_servers: Vec<IceServer>,
    limits: &Limits,
) -> Result<Guest, Refusal> {
    check(join, limits)?;
    let Grant {
        identity,
        name,
        moderator,
        rights,
    } = grant;
    if identity.is_some() && join.identity.is_some() && identity != join.identity {
        return Err(Refusal::OtherIdentity);
    }
    Ok(Guest {
        holder,
        identity: identity.or_else(|| join.identity.clone()),
        name: name.or_else(|| join.name.clone()),
        role: if moderator { Role::Moderator } else { Role::Member },
        rights,
        ice_servers,
        join_id: join.join_id.clone(),
    })
}

fn check(join: &Join, limits: &Limits) -> Result<(), Refusal> {
    if !fits(join.room_id.as_str(), limits.room_id_chars) {
        return Err(Refusal::BadRoomId);
    }
    let identity = join.identity.as_ref();
    if identity.is_some_and(|identity| !fits(identity.as_str(), limits.name_chars)) {
        return Err(Refusal::BadIdentity);
    }
    let name = join.name.as_ref();
    if name.is_some_and(|name| !name.is_empty() && !fits(name, limits.name_chars)) {
        return Err(Refusal::BadName);
    }
    if join.capacity == Some(0) {
        return Err(Refusal::BadCapacity);
    }
    Ok(())
}

/// Whether a text has 1 to `most` characters.
pub(crate) fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().take(most + 1).count())
}
