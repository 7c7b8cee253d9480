//! Sessions against the server's core, in simulated time: every wire delays, some are cut, and the same seed gives the
//! same run. `room` and `session` meet here and nowhere else.

mod chaos;
mod check;
mod dice;
mod guest;
mod wire;

pub use chaos::{Mishap, Temper, schedule};
pub use check::check_messages;
pub use dice::Dice;
pub use guest::{Guest, Sent};
use snug_protocol::{ClientFrame, ClientMessage, Payload, PeerId};
use snug_room::{Config, Rooms, SocketId};
use snug_session::{Attempt, Hint, Input, Instant, Output};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant as Wall};
use wire::{Arrival, End, Wire};

/// A server, its guests, and the wires between them. Times are milliseconds from the start.
pub struct World {
    now: u64,
    /// What the server calls time 0.
    epoch: Wall,
    dice: Dice,
    pub rooms: Rooms,
    pub guests: Vec<Guest>,
    wires: BTreeMap<SocketId, Wire>,
    /// By time, and then in the order in which they were foreseen.
    arrivals: BTreeMap<(u64, u64), (SocketId, Arrival)>,
    foreseen: u64,
    sockets: u64,
    /// Whether a new socket can be had.
    reachable: bool,
    pub restarts: u32,
    /// A server that does nothing until then, and what waits for it.
    frozen: Option<(u64, Vec<(SocketId, Arrival)>)>,
}

/// What goes wrong with one wire.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Both ends see it break.
    Cut,
    /// Nothing arrives any more, and nobody is told: the server finds out long after.
    Silence,
}

impl World {
    /// `guests` of one room, none of whom has connected yet.
    pub fn new(seed: u64, guests: usize) -> Self {
        let mut dice = Dice::new(seed);
        let guests = (0..guests)
            .map(|number| Guest::new(number, dice.roll() as u32, 0))
            .collect();
        Self {
            now: 0,
            epoch: Wall::now(),
            rooms: rooms(&mut dice),
            dice,
            guests,
            wires: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            foreseen: 0,
            sockets: 0,
            reachable: true,
            restarts: 0,
            frozen: None,
        }
    }

