//! Schedules of mishaps: what goes wrong, with whom, for how long. The same seed gives the same schedule, and a schedule
//! can be written down.

use super::wire::{Arrival, End};
use super::{Dice, Guest, Trouble, World};
use snug_protocol::PeerId;
use snug_room::SocketId;
use snug_session::{Hint, Input};

/// One thing that happens. Guests are numbered by their coming; one that crashed is followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// A guest says the next number to everybody.
    Say(usize),
    /// A guest says it to one of those in its roster.
    Whisper(usize),
    /// The guest's socket breaks, and both ends see it.
    Cut(usize),
    /// Nothing arrives by the guest's socket any more, and nobody is told.
    HalfOpen(usize),
    /// By the guest's socket nothing arrives at the guest; the other way all does.
    Deaf(usize),
    /// By the guest's socket nothing arrives at the server; the other way all does.
    Mute(usize),
    /// The guest's network carries nothing for so many milliseconds: late, but nothing is lost. New sockets open after.
    Stall(usize, u64),
    /// The guest's machine sleeps for so many milliseconds, and wakes.
    Sleep(usize, u64),
    /// The system tells the guest that the network is there.
    Hint(usize),
    /// The guest's program dies, and is started again: the same person, who knows nothing of the seat.
    Crash(usize),
    /// The server does nothing for so many milliseconds.
    Freeze(u64),
    /// No socket can be had for so many milliseconds; those there are live on.
    Refuse(u64),
    /// The server dies, and another one takes its place that knows nothing.
    Restart,
}

/// What a schedule may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// No trouble lasts longer than a third of the grace period, and each is over before the next: no seat may be lost.
    Gentle,
    /// Anything, at any time, but nothing that makes the server forget.
    Rough,
    /// Anything, crashes and restarts too.
    Ruthless,
}

/// So many mishaps, each with the milliseconds since the one before.
pub fn schedule(seed: u64, temper: Temper, guests: usize, mishaps: usize) -> Vec<(u64, Mishap)> {
    let mut dice = Dice::new(seed);
    (0..mishaps).map(|_| draw(&mut dice, temper, guests)).collect()
}

fn draw(dice: &mut Dice, temper: Temper, guests: usize) -> (u64, Mishap) {
    let guest = dice.below(guests as u64) as usize;
    let gentle = temper == Temper::Gentle;
    let longest = if gentle { 10_000 } else { 60_000 };
    let mishap = match dice.below(30) {
        0..9 => return (dice.below(300), Mishap::Say(guest)),
        9..15 => return (dice.below(300), Mishap::Whisper(guest)),
        15..18 => Mishap::Cut(guest),
        18 => Mishap::HalfOpen(guest),
        19 => Mishap::Deaf(guest),
        20 => Mishap::Mute(guest),
        21..23 => Mishap::Stall(guest, dice.below(longest)),
        23 => Mishap::Sleep(guest, dice.below(longest)),
        24 => return (dice.below(300), Mishap::Hint(guest)),
        25 => Mishap::Freeze(dice.below(longest / 3)),
        26 => Mishap::Refuse(dice.below(longest / 3)),
        27 if temper == Temper::Ruthless => Mishap::Crash(guest),
        28 if temper == Temper::Ruthless => Mishap::Restart,
        _ => Mishap::Cut(guest),
    };
    // A half-open socket is noticed after 20 s at the latest, by ping and patience; a gentle schedule waits for that, and for
    // the rest.
    let before = if gentle {
        35_000 + dice.below(5_000)
    } else {
        dice.below(4_000)
    };
    (before, mishap)
}

impl World {
    /// Lets a schedule come true.
    pub fn endure(&mut self, schedule: &[(u64, Mishap)]) {
        for (after, mishap) in schedule {
            self.pass(*after);
            self.suffer(*mishap);
        }
    }

