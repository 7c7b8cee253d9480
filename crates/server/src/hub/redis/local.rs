use super::nudge::Nudge;
use crate::outlet::Outlet;
use snug_protocol::{CloseCode, Limits, PeerId, RoomId};
use snug_room::{Bucket, Frame, Holder, RoomPlace, SeatNo, SocketId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};
use tracing::info;

/// Frames that may wait for those before them. What is more is read from the store.
const EARLY: usize = 256;

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

struct Seat {
    socket: SocketId,
    room: RoomId,
    /// The number of the last message that was sent.
    told: u64,
    early: Early,
    /// What is missing is being read from the store.
    filling: bool,
}

/// Frames that came before those that are to be sent first.
#[derive(Default)]
struct Early {
    frames: BTreeMap<u64, Frame>,
    /// Some had no room, and are to be had from the store only.
    more: bool,
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

    /// A commit is on its way that gives the seat to a socket of this node.
    pub(super) fn start(&mut self, peers: &[PeerId]) {
        for peer in peers {
            self.starting.entry(peer.clone()).or_default();
        }
    }

    /// That commit failed.
    pub(super) fn stop(&mut self, peers: &[PeerId]) {
        for peer in peers {
            self.starting.remove(peer);
        }
    }

    /// The seat is this socket's, which was told all up to `told`. `None` when the socket is gone.
    pub(super) fn begin(
        &mut self,
        socket: SocketId,
        (room, seat, peer): (RoomId, SeatNo, PeerId),
        told: u64,
    ) -> Option<Vec<Todo>> {
        let early = self.starting.remove(&peer).unwrap_or_default();
        let place = Place::Seat {
            room: room.clone(),
            seat,
            peer: peer.clone(),
        };
        if !self.put(socket, place) {
            return None;
        }
        self.seats.insert(
            peer.clone(),
            Seat {
                socket,
                room,
                told,
                early,
                filling: true,
            },
        );
        Some(self.catch_up(&peer, Vec::new()).into_iter().collect())
    }

    /// How far this seat's socket was told, and which one it is, to read on from there.
    pub(super) fn told(&self, peer: &PeerId) -> Option<(SocketId, u64)> {
        self.seats.get(peer).map(|seat| (seat.socket, seat.told))
    }

    /// The seat's messages after the last one told, as the store has them; then those that came meanwhile.
    pub(super) fn catch_up(&mut self, peer: &PeerId, missing: Vec<(u64, Frame)>) -> Option<Todo> {
        let seat = self.seats.get_mut(peer)?;
        let socket = seat.socket;
        seat.early.frames.extend(missing);
        let Early { frames, more } = std::mem::take(&mut seat.early);
        let mut rest = frames.into_iter().peekable();
        let mut next = seat.told + 1;
        let mut ready = Vec::new();
        while let Some((seq, frame)) = rest.next_if(|(seq, _)| *seq <= next) {
            if seq == next {
                ready.push(frame);
                next += 1;
            }
        }
        seat.told = next - 1;
        seat.early.frames = rest.collect();
        seat.filling = more || !seat.early.frames.is_empty();
        let todo = seat.filling.then(|| Todo::Fill(peer.clone()));
        for frame in ready {
            self.send(socket, frame);
        }
        todo
    }

    /// All seats that are to be read again, because nudges may have been lost. Whoever waits is sent to join again:
    /// what it was to be told is nowhere kept.
    pub(super) fn doubt(&mut self) -> Vec<PeerId> {
        let waiting: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| matches!(socket.place, Place::Waiting { .. }))
            .map(|(socket, _)| *socket)
            .collect();
        for socket in waiting {
            self.send_away(socket);
        }
        for seat in self.seats.values_mut() {
            seat.filling = true;
        }
        self.seats.keys().cloned().collect()
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

    fn tell(&mut self, peer: &PeerId, seq: u64, frame: &Frame) -> Option<Todo> {
        if let Some(early) = self.starting.get_mut(peer) {
            early.keep(seq, frame);
        }
        let seat = self.seats.get_mut(peer)?;
        if seq <= seat.told {
            return None;
        }
        if !seat.filling && seq == seat.told + 1 {
            seat.told = seq;
            let socket = seat.socket;
            self.send(socket, frame.clone());
            return None;
        }
        seat.early.keep(seq, frame);
        let was_filling = std::mem::replace(&mut seat.filling, true);
        (!was_filling).then(|| Todo::Fill(peer.clone()))
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

impl Early {
    fn keep(&mut self, seq: u64, frame: &Frame) {
        if self.frames.len() < EARLY {
            self.frames.insert(seq, frame.clone());
        } else {
            self.more = true;
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