    /// Lets `millis` pass, and all that happens within.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        // Far more than any run needs: a machine that spins in place fails instead of hanging.
        for _ in 0..1_000_000 {
            let next = self.next_time();
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            self.happen();
        }
        panic!("too much happened before {end}");
    }

    /// Guests send, wires break, the network goes and comes, for `millis`. With `restarts`, the server dies now and
    /// then and forgets everything.
    pub fn storm(&mut self, millis: u64, restarts: bool) {
        let end = self.now + millis;
        while self.now < end {
            let calm = self.dice.below(400);
            self.pass(calm);
            let guest = self.dice.below(self.guests.len() as u64) as usize;
            match self.dice.below(40) {
                0..20 => self.say(guest, None),
                20..30 => {
                    let known: Vec<PeerId> = self.guests[guest].roster.keys().cloned().collect();
                    let to = (!known.is_empty()).then(|| known[self.dice.below(known.len() as u64) as usize].clone());
                    self.say(guest, to);
                }
                30..34 => self.break_wire(Trouble::Cut),
                34 => self.break_wire(Trouble::Silence),
                35 => {
                    self.reachable = false;
                    let gone = self.dice.below(3_000);
                    self.pass(gone);
                    self.reachable = true;
                }
                36..38 => self.tell(guest, Input::Hint(Hint::Online)),
                38 if restarts && self.dice.below(4) == 0 => self.restart(),
                _ => {}
            }
        }
    }

    /// A guest says the next number, to everyone or to one.
    pub fn say(&mut self, guest: usize, to: Option<PeerId>) {
        let message = self.guests[guest].next_message(to);
        self.tell(guest, Input::Send(message));
    }

    pub fn leave(&mut self, guest: usize) {
        self.tell(guest, Input::Leave);
    }

    /// The server dies, and another one takes its place that knows nothing.
    pub fn restart(&mut self) {
        self.restarts += 1;
        self.rooms = rooms(&mut self.dice);
        for socket in self.wires.keys().copied().collect::<Vec<_>>() {
            self.foresee_break(socket, Trouble::Cut);
        }
    }

    fn break_wire(&mut self, trouble: Trouble) {
        let up: Vec<SocketId> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.up)
            .map(|(socket, _)| *socket)
            .collect();
        if !up.is_empty() {
            let socket = up[self.dice.below(up.len() as u64) as usize];
            self.foresee_break(socket, trouble);
        }
    }

    fn foresee_break(&mut self, socket: SocketId, trouble: Trouble) {
        if let Some(wire) = self.wires.get_mut(&socket) {
            wire.up = false;
            if let Trouble::Cut = trouble {
                let at = self.now + self.dice.below(200);
                self.foresee(at, socket, Arrival::GuestLost(None));
            }
            let patience = if let Trouble::Cut = trouble { 500 } else { 40_000 };
            let at = self.now + self.dice.below(patience);
            self.foresee(at, socket, Arrival::ServerLost);
        }
    }

    fn next_time(&self) -> u64 {
        let arrival = self.arrivals.keys().next().map(|(at, _)| *at);
        let sessions = self.guests.iter().filter_map(Guest::next_time).min();
        let server = match &self.frozen {
            Some((until, _)) => Some(*until),
            None => self
                .rooms
                .deadline()
                .map(|(at, _)| u64::try_from(at.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)),
        };
        [arrival, sessions, server]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(u64::MAX)
    }

    /// All that is due now.
    fn happen(&mut self) {
        self.wake();
        while let Some(entry) = self.arrivals.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (socket, arrival) = entry.remove();
            self.arrive(socket, arrival);
        }
        if self.frozen.is_none() {
            self.serve(snug_room::Input::Tick);
        }
        for guest in 0..self.guests.len() {
            if self.guests[guest].is_up() {
                self.tell(guest, Input::Tick);
            }
        }
    }

    fn arrive(&mut self, socket: SocketId, arrival: Arrival) {
        let Some(Wire { guest, attempt, up, .. }) = self.wires.get(&socket).cloned() else {
            return;
        };
        let Some(arrival) = self.kept_waiting(guest, socket, arrival) else {
            return;
        };
        match arrival {
            Arrival::Refused => {
                self.wires.remove(&socket);
                self.tell(
                    guest,
                    Input::Failed {
                        attempt,
                        answered: false,
                        retry_after: None,
                    },
                );
            }
            Arrival::Opened if up => {
                self.serve(snug_room::Input::Opened { socket, address: None });
                self.tell(guest, Input::Opened(attempt));
            }
            Arrival::ToServer(text) if up => match ClientFrame::parse(&text) {
                Ok(frame) => self.serve(snug_room::Input::Frame { socket, frame }),
                Err(error) => panic!("a session said what no server reads: {error}: {text}"),
            },
            Arrival::ToGuest(text) if up => self.tell(guest, Input::Text(attempt, text)),
            Arrival::GuestLost(code) => self.tell(guest, Input::Closed(attempt, code)),
            Arrival::ServerLost => {
                self.serve(snug_room::Input::Closed { socket });
                self.wires.remove(&socket);
            }
            // It was on a wire that broke.
            Arrival::Opened | Arrival::ToServer(_) | Arrival::ToGuest(_) => {}
        }
    }

    fn tell(&mut self, guest: usize, input: Input) {
        if self.guests[guest].crashed {
            return;
        }
        let outputs = self.guests[guest].handle(Instant::from_millis(self.now), input);
        for output in outputs {
            match output {
                Output::Open(attempt) => self.open(guest, attempt),
                Output::Transmit(text) => self.send(guest, |_| true, Arrival::ToServer(text)),
                // As a page's socket, which can do no more than end.
                Output::Finish(_) => {}
                Output::Close(attempt) => self.close(guest, attempt),
                Output::Event(event) => self.guests[guest].hear(event),
            }
        }
    }

    fn open(&mut self, guest: usize, attempt: Attempt) {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        self.wires.insert(
            socket,
            Wire {
                guest,
                attempt,
                up: true,
                deaf: BTreeSet::new(),
                to_server: 0,
                to_guest: 0,
            },
        );
        let at = self.now.max(self.guests[guest].stalled) + 1 + self.dice.below(100);
        let opens = self.reachable;
        self.foresee(at, socket, if opens { Arrival::Opened } else { Arrival::Refused });
    }

    /// A closing guest's frames still arrive, and then the server sees the end.
    fn close(&mut self, guest: usize, attempt: Attempt) {
        self.send(guest, |wire| wire.attempt == attempt, Arrival::ServerLost);
    }

    fn send(&mut self, guest: usize, which: impl Fn(&Wire) -> bool, arrival: Arrival) {
        let delay = 1 + self.dice.below(60);
        let newest = self.wires.iter_mut().rev().find(|(_, wire)| wire.guest == guest);
        if let Some((socket, wire)) = newest.filter(|(_, wire)| wire.up && wire.hears(End::Server) && which(wire)) {
            wire.to_server = wire.to_server.max(self.now + delay);
            let (socket, at) = (*socket, wire.to_server);
            self.foresee(at, socket, arrival);
        }
    }

    fn serve(&mut self, input: snug_room::Input) {
        let now = self.epoch + Duration::from_millis(self.now);
        for output in self.rooms.handle(now, input) {
            let (socket, arrival) = match output {
                snug_room::Output::Send { socket, frame } => (socket, Arrival::ToGuest(frame.to_string())),
                snug_room::Output::Close { socket, code } => (socket, Arrival::GuestLost(Some(code as u16))),
                snug_room::Output::Trace { .. } | snug_room::Output::Happened(_) | snug_room::Output::Admin(_) => {
                    continue;
                }
            };
            let delay = 1 + self.dice.below(60);
            if let Some(wire) = self
                .wires
                .get_mut(&socket)
                .filter(|wire| wire.up && wire.hears(End::Guest))
            {
                wire.to_guest = wire.to_guest.max(self.now + delay);
                let at = wire.to_guest;
                self.foresee(at, socket, arrival);
            }
        }
    }

    fn foresee(&mut self, at: u64, socket: SocketId, arrival: Arrival) {
        self.foreseen += 1;
        self.arrivals.insert((at, self.foreseen), (socket, arrival));
    }

    /// The seats of those who still want one, by their own account.
    pub fn seats(&self) -> BTreeSet<PeerId> {
        let alive = self.guests.iter().filter(|guest| !guest.crashed);
        alive.filter_map(|guest| guest.seat.clone()).collect()
    }
}

fn rooms(dice: &mut Dice) -> Rooms {
    let mut seed = [0; 32];
    for bytes in seed.chunks_mut(8) {
        bytes.copy_from_slice(&dice.roll().to_le_bytes());
    }
    Rooms::new(Config::default(), seed)
}

/// What one guest says to others: who, and the how-manieth.
pub(crate) fn numbered(who: usize, number: u64, to: Option<PeerId>) -> ClientMessage {
    let data = Payload::of(&(who, number)).expect("two numbers are JSON");
    ClientMessage::Message { data, to }
}
