use crate::answered::Outcome;
use crate::bucket::Bucket;
use crate::dice::Dice;
use crate::seat::{Presence, Seat};
use crate::{Event, Frame, Input, Output, Point, SocketId, Why};
use snug_protocol::{
    ClientFrame, ClientMessage, CloseCode, ErrorCode, IceServer, Identity, Join, Joined, LeaveReason, Limits,
    PROTOCOL_VERSION, PeerId, PeerInfo, ResumeToken, Role, RoomId, ServerMessage, Topology,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// What an operator decides.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub limits: Limits,
    /// Handed to everyone who joins.
    pub ice_servers: Vec<IceServer>,
}

/// All rooms of a server.
pub struct Rooms {
    pub(crate) config: Config,
    pub(crate) dice: Dice,
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    pub(crate) seats: BTreeMap<PeerId, Seat>,
    pub(crate) rooms: BTreeMap<RoomId, Room>,
    /// Every token that can take a seat up again.
    pub(crate) tokens: BTreeMap<ResumeToken, PeerId>,
    pub(crate) deadlines: BTreeSet<(Instant, Why)>,
    joins: BTreeMap<IpAddr, Bucket>,
    draining: bool,
}

pub(crate) struct Socket {
    address: Option<IpAddr>,
    pub(crate) place: Place,
}

#[derive(Clone)]
pub(crate) enum Place {
    /// Connected, without a seat; closed at this time.
    Door {
        until: Instant,
    },
    Seat(PeerId),
}

pub(crate) struct Room {
    pub(crate) capacity: u32,
    /// In the order of their coming.
    pub(crate) members: Vec<PeerId>,
}

