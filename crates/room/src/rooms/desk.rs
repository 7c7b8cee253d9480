use super::joins::network;
use crate::map::{ByNumber, shrink};
use crate::room::{Holder, Millis, SeatNo};
use crate::{RoomNo, SocketId, Why};
use snug_protocol::{Limits, PeerId};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The sockets, where each of them is, and what is due when.
pub(super) struct Desk {
    sockets: ByNumber<SocketId, Socket>,
    deadlines: BTreeSet<(Millis, Why)>,
    pub(super) draining: bool,
}

pub(super) struct Socket {
    pub(super) address: Option<IpAddr>,
    pub(super) place: Place,
}

#[derive(Clone)]
pub(super) enum Place {
    /// Connected, without a seat; closed at this time.
    Door {
        until: Millis,
    },
    Waiting {
        room: RoomNo,
        peer: PeerId,
    },
    Seat {
        room: RoomNo,
        seat: SeatNo,
    },
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            sockets: ByNumber::default(),
            deadlines: BTreeSet::new(),
            draining: false,
        }
    }

    pub(super) fn open(&mut self, now: Millis, socket: SocketId, address: Option<IpAddr>, limits: &Limits) {
        let until = now + limits.idle_ms;
        self.deadlines.insert((until, Why::Idle(socket)));
        let place = Place::Door { until };
        let address = address.map(network);
        self.sockets.insert(socket, Socket { address, place });
    }

    /// Forgets a socket, and says where it was.
    pub(super) fn close(&mut self, socket: SocketId) -> Option<(Holder, Place)> {
        let Socket { place, .. } = self.sockets.remove(&socket)?;
        if let Place::Door { until } = place {
            self.deadlines.remove(&(until, Why::Idle(socket)));
        }
        shrink(&mut self.sockets);
        Some((holder(socket), place))
    }

    pub(super) fn get(&self, socket: SocketId) -> Option<&Socket> {
        self.sockets.get(&socket)
    }

    /// Puts a socket back at the door.
    pub(super) fn door(&mut self, now: Millis, socket: SocketId, limits: &Limits) {
        let until = now + limits.idle_ms;
        if let Some(entry) = self.sockets.get_mut(&socket) {
            entry.place = Place::Door { until };
            self.deadlines.insert((until, Why::Idle(socket)));
        }
    }

    /// Gives a socket a place that is not the door.
    pub(super) fn place(&mut self, socket: SocketId, place: Place) {
        let Some(entry) = self.sockets.get_mut(&socket) else {
            return;
        };
        if let Place::Door { until } = entry.place {
            self.deadlines.remove(&(until, Why::Idle(socket)));
        }
        entry.place = place;
    }

    pub(super) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn footprint(&self) -> usize {
        self.sockets.capacity() + self.deadlines.len()
    }

    pub(super) fn first_due(&self) -> Option<&(Millis, Why)> {
        self.deadlines.first()
    }

    pub(super) fn take_due(&mut self, now: Millis) -> Option<Why> {
        if self.deadlines.first()?.0 > now {
            return None;
        }
        self.deadlines.pop_first().map(|(_, why)| why)
    }

    pub(super) fn set_due(&mut self, at: Millis, why: Why) {
        self.deadlines.insert((at, why));
    }

    pub(super) fn clear_due(&mut self, at: Millis, why: Why) {
        self.deadlines.remove(&(at, why));
    }

    /// Forgets every socket, in their order, and opens to none.
    pub(super) fn drain(&mut self) -> Vec<SocketId> {
        self.draining = true;
        self.deadlines.clear();
        let mut sockets: Vec<SocketId> = self.sockets.drain().map(|(socket, _)| socket).collect();
        self.sockets.shrink_to_fit();
        sockets.sort_unstable();
        sockets
    }
}

/// There is one process only.
pub(super) fn holder(socket: SocketId) -> Holder {
    Holder { node: 0, socket }
}