    fn suffer(&mut self, mishap: Mishap) {
        match mishap {
            Mishap::Say(guest) if self.guests[guest].is_up() => self.say(guest, None),
            Mishap::Whisper(guest) if self.guests[guest].is_up() => {
                let known: Vec<PeerId> = self.guests[guest].roster.keys().cloned().collect();
                let to = (!known.is_empty()).then(|| known[self.dice.below(known.len() as u64) as usize].clone());
                self.say(guest, to);
            }
            Mishap::Hint(guest) if self.guests[guest].is_up() => self.tell(guest, Input::Hint(Hint::Online)),
            // Nobody is there to do it.
            Mishap::Say(_) | Mishap::Whisper(_) | Mishap::Hint(_) => {}
            Mishap::Cut(guest) => self.harm(guest, Trouble::Cut),
            Mishap::HalfOpen(guest) => self.harm(guest, Trouble::Silence),
            Mishap::Deaf(guest) => self.deafen(guest, End::Guest),
            Mishap::Mute(guest) => self.deafen(guest, End::Server),
            Mishap::Stall(guest, millis) => {
                let until = self.now + millis;
                self.guests[guest].stalled = self.guests[guest].stalled.max(until);
                for wire in self.wires.values_mut().filter(|wire| wire.guest == guest) {
                    wire.to_server = wire.to_server.max(until);
                    wire.to_guest = wire.to_guest.max(until);
                }
            }
            Mishap::Sleep(guest, millis) => {
                let until = self.now + millis.max(1);
                let guest = &mut self.guests[guest];
                if guest.is_up() {
                    guest.asleep = Some((until, Vec::new()));
                }
            }
            Mishap::Crash(guest) => self.crash(guest),
            Mishap::Freeze(millis) => {
                if self.frozen.is_none() {
                    self.frozen = Some((self.now + millis.max(1), Vec::new()));
                }
            }
            Mishap::Refuse(millis) => {
                self.reachable = false;
                self.pass(millis);
                self.reachable = true;
            }
            Mishap::Restart => {
                // What waited for the old one is lost with it.
                self.frozen = None;
                self.restart();
            }
        }
    }

    /// Those whose time it is take up what waited for them, in its order, before anything newer.
    pub(super) fn wake(&mut self) {
        if let Some((_, waiting)) = self.frozen.take_if(|(until, _)| *until <= self.now) {
            for (socket, arrival) in waiting {
                self.arrive(socket, arrival);
            }
        }
        for guest in 0..self.guests.len() {
            let asleep = &mut self.guests[guest].asleep;
            if let Some((_, waiting)) = asleep.take_if(|(until, _)| *until <= self.now) {
                self.tell(guest, Input::Hint(Hint::Woken));
                for (socket, arrival) in waiting {
                    self.arrive(socket, arrival);
                }
            }
        }
    }

    /// The arrival, unless whom it is for cannot take it now.
    pub(super) fn kept_waiting(&mut self, guest: usize, socket: SocketId, arrival: Arrival) -> Option<Arrival> {
        let for_server = matches!(arrival, Arrival::Opened | Arrival::ToServer(_) | Arrival::ServerLost);
        if self.guests[guest].crashed && !for_server {
            return None;
        }
        let queue = match (for_server, &mut self.frozen, &mut self.guests[guest].asleep) {
            (true, Some((_, queue)), _) => queue,
            // Both ends hear of it at once.
            (_, _, Some((_, queue))) if !for_server || matches!(arrival, Arrival::Opened) => queue,
            _ => return Some(arrival),
        };
        queue.push((socket, arrival));
        None
    }

    fn harm(&mut self, guest: usize, trouble: Trouble) {
        if let Some(socket) = self.socket(guest) {
            self.foresee_break(socket, trouble);
        }
    }

    fn deafen(&mut self, guest: usize, end: End) {
        if let Some(socket) = self.socket(guest)
            && let Some(wire) = self.wires.get_mut(&socket)
        {
            wire.deaf.insert(end);
            // The end that hears writes in vain, and gives up at last.
            let at = self.now + self.dice.below(40_000);
            self.foresee(at, socket, Arrival::ServerLost);
        }
    }

    fn crash(&mut self, guest: usize) {
        if self.guests[guest].crashed {
            return;
        }
        if let Some(socket) = self.socket(guest) {
            self.foresee_break(socket, Trouble::Cut);
        }
        self.guests[guest].crashed = true;
        self.guests[guest].asleep = None;
        let (number, seed) = (self.guests.len(), self.dice.roll() as u32);
        self.guests.push(Guest::new(number, seed, self.now));
    }

    /// The guest's newest socket that still works.
    fn socket(&self, guest: usize) -> Option<SocketId> {
        let mut own = self
            .wires
            .iter()
            .rev()
            .filter(|(_, wire)| wire.guest == guest && wire.up);
        own.next().map(|(socket, _)| *socket)
    }
}
