mod order;

use super::nudge::Nudge;
use crate::outlet::Outlet;
use order::{Early, Seat};
use snug_protocol::{CloseCode, Limits, PeerId, RoomId};
use snug_room::{Bucket, Frame, Holder, RoomPlace, SeatNo, SocketId};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};
use tracing::info;

/// The sockets of this node, and how far each of its seats has been told.
pub(super) struct Local {
    /// A name that no other run of a server has.
    pub(super) node: u64,
    next: u64,
    sockets: HashMap<SocketId, Socket>,
    seats: HashMap<PeerId, Seat>,
    /// Seats that a commit on its way gives to a socket of this node.
    starting: HashMap<PeerId, Early>,
    idle: BTreeSet<(Instant, SocketId)>,
    /// By address, while its bucket is not full.
    joins: HashMap<IpAddr, Bucket>,
    pub(super) draining: bool,
}

struct Socket {
    /// What this node was called when it opened.
    node: u64,
    /// `None` once the socket is told to end; it keeps its place until its task says that it did.
    outlet: Option<Outlet>,
    address: IpAddr,
    place: Place,
}

/// Where a socket is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Connected, without a seat; closed at this time.
    Door {
        until: Instant,
    },
    Waiting {
        room: RoomId,
        peer: PeerId,
    },
    Seat {
        room: RoomId,
        seat: SeatNo,
        peer: PeerId,
    },
}

/// What is to be done about a nudge, once the nodes' own things are unlocked.
#[derive(Debug)]
pub(super) enum Todo {
    /// Something is missing: read the seat's outbox.
    Fill(PeerId),
    /// The seat was given to a socket that is gone.
    Lost {
        room: RoomId,
        holder: Holder,
        place: RoomPlace,
    },
}

impl Local {
    pub(super) fn new(node: u64) -> Self {
        Self {
            node,
            next: 1,
            sockets: HashMap::new(),
            seats: HashMap::new(),
            starting: HashMap::new(),
            idle: BTreeSet::new(),
            joins: HashMap::new(),
            draining: false,
        }
    }

    pub(super) fn holder(&self, socket: SocketId) -> Holder {
        let node = self.sockets.get(&socket).map_or(self.node, |socket| socket.node);
        Holder { node, socket }
    }

    pub(super) fn open(&mut self, now: Instant, address: IpAddr, outlet: Outlet, limits: &Limits) -> SocketId {
        let socket = SocketId(self.next);
        self.next += 1;
        if self.draining {
            outlet.close(CloseCode::Draining);
            return socket;
        }
        let until = now + Duration::from_millis(limits.idle_ms);
        self.idle.insert((until, socket));
        self.sockets.insert(
            socket,
            Socket {
                node: self.node,
                outlet: Some(outlet),
                address: network(address),
                place: Place::Door { until },
            },
        );
        socket
    }

    /// Forgets a socket whose client is gone; says where it was.
    pub(super) fn forget(&mut self, socket: SocketId) -> Option<Place> {
        self.take(socket).map(|socket| socket.place)
    }

    pub(super) fn place(&self, socket: SocketId) -> Option<&Place> {
        self.sockets.get(&socket).map(|socket| &socket.place)
    }

    /// Whether a socket can still be given anything.
    pub(super) fn is_open(&self, socket: SocketId) -> bool {
        self.sockets.get(&socket).is_some_and(|socket| socket.outlet.is_some())
    }

    /// Puts a socket somewhere; `false` when it is gone.
    pub(super) fn put(&mut self, socket: SocketId, place: Place) -> bool {
        let Some(entry) = self.sockets.get_mut(&socket) else {
            return false;
        };
        let before = std::mem::replace(&mut entry.place, place);
        self.left(socket, &before);
        true
    }

    /// Puts a socket at the door, where it may stay for a while.
    pub(super) fn door(&mut self, now: Instant, socket: SocketId, limits: &Limits) {
        let until = now + Duration::from_millis(limits.idle_ms);
        if self.put(socket, Place::Door { until }) {
            self.idle.insert((until, socket));
        }
    }

    /// The time at the door stands still while a join is on its way.
    pub(super) fn stop_idling(&mut self, socket: SocketId) {
        if let Some(Place::Door { until }) = self.place(socket) {
            let until = *until;
            self.idle.remove(&(until, socket));
        }
    }

    /// It goes on, if nothing came of the join.
    pub(super) fn idle_on(&mut self, socket: SocketId) {
        if let Some(Place::Door { until }) = self.place(socket) {
            let until = *until;
            self.idle.insert((until, socket));
        }
    }

