//! All rooms of one process, in memory: their sessions, the sockets, and what is due when.

mod admin;
mod answered;
mod arrive;
mod desk;
mod joins;
mod outbox;
mod perform;
mod said;
mod session;
mod shared;
mod shelf;

pub use admin::{Admin, AdminReply};
pub use answered::Answered;

use crate::dice::Dice;
use crate::map::Keys;
use crate::room::{Effect, Millis, Room, RoomInfo, RoomInput, RoomPlace, SeatNo, Turn};
use crate::{Input, Output, RoomNo, SocketId, Why};
use desk::{Desk, Place};
use joins::Joins;
use session::Session;
use shared::Shared;
use shelf::Shelf;
use snug_protocol::{CloseCode, IceServer, Limits, Relay, RoomId};
use std::time::{Duration, Instant};

/// What an operator decides.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub limits: Limits,
    /// Handed to everyone who joins by an [`Input::Frame`].
    pub ice_servers: Vec<IceServer>,
}

/// All rooms of a server.
pub struct Rooms {
    config: Config,
    dice: Dice,
    /// When time began: the first instant it was told.
    epoch: Option<Instant>,
    desk: Desk,
    rooms: Shelf,
    seats: usize,
    joins: Joins,
    /// Kept from call to call, empty between them.
    effects: Vec<Effect>,
}

/// A room, and what its seats are still to hear.
struct Entry {
    room: Room,
    /// By number, growing.
    sessions: Vec<(SeatNo, Session)>,
    /// What their outboxes keep.
    shared: Shared,
    /// The version that `due` was asked at.
    version: u64,
    /// The room's place among the deadlines.
    due: Option<Millis>,
}

