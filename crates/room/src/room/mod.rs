//! One room: a state machine without outboxes, sockets or a clock, which can be stored and taken up elsewhere.

mod info;
mod join;
mod leave;
mod moderate;
mod relay;
mod seat;

pub use info::{RoomInfo, SeatInfo};
pub(crate) use join::fits;
pub use seat::{Holder, Presence, SeatNo};

use crate::{Dice, Event, Frame, Grant, Outcome, Point};
use seat::{Kicked, Seat, Waiter};
use serde::{Deserialize, Serialize};
use snug_protocol::{
    ClientMessage, CloseCode, IceServer, Identity, Join, LeaveReason, Limits, PeerId, ResumeToken, RoomId,
    ServerMessage,
};
use subtle::ConstantTimeEq;

/// Milliseconds on the clock of a store: since its start, or since 1970 where several machines share it.
pub type Millis = u64;

/// Who sits in one room, who waits before it, and what holds for it. What each seat is still to hear is the store's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Room {
    id: RoomId,
    settings: Settings,
    /// Whether anybody, or the operator, made it yet.
    started: bool,
    created: Millis,
    /// Without a seat until then, it is forgotten; only a room that the operator made outlives having none.
    until: Option<Millis>,
    /// In the order of their coming, and so of their numbers.
    seats: Vec<Seat>,
    waiting: Vec<Waiter>,
    /// Seats that were taken away, while their owners may still want to resume them.
    kicked: Vec<Kicked>,
    next_seat: u32,
    version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Settings {
    capacity: u32,
    lobby: bool,
    locked: bool,
}

/// What a room is told.
#[derive(Debug)]
pub enum RoomInput {
    /// Somebody wants a fresh seat. `join.resume` is not read: see [`Room::claim`].
    Join {
        holder: Holder,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
    },
    /// Somebody takes a seat up again with `token`, and the store has all messages after `seq`.
    Resume {
        holder: Holder,
        seat: SeatNo,
        token: ResumeToken,
        seq: u64,
        join_id: Option<String>,
    },
    /// A live seat says this; neither `join` nor `ping`, which are for the store.
    Said { seat: SeatNo, message: ClientMessage },
    /// The socket of a seat, or of one who waits, is gone. Ignored where another one holds the seat by now.
    Lost { holder: Holder, place: RoomPlace },
    /// One who waits does not want to any more.
    GiveUp { peer: PeerId },
    /// The store cannot keep what the seat missed.
    Drop { seat: SeatNo },
    /// The operator makes the room, before anybody came.
    Create { capacity: Option<u32>, lobby: bool },
    /// The operator takes a seat away.
    Kick { peer: PeerId, reason: Option<String> },
    /// The operator ends the room.
    End { reason: Option<String> },
    /// The deadline passed.
    Tick,
}

/// What a socket has to do with a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomPlace {
    Seat(SeatNo),
    Waiting(PeerId),
}

/// What a store is to do, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Number this frame, keep it in the seat's outbox, and send it where the seat is live.
    Tell {
        seat: SeatNo,
        live: Option<Holder>,
        frame: Frame,
    },
    /// Send this frame, outside of any count.
    Answer {
        holder: Holder,
        frame: Frame,
    },
    /// Close the socket. It has no place in the room any more.
    Close {
        holder: Holder,
        code: CloseCode,
    },
    /// The socket has no place any more, and may join again.
    Door {
        holder: Holder,
    },
    /// The socket waits for a moderator, as this peer.
    Waits {
        holder: Holder,
        peer: PeerId,
    },
    /// A session begins: empty, with `joined` (which is sent by an [`Effect::Answer`]) as number 1.
    Seated {
        holder: Holder,
        seat: SeatNo,
        peer: PeerId,
    },
    /// The session goes on: send `resumed`, then all after `seq`, which is acknowledged.
    Resumed {
        holder: Holder,
        seat: SeatNo,
        peer: PeerId,
        seq: u64,
        token: ResumeToken,
        taken_over: bool,
    },
    /// The session is over: its outbox and its answered ids can go.
    Gone {
        seat: SeatNo,
        peer: PeerId,
    },
    Trace {
        join_id: String,
        point: Point,
    },
    Happened(Box<Event>),
}