    /// Counts a join of this socket's address (rule L3), on this node alone.
    ///
    /// # Errors
    /// The milliseconds until there may be another one.
    pub(super) fn may_join(&mut self, now: Instant, socket: SocketId, limits: &Limits) -> Result<(), u64> {
        let Some(socket) = self.sockets.get(&socket) else {
            return Ok(());
        };
        let bucket = self.joins.entry(socket.address);
        let bucket = bucket.or_insert_with(|| Bucket::new(now, limits.joins));
        if bucket.take(now) {
            return Ok(());
        }
        Err(u64::try_from(bucket.wait().as_millis()).unwrap_or(u64::MAX).max(1))
    }

    /// Sends a frame that nobody counts. A reader that does not keep up is dropped.
    pub(super) fn send(&mut self, socket: SocketId, frame: Frame) {
        let outlet = self.sockets.get_mut(&socket).map(|entry| &mut entry.outlet);
        if let Some(slot) = outlet
            && slot.as_ref().is_some_and(|outlet| outlet.send(frame).is_err())
            && let Some(outlet) = slot.take()
        {
            info!(socket = socket.0, "dropped: its reader does not keep up");
            outlet.cut();
        }
    }

    pub(super) fn close(&mut self, socket: SocketId, code: CloseCode) {
        if let Some(outlet) = self.take(socket).and_then(|entry| entry.outlet) {
            info!(socket = socket.0, ?code, "closing");
            outlet.close(code);
        }
    }

    /// Tells a socket to go elsewhere. It keeps its place until its task says that it is gone.
    pub(super) fn send_away(&mut self, socket: SocketId) {
        let entry = self.sockets.get_mut(&socket);
        if let Some(outlet) = entry.and_then(|entry| entry.outlet.take()) {
            info!(socket = socket.0, "sent elsewhere");
            outlet.close(CloseCode::Draining);
        }
    }

    pub(super) fn rooms(&self) -> BTreeSet<RoomId> {
        self.seats.values().map(|seat| seat.room.clone()).collect()
    }

    pub(super) fn peers(&self) -> Vec<PeerId> {
        self.seats.keys().cloned().collect()
    }

    pub(super) fn hear(&mut self, now: Instant, nudges: Vec<Nudge>, limits: &Limits) -> Vec<Todo> {
        let mut todo = Vec::new();
        for nudge in nudges {
            match nudge {
                Nudge::Tell { frame, seats } => {
                    for (peer, seq) in seats {
                        todo.extend(self.tell(&peer, seq, &frame));
                    }
                }
                Nudge::Send { socket, frame } => self.send(socket, frame),
                Nudge::Close { socket, code } => self.close(socket, code),
                Nudge::Door { socket } => self.door(now, socket, limits),
                Nudge::Seated {
                    socket,
                    seat,
                    peer,
                    room,
                } => match self.begin(socket, (room.clone(), seat, peer), 1) {
                    Some(more) => todo.extend(more),
                    None => todo.push(Todo::Lost {
                        room,
                        holder: self.holder(socket),
                        place: RoomPlace::Seat(seat),
                    }),
                },
            }
        }
        todo
    }

    /// Closes those who are too long at the door; says when to look again.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        while let Some((until, socket)) = self.idle.first().copied() {
            if until > now {
                return Some(until);
            }
            self.close(socket, CloseCode::Idle);
            self.idle.remove(&(until, socket));
        }
        None
    }

    /// Forgets the addresses that would be counted like strangers.
    pub(super) fn forget_joins(&mut self, now: Instant) {
        self.joins.retain(|_, bucket| !bucket.is_full(now));
        self.joins.shrink_to(self.joins.len() * 2);
    }

    /// Tells every socket to go elsewhere.
    pub(super) fn send_all_away(&mut self) {
        let mut sockets: Vec<SocketId> = self.sockets.keys().copied().collect();
        sockets.sort_unstable();
        for socket in sockets {
            self.send_away(socket);
        }
    }

    /// Sockets and seats at this moment.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.sockets.len(), self.seats.len())
    }

    fn take(&mut self, socket: SocketId) -> Option<Socket> {
        let entry = self.sockets.remove(&socket)?;
        self.left(socket, &entry.place);
        Some(entry)
    }

    fn left(&mut self, socket: SocketId, place: &Place) {
        match place {
            Place::Door { until } => {
                self.idle.remove(&(*until, socket));
            }
            Place::Seat { peer, .. } => {
                if self.seats.get(peer).is_some_and(|seat| seat.socket == socket) {
                    self.seats.remove(peer);
                }
            }
            Place::Waiting { .. } => {}
        }
    }
}

/// What counts as one address: IPv4 whole, IPv6 by the /64 that one subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}