impl Rooms {
    /// A server without rooms. Whoever knows `seed` knows every peerId and resume token to come.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut dice = Dice::new(seed);
        let keys = Keys::new(&mut dice);
        Self {
            config,
            dice,
            epoch: None,
            desk: Desk::new(),
            rooms: Shelf::new(keys.clone()),
            seats: 0,
            joins: Joins::new(keys),
            effects: Vec::new(),
        }
    }

    /// Takes what happened, and says what to do about it.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.handle_into(now, input, &mut out);
        out
    }

    /// The same, appended to a list that the caller keeps.
    pub fn handle_into(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        let now = self.millis(now);
        self.expire(now, out);
        match input {
            Input::Opened { socket, .. } if self.desk.draining => {
                let code = CloseCode::Draining;
                out.push(Output::Close { socket, code });
            }
            Input::Opened { socket, address } => self.desk.open(now, socket, address, &self.config.limits),
            Input::Frame { socket, frame } => self.frame(now, socket, frame, out),
            Input::Join {
                socket,
                id,
                join,
                grant,
                ice_servers,
            } => self.arrive(now, socket, id, join, grant, ice_servers, out),
            Input::Closed { socket } => self.closed(now, socket, out),
            Input::Admin(admin) => self.admin(now, admin, out),
            Input::Tick => {}
            Input::Drain => self.drain(out),
        }
    }

    /// The same for a frame that is relayed unread: it says what an [`Input::Frame`] of it would, and copies less.
    pub fn relay_into(&mut self, now: Instant, socket: SocketId, relay: &Relay<'_>, out: &mut Vec<Output>) {
        let now = self.millis(now);
        self.expire(now, out);
        self.carry(now, socket, relay, out);
    }

    /// When to call [`Rooms::handle`] with [`Input::Tick`], if nothing else happens before.
    pub fn deadline(&self) -> Option<(Instant, Why)> {
        let (at, why) = self.desk.first_due()?;
        Some((self.epoch? + Duration::from_millis(*at), *why))
    }

    /// Rooms, seats and sockets at this moment.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.rooms.len(), self.seats, self.desk.sockets())
    }

    /// For how many rooms, sockets, deadlines, addresses and effects there is space at this moment.
    pub fn footprint(&self) -> usize {
        self.rooms.footprint() + self.desk.footprint() + self.joins.footprint() + self.effects.capacity()
    }

    /// Every room, in no order.
    pub fn list(&self, now: Instant) -> Vec<RoomInfo> {
        let now = self.since(now);
        self.rooms.iter().map(|entry| entry.room.info(now)).collect()
    }

    /// One room, where there is one.
    pub fn room(&self, now: Instant, id: &RoomId) -> Option<RoomInfo> {
        Some(self.rooms.get(id)?.room.info(self.since(now)))
    }

    fn closed(&mut self, now: Millis, socket: SocketId, out: &mut Vec<Output>) {
        let Some((holder, place)) = self.desk.close(socket) else {
            return;
        };
        let (no, place) = match place {
            Place::Door { .. } => return,
            Place::Waiting { room, peer } => (room, RoomPlace::Waiting(peer)),
            Place::Seat { room, seat } => (room, RoomPlace::Seat(seat)),
        };
        self.tell(now, no, RoomInput::Lost { holder, place }, out);
    }

    fn expire(&mut self, now: Millis, out: &mut Vec<Output>) {
        while let Some(why) = self.desk.take_due(now) {
            match why {
                Why::Idle(socket) => {
                    self.desk.close(socket);
                    let code = CloseCode::Idle;
                    out.push(Output::Close { socket, code });
                }
                Why::Room(no) => {
                    if let Some(entry) = self.rooms.get_mut(no) {
                        entry.due = None;
                        entry.version = u64::MAX;
                    }
                    self.tell(now, no, RoomInput::Tick, out);
                }
                Why::Joins => {
                    if let Some(at) = self.joins.forget(now) {
                        self.desk.set_due(at, Why::Joins);
                    }
                }
            }
        }
    }

    /// Tells a room something that answers nobody.
    fn tell(&mut self, now: Millis, no: RoomNo, input: RoomInput, out: &mut Vec<Output>) {
        self.tell_and_reply(now, no, input, None, out);
    }

    /// Tells a room something that it cannot refuse.
    fn tell_and_reply(
        &mut self,
        now: Millis,
        no: RoomNo,
        input: RoomInput,
        reply: Option<Output>,
        out: &mut Vec<Output>,
    ) {
        let Some(entry) = self.rooms.get_mut(no) else { return };
        let mut turn = Turn {
            now,
            dice: &mut self.dice,
            limits: &self.config.limits,
            effects: &mut self.effects,
        };
        entry.room.handle(&mut turn, input);
        self.settle(now, no, reply, out);
    }

    fn drain(&mut self, out: &mut Vec<Output>) {
        let code = CloseCode::Draining;
        let sockets = self.desk.drain();
        out.extend(sockets.into_iter().map(|socket| Output::Close { socket, code }));
        self.rooms.clear();
        self.seats = 0;
        self.joins.clear();
    }

    fn millis(&mut self, now: Instant) -> Millis {
        self.epoch.get_or_insert(now);
        self.since(now)
    }

    fn since(&self, now: Instant) -> Millis {
        let passed = self.epoch.map(|epoch| now.saturating_duration_since(epoch));
        passed.map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Entry {
    fn new(room: Room) -> Self {
        Self {
            room,
            sessions: Vec::new(),
            shared: Shared::default(),
            version: u64::MAX,
            due: None,
        }
    }

    fn session(&mut self, seat: SeatNo) -> Option<(&mut Session, &mut Shared)> {
        let at = self.at(seat)?;
        Some((&mut self.sessions[at].1, &mut self.shared))
    }

    /// Where a seat's session is; `near` is where it is, if it is told something just after the one before it in the room.
    fn near(&self, seat: SeatNo, near: usize) -> Option<usize> {
        match self.sessions.get(near) {
            Some((no, _)) if *no == seat => Some(near),
            Some(_) | None => self.at(seat),
        }
    }

    fn at(&self, seat: SeatNo) -> Option<usize> {
        self.sessions.binary_search_by_key(&seat, |(no, _)| *no).ok()
    }
}