impl Rooms {
    /// A server without rooms. Whoever knows `seed` knows every peerId and resume token to come.
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        Self {
            config,
            dice: Dice::new(seed),
            sockets: BTreeMap::new(),
            seats: BTreeMap::new(),
            rooms: BTreeMap::new(),
            tokens: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            joins: BTreeMap::new(),
            draining: false,
        }
    }

    /// Takes what happened, and says what to do about it.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.expire(now, &mut out);
        match input {
            Input::Opened { socket, .. } if self.draining => {
                out.push(Output::Close {
                    socket,
                    code: CloseCode::Draining,
                });
            }
            Input::Opened { socket, address } => {
                let place = self.door(now, socket);
                self.sockets.insert(
                    socket,
                    Socket {
                        address: address.map(network),
                        place,
                    },
                );
            }
            Input::Frame { socket, frame } => self.frame(now, socket, frame, &mut out),
            Input::Closed { socket } => self.closed(now, socket, &mut out),
            Input::Tick => {}
            Input::Drain => self.drain(&mut out),
        }
        out
    }

    /// When to call [`Rooms::handle`] with [`Input::Tick`], if nothing else happens before.
    pub fn deadline(&self) -> Option<(Instant, Why)> {
        self.deadlines.first().cloned()
    }

    /// Rooms, seats and sockets at this moment.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.rooms.len(), self.seats.len(), self.sockets.len())
    }

    fn frame(&mut self, now: Instant, socket: SocketId, frame: ClientFrame, out: &mut Vec<Output>) {
        let ClientFrame { id, message } = frame;
        let Some(Socket { place, .. }) = self.sockets.get(&socket) else {
            return; // It was closed while this frame was on its way.
        };
        match place.clone() {
            Place::Door { .. } => match message {
                ClientMessage::Join(join) => self.join(now, socket, id, join, out),
                ClientMessage::Ping { seq } => {
                    send(socket, &ServerMessage::Pong { seq }, out);
                    answer(socket, id, Outcome::QUIET, out);
                }
                ClientMessage::Leave
                | ClientMessage::Offer { .. }
                | ClientMessage::Answer { .. }
                | ClientMessage::Candidate { .. }
                | ClientMessage::Message { .. }
                | ClientMessage::Mute { .. }
                | ClientMessage::Unmute { .. } => answer(socket, id, NOT_JOINED, out),
            },
            Place::Seat(peer) => self.seated(now, socket, &peer, id, message, out),
        }
    }

    fn join(&mut self, now: Instant, socket: SocketId, id: Option<u64>, join: Join, out: &mut Vec<Output>) {
        if let Err(text) = self.check(&join) {
            return answer(
                socket,
                id,
                Outcome::Refused {
                    code: ErrorCode::BadMessage,
                    text,
                },
                out,
            );
        }
        if !self.may_join(now, socket) {
            return answer(socket, id, TOO_MANY_JOINS, out);
        }
        if let Some(resume) = &join.resume
            && self.resume(socket, &join, resume, out)
        {
            return answer(socket, id, Outcome::QUIET, out);
        }
        let limit = self.config.limits.peers_per_room.max(1);
        let asked = join.capacity.unwrap_or(limit).clamp(1, limit);
        let (capacity, taken) = self
            .rooms
            .get(&join.room_id)
            .map_or((asked, 0), |room| (room.capacity, room.members.len()));
        if taken >= capacity as usize {
            send(
                socket,
                &ServerMessage::Full {
                    room_id: join.room_id,
                    capacity,
                },
                out,
            );
            if id.is_some() {
                answer(socket, id, ROOM_FULL, out);
            }
            return;
        }
        self.seat(socket, capacity, join, out);
        answer(socket, id, Outcome::QUIET, out);
    }

    /// Gives a fresh seat: there is one.
    fn seat(&mut self, socket: SocketId, capacity: u32, join: Join, out: &mut Vec<Output>) {
        trace(&join, Point::Room, out);
        let peer_id = self.dice.peer_id();
        let token = self.dice.resume_token();
        let room = self.rooms.entry(join.room_id.clone()).or_insert_with(|| Room {
            capacity,
            members: Vec::new(),
        });
        let role = if room.members.is_empty() {
            Role::Moderator
        } else {
            Role::Member
        };
        let others = room.members.clone();
        room.members.push(peer_id.clone());
        let peers: Vec<PeerInfo> = others
            .iter()
            .filter_map(|peer| self.seats.get(peer))
            .map(Seat::info)
            .collect();
        let identity = join.identity.clone().unwrap_or_else(|| Identity(peer_id.0.clone()));
        let seat = Seat {
            peer_id: peer_id.clone(),
            room: join.room_id.clone(),
            identity,
            name: join.name.clone(),
            role,
            muted: BTreeSet::new(),
            presence: Presence::Live { socket },
            token: token.clone(),
            previous: None,
            outbox: Default::default(),
            answered: Default::default(),
        };
        let joined = ServerMessage::Joined(Joined {
            peer_id: peer_id.clone(),
            room_id: join.room_id.clone(),
            identity: seat.identity.clone(),
            name: seat.name.clone(),
            role,
            peers,
            resume_token: token.clone(),
            grace_ms: self.config.limits.grace_ms,
            heartbeat_ms: self.config.limits.heartbeat_ms,
            ice_servers: self.config.ice_servers.clone(),
            topology: Topology::Mesh,
            capacity,
            locked: false,
            seq: seat.outbox.last(),
            protocol: PROTOCOL_VERSION,
        });
        let info = seat.info();
        self.tokens.insert(token, peer_id.clone());
        self.seats.insert(peer_id.clone(), seat);
        self.place(socket, Place::Seat(peer_id.clone()));
        trace(&join, Point::Store, out);
        let seats = others.len() + 1;
        out.push(Output::Happened(Event::Joined {
            room: join.room_id.clone(),
            peer: peer_id.clone(),
            seats,
        }));
        send(socket, &joined, out);
        self.tell(&others, &ServerMessage::PeerJoined(info), out);
        if capacity == 2 && seats == 2 {
            self.tell(&others, &ServerMessage::Ready { is_initiator: false }, out);
            self.tell(&[peer_id], &ServerMessage::Ready { is_initiator: true }, out);
        }
    }

    fn closed(&mut self, now: Instant, socket: SocketId, out: &mut Vec<Output>) {
        let Some(Socket { place, .. }) = self.sockets.remove(&socket) else {
            return;
        };
        let peer = match place {
            Place::Door { until } => {
                self.deadlines.remove(&(until, Why::Idle(socket)));
                return;
            }
            Place::Seat(peer) => peer,
        };
        let Some(seat) = self.seats.get_mut(&peer) else {
            return;
        };
        let until = now + Duration::from_millis(self.config.limits.grace_ms);
        seat.presence = Presence::Away { until };
        self.deadlines.insert((until, Why::Grace(peer.clone())));
        let room = seat.room.clone();
        out.push(Output::Happened(Event::Away {
            room,
            peer: peer.clone(),
        }));
        let others = self.others(&peer);
        self.tell(&others, &ServerMessage::PeerAway { peer_id: peer }, out);
    }

    fn expire(&mut self, now: Instant, out: &mut Vec<Output>) {
        while let Some((at, why)) = self.deadlines.first().cloned()
            && at <= now
        {
            self.deadlines.pop_first();
            match why {
                Why::Idle(socket) => {
                    self.sockets.remove(&socket);
                    out.push(Output::Close {
                        socket,
                        code: CloseCode::Idle,
                    });
                }
                Why::Grace(peer) => self.end(peer, LeaveReason::Timeout, out),
            }
        }
    }

    fn drain(&mut self, out: &mut Vec<Output>) {
        self.draining = true;
        for &socket in self.sockets.keys() {
            out.push(Output::Close {
                socket,
                code: CloseCode::Draining,
            });
        }
        self.sockets.clear();
        self.seats.clear();
        self.rooms.clear();
        self.tokens.clear();
        self.deadlines.clear();
    }

    fn check(&self, join: &Join) -> Result<(), &'static str> {
        let limits = &self.config.limits;
        let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().take(most + 1).count());
        if !fits(join.room_id.as_str(), limits.room_id_chars) {
            return Err("the roomId is empty or too long");
        }
        if join
            .identity
            .as_ref()
            .is_some_and(|identity| !fits(identity.as_str(), limits.name_chars))
        {
            return Err("the identity is empty or too long");
        }
        if join
            .name
            .as_ref()
            .is_some_and(|name| !name.is_empty() && !fits(name, limits.name_chars))
        {
            return Err("the name is too long");
        }
        if join.capacity == Some(0) {
            return Err("the capacity is 0");
        }
        Ok(())
    }

    fn may_join(&mut self, now: Instant, socket: SocketId) -> bool {
        let Some(address) = self.sockets.get(&socket).and_then(|socket| socket.address) else {
            return true;
        };
        // A full bucket is the same as none, so only those that joined just now are remembered.
        self.joins.retain(|_, bucket| !bucket.is_full(now));
        let rate = self.config.limits.joins;
        self.joins
            .entry(address)
            .or_insert_with(|| Bucket::new(now, rate))
            .take(now)
    }

    /// Puts a socket at the door, and its deadline beside it.
    pub(crate) fn door(&mut self, now: Instant, socket: SocketId) -> Place {
        let until = now + Duration::from_millis(self.config.limits.idle_ms);
        self.deadlines.insert((until, Why::Idle(socket)));
        Place::Door { until }
    }

    pub(crate) fn place(&mut self, socket: SocketId, place: Place) {
        let Some(entry) = self.sockets.get_mut(&socket) else {
            return;
        };
        if let Place::Door { until } = entry.place {
            self.deadlines.remove(&(until, Why::Idle(socket)));
        }
        entry.place = place;
    }
}

const NOT_JOINED: Outcome = Outcome::Refused {
    code: ErrorCode::NotJoined,
    text: "join a room first: only join and ping are heard before",
};
const ROOM_FULL: Outcome = Outcome::Refused {
    code: ErrorCode::RoomFull,
    text: "every seat of the room is taken",
};
const TOO_MANY_JOINS: Outcome = Outcome::Refused {
    code: ErrorCode::RateLimited,
    text: "too many joins from your address: wait a moment",
};

pub(crate) fn send(socket: SocketId, message: &ServerMessage, out: &mut Vec<Output>) {
    out.push(Output::Send {
        socket,
        frame: Frame::from(message.to_json()),
    });
}

pub(crate) fn answer(socket: SocketId, id: Option<u64>, outcome: Outcome, out: &mut Vec<Output>) {
    if let Some(message) = outcome.answer(id) {
        send(socket, &message, out);
    }
}

pub(crate) fn trace(join: &Join, point: Point, out: &mut Vec<Output>) {
    if let Some(join_id) = &join.join_id {
        out.push(Output::Trace {
            join_id: join_id.clone(),
            point,
        });
    }
}

/// What counts as one address: IPv4 whole, IPv6 by the /64 that one subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}
