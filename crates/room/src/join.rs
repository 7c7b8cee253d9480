use crate::answered::Outcome;
use crate::bucket::Bucket;
use crate::rooms::{Place, Room, Rooms, answer, send, trace};
use crate::seat::{Presence, Seat};
use crate::{Event, Output, Point, SocketId};
use snug_protocol::{ErrorCode, Identity, Join, Joined, PROTOCOL_VERSION, PeerInfo, Role, ServerMessage, Topology};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

impl Rooms {
    /// The wish for a seat, fresh or resumed (rules J1 to J5).
    pub(crate) fn join(&mut self, now: Instant, socket: SocketId, id: Option<u64>, join: Join, out: &mut Vec<Output>) {
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
}

const ROOM_FULL: Outcome = Outcome::Refused {
    code: ErrorCode::RoomFull,
    text: "every seat of the room is taken",
};
const TOO_MANY_JOINS: Outcome = Outcome::Refused {
    code: ErrorCode::RateLimited,
    text: "too many joins from your address: wait a moment",
};

/// What counts as one address: IPv4 whole, IPv6 by the /64 that one subscriber has.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}