/// What a resume token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This seat; live when another socket still seems to hold it.
    Seat(SeatNo),
    /// A seat that was taken away.
    Kicked,
}

/// What a room needs of the world for one step.
pub struct Turn<'a> {
    pub now: Millis,
    pub dice: &'a mut Dice,
    pub limits: &'a Limits,
    pub effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    fn answer(&mut self, holder: Holder, message: &ServerMessage) {
        self.effects.push(Effect::Answer {
            holder,
            frame: message.frame(),
        });
    }

    fn close(&mut self, holder: Holder, code: CloseCode) {
        self.effects.push(Effect::Close { holder, code });
    }

    fn happened(&mut self, event: Event) {
        self.effects.push(Effect::Happened(event.into()));
    }

    fn trace(&mut self, join_id: Option<&String>, point: Point) {
        if let Some(join_id) = join_id {
            self.effects.push(Effect::Trace {
                join_id: join_id.clone(),
                point,
            });
        }
    }
}

impl Room {
    /// A room that nobody made yet: the first input does. Where [`Room::is_over`] still holds after that, nobody did.
    pub fn new(id: RoomId, now: Millis) -> Self {
        Self {
            id,
            settings: Settings {
                capacity: 0,
                lobby: false,
                locked: false,
            },
            started: false,
            created: now,
            until: None,
            seats: Vec::new(),
            waiting: Vec::new(),
            kicked: Vec::new(),
            next_seat: 0,
            version: 0,
        }
    }

    /// Takes what happened. The outcome answers a request; what else is to be done is in `turn.effects`.
    ///
    /// Nothing is due by the clock but on [`RoomInput::Tick`]: a store ticks a room first whose deadline has come.
    pub fn handle(&mut self, turn: &mut Turn<'_>, input: RoomInput) -> Outcome {
        match input {
            RoomInput::Join {
                holder,
                join,
                grant,
                ice_servers,
            } => self.join(turn, holder, join, grant, ice_servers),
            RoomInput::Resume {
                holder,
                seat,
                token,
                seq,
                join_id,
            } => {
                self.resume(turn, holder, seat, token, seq, join_id.as_ref());
                Outcome::QUIET
            }
            RoomInput::Said { seat, message } => self.said(turn, seat, message),
            RoomInput::Lost { holder, place } => {
                self.lost(turn, holder, place);
                Outcome::QUIET
            }
            RoomInput::GiveUp { peer } => self.give_up(turn, &peer),
            RoomInput::Drop { seat } => {
                self.drop_seat(turn, seat);
                Outcome::QUIET
            }
            RoomInput::Create { capacity, lobby } => {
                self.create(turn, capacity, lobby);
                Outcome::QUIET
            }
            RoomInput::Kick { peer, reason } => self.kick(turn, &peer, reason),
            RoomInput::End { reason } => self.end(turn, reason, None),
            RoomInput::Tick => {
                self.tick(turn);
                Outcome::QUIET
            }
        }
    }

    pub fn id(&self) -> &RoomId {
        &self.id
    }

    /// Whether there is nothing left of it: a store forgets it.
    pub fn is_over(&self) -> bool {
        self.seats.is_empty() && self.until.is_none()
    }

    /// Grows with every change of the room. Relaying changes nothing.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When a [`RoomInput::Tick`] is due. It changes only with the version.
    pub fn deadline(&self) -> Option<Millis> {
        let graces = self.seats.iter().filter_map(|seat| match seat.presence {
            Presence::Live(_) => None,
            Presence::Away { until } => Some(until),
        });
        let memories = self.kicked.iter().map(|kicked| kicked.until);
        let nobody = self.until.filter(|_| self.seats.is_empty());
        graces.chain(memories).chain(nobody).min()
    }

