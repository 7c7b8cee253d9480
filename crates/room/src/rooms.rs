use crate::answered::Outcome;
use crate::bucket::Bucket;
use crate::dice::Dice;
use crate::join::network;
use crate::seat::{Presence, Seat};
use crate::{Event, Frame, Input, Output, Point, SocketId, Why};
use snug_protocol::{
    ClientFrame, ClientMessage, CloseCode, ErrorCode, IceServer, Join, LeaveReason, Limits, PeerId, ResumeToken,
    RoomId, ServerMessage,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
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
    /// By address, while its bucket is not full.
    pub(crate) joins: BTreeMap<IpAddr, Bucket>,
    draining: bool,
}

pub(crate) struct Socket {
    pub(crate) address: Option<IpAddr>,
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