    /// What this token opens, for this identity where a token of the server names one.
    pub fn claim(&self, token: &ResumeToken, identity: Option<&Identity>) -> Option<Claim> {
        let fits = |other: &ResumeToken| bool::from(other.as_str().as_bytes().ct_eq(token.as_str().as_bytes()));
        let seat = self
            .seats
            .iter()
            .find(|seat| fits(&seat.token) || seat.previous.as_ref().is_some_and(fits));
        if let Some(seat) = seat {
            let same = identity.is_none_or(|identity| *identity == seat.identity);
            return same.then_some(Claim::Seat(seat.no));
        }
        let kicked = self.kicked.iter().any(|kicked| kicked.tokens.iter().any(fits));
        kicked.then_some(Claim::Kicked)
    }

    /// The client speaks on its socket, so it has its newest token, and the one before is spent (rule R4).
    pub fn heard(&mut self, seat: SeatNo) {
        if let Some(at) = self.index(seat)
            && self.seats[at].previous.take().is_some()
        {
            self.version += 1;
        }
    }

    /// The seat with this number, its peerId and its presence.
    pub fn seat(&self, seat: SeatNo) -> Option<(&PeerId, Presence)> {
        let seat = &self.seats[self.index(seat)?];
        Some((&seat.peer_id, seat.presence))
    }

    /// Whether the seat is in nobody's roster (rule G3).
    pub fn is_hidden(&self, seat: SeatNo) -> bool {
        self.index(seat).is_some_and(|at| self.seats[at].rights.hidden)
    }

    /// Every seat, in the order of their coming.
    pub fn seats(&self) -> impl ExactSizeIterator<Item = (SeatNo, &PeerId, Presence)> {
        self.seats.iter().map(|seat| (seat.no, &seat.peer_id, seat.presence))
    }

    /// Those who wait to be let in, and the sockets that they wait on.
    pub fn waiters(&self) -> impl ExactSizeIterator<Item = (&PeerId, Holder)> {
        self.waiting.iter().map(|waiter| (&waiter.peer_id, waiter.guest.holder))
    }

    /// How many wait to be let in.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn index(&self, seat: SeatNo) -> Option<usize> {
        // Numbers grow with the order of coming, and few are missing: the place is at most that far to the left.
        self.seats.binary_search_by_key(&seat, |seat| seat.no).ok()
    }

    fn find(&self, peer: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.peer_id.as_str() == peer)
    }

    /// How many others see.
    fn in_sight(&self) -> usize {
        self.seats.iter().filter(|seat| !seat.rights.hidden).count()
    }

    /// Tells every seat that `whom` holds for; the message is encoded once.
    fn tell(&self, turn: &mut Turn<'_>, message: &impl Text, whom: impl Fn(&Seat) -> bool) -> Outcome {
        let (mut delivered, mut queued) = (0, 0);
        let mut encoded: Option<Frame> = None;
        for seat in self.seats.iter().filter(|seat| whom(seat)) {
            let frame = encoded.get_or_insert_with(|| message.frame()).clone();
            let live = seat.holder();
            turn.effects.push(Effect::Tell {
                seat: seat.no,
                live,
                frame,
            });
            // Who is in no roster is in no count of it.
            if !seat.rights.hidden {
                delivered += u32::from(live.is_some());
                queued += u32::from(live.is_none());
            }
        }
        Outcome::Done { delivered, queued }
    }

    fn left(&self, seat: &Seat, reason: LeaveReason, now: Millis) -> Event {
        Event::Left {
            room: self.id.clone(),
            peer: seat.peer_id.clone(),
            identity: seat.identity.clone(),
            reason,
            seats: self.seats.len(),
            stayed_ms: now.saturating_sub(seat.joined),
        }
    }
}

/// What can be told to a seat.
trait Text {
    fn frame(&self) -> Frame;
}

impl Text for ServerMessage {
    fn frame(&self) -> Frame {
        self.text()
    }
}
