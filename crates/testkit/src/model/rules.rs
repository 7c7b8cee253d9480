use super::Heard;
use super::view::{Line, text};
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_room::{Admin, Grant, Rights};
use std::collections::BTreeMap;

/// PROTOCOL.md, as plainly as it can be played.
pub(super) struct Rules {
    limits: Limits,
    now: u64,
    rooms: BTreeMap<String, Room>,
    sockets: BTreeMap<u64, At>,
    heard: Heard,
    /// Away seats that have to keep more than they may: room and peer.
    over: Vec<(String, String)>,
}

#[derive(Clone)]
enum At {
    Door { until: u64 },
    Waiting { room: String, peer: String },
    Seat { room: String, peer: String },
}

#[derive(Default)]
struct Room {
    capacity: usize,
    lobby: bool,
    locked: bool,
    /// Made by the operator, and nobody came yet.
    empty_until: Option<u64>,
    seats: Vec<Seat>,
    waiting: Vec<Waiter>,
    kicked: Vec<(Vec<String>, u64)>,
}

#[derive(Clone)]
struct Guest {
    place: u64,
    identity: Option<String>,
    moderator: bool,
    rights: Rights,
}

struct Waiter {
    peer: String,
    guest: Guest,
}

struct Seat {
    peer: String,
    identity: String,
    moderator: bool,
    rights: Rights,
    muted: Vec<usize>,
    tracks: Vec<Value>,
    /// Where it is live.
    place: Option<u64>,
    away_until: u64,
    token: String,
    previous: Option<String>,
    /// Every message that was counted, from number 2.
    log: Vec<Value>,
    /// The number up to which the client has them, or the server forgot them.
    before: usize,
    answered: BTreeMap<u64, Value>,
}

/// What became of a request, and who of the away ones keeps it.
enum Outcome {
    Done { delivered: usize, kept_by: Vec<String> },
    Refused(&'static str),
}

const KINDS: [&str; 3] = ["audio", "video", "screen"];
const QUIET: Outcome = Outcome::Done {
    delivered: 0,
    kept_by: Vec::new(),
};

impl Rules {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            now: 0,
            rooms: BTreeMap::new(),
            sockets: BTreeMap::new(),
            heard: Heard::default(),
            over: Vec::new(),
        }
    }

    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let seats = self.rooms.values().map(|room| room.seats.len()).sum();
        (self.rooms.len(), seats, self.sockets.len())
    }

    /// What is heard by rights. Of what the core says only what it made up is taken: ids and tokens.
    pub(super) fn play(&mut self, line: &Line, core: &Heard) -> Heard {
        match line {
            Line::Join { socket, join, grant } => {
                self.open(*socket);
                let grant = grant.clone().unwrap_or_else(Grant::open);
                self.join(*socket, join, &grant, core);
            }
            Line::Say { socket, message } if message["type"] != "ping" && !self.sockets.contains_key(socket) => {}
            Line::Say { socket, message } => {
                self.open(*socket);
                self.say(*socket, message, core);
            }
            Line::Lose { socket } => self.lose(*socket),
            Line::Pass { millis } => self.pass(*millis),
            Line::Admin(admin) => self.heard.reply = Some(self.admin(admin)),
            Line::Nothing => {}
        }
        self.drop_those_over();
        std::mem::take(&mut self.heard)
    }

    fn open(&mut self, place: u64) {
        let until = self.now + self.limits.idle_ms;
        self.sockets.entry(place).or_insert(At::Door { until });
    }

    fn join(&mut self, place: u64, join: &Value, grant: &Grant, core: &Heard) {
        let id = join.get("id").and_then(Value::as_u64);
        match self.sockets[&place].clone() {
            At::Door { .. } => {}
            At::Waiting { .. } => return self.send(place, error(id, "bad-message")),
            At::Seat { room, peer } => {
                let seat = self.seat(&room, &peer);
                seat.previous = None;
                let answer = match id {
                    Some(id) => seat
                        .answered
                        .entry(id)
                        .or_insert_with(|| error(Some(id), "bad-message"))
                        .clone(),
                    None => error(None, "bad-message"),
                };
                return self.send(place, answer);
            }
        }
        let outcome = if self.resume(place, join, grant, core) {
            None
        } else {
            self.fresh(place, join, grant, core)
        };
        // Whoever is dropped because of it is dropped after the answer.
        match (outcome, id) {
            // Told already, and closed.
            _ if !self.sockets.contains_key(&place) => {}
            (None, Some(id)) => self.send(place, json!({ "type": "ack", "id": id, "delivered": 0, "queued": 0 })),
            (Some("room-full" | "room-locked"), None) | (None, None) => {}
            (Some(code), id) => self.send(place, error(id, code)),
        }
    }

    fn fresh(&mut self, place: u64, join: &Value, grant: &Grant, core: &Heard) -> Option<&'static str> {
        let name = text(&join["roomId"]);
        if !self.rooms.contains_key(&name) && self.rooms.len() >= self.limits.rooms.unwrap_or(usize::MAX) {
            return Some("unavailable");
        }
        let most = u64::from(self.limits.peers_per_room);
        let asked = join["capacity"].as_u64().unwrap_or(most).min(most);
        let is_new = !self.rooms.contains_key(&name);
        let waiting_cap = self.limits.waiting_per_room as usize;
        let room = self.rooms.entry(name.clone()).or_insert_with(|| Room {
            capacity: usize::try_from(asked).unwrap_or(usize::MAX),
            ..Room::default()
        });
        let first = grant.rights.open && room.seats.is_empty();
        let guest = Guest {
            place,
            identity: grant.identity.as_ref().map(ToString::to_string),
            moderator: grant.moderator || first,
            rights: grant.rights,
        };
        if room.locked && !guest.moderator {
            self.send(place, json!({ "type": "locked", "roomId": name }));
            return Some("room-locked");
        }
        let full = json!({ "type": "full", "roomId": name, "capacity": room.capacity });
        if room.lobby && !guest.moderator {
            if room.waiting.len() >= waiting_cap {
                self.send(place, full);
                return Some("room-full");
            }
            let peer = minted(core, place, "waiting", "peerId");
            let at = At::Waiting {
                room: name.clone(),
                peer: peer.clone(),
            };
            self.sockets.insert(place, at);
            let heartbeat = self.limits.heartbeat_ms;
            let waiting = json!({ "type": "waiting", "roomId": name, "peerId": peer, "heartbeatMs": heartbeat });
            self.send(place, waiting);
            let waiter = Waiter { peer, guest };
            self.tell(&name, &knock(&waiter), |seat| seat.moderator);
            self.room(&name).waiting.push(waiter);
            return None;
        }
        if !has_seat(room, guest.rights.hidden, self.limits.peers_per_room) {
            self.send(place, full);
            return Some("room-full");
        }
        if join["lobby"] == true && (is_new || guest.moderator) {
            room.lobby = true;
        }
        let peer = minted(core, place, "joined", "peerId");
        self.sit(&name, peer, guest, core);
        None
    }

    fn sit(&mut self, name: &str, peer: String, guest: Guest, core: &Heard) {
        let token = minted(core, guest.place, "joined", "resumeToken");
        let (grace, heartbeat) = (self.limits.grace_ms, self.limits.heartbeat_ms);
        let room = self.room(name);
        let peers: Vec<Value> = room.seats.iter().filter(|seat| !seat.rights.hidden).map(info).collect();
        let seat = Seat {
            identity: guest.identity.unwrap_or_else(|| peer.clone()),
            moderator: guest.moderator,
            rights: guest.rights,
            muted: Vec::new(),
            tracks: Vec::new(),
            place: Some(guest.place),
            away_until: 0,
            token: token.clone(),
            previous: None,
            log: Vec::new(),
            before: 1,
            answered: BTreeMap::new(),
            peer: peer.clone(),
        };
        let joined = json!({
            "type": "joined", "peerId": peer, "roomId": name, "identity": seat.identity, "role": role(seat.moderator),
            "peers": peers, "resumeToken": token, "graceMs": grace, "heartbeatMs": heartbeat, "iceServers": [],
            "topology": "mesh", "capacity": room.capacity, "locked": room.locked, "seq": 1, "protocol": 1,
        });
        let mut arrival = info(&seat);
        arrival["type"] = json!("peer-joined");
        let hidden = seat.rights.hidden;
        room.empty_until = None;
        room.seats.push(seat);
        let in_sight = room.seats.iter().filter(|seat| !seat.rights.hidden).count();
        let ready = room.capacity == 2 && in_sight == 2 && !hidden;
        self.send(guest.place, joined);
        let at = At::Seat {
            room: name.to_owned(),
            peer: peer.clone(),
        };
        self.sockets.insert(guest.place, at);
        if !hidden {
            self.tell(name, &arrival, |seat| seat.peer != peer);
        }
        if ready {
            let message = |initiates: bool| json!({ "type": "ready", "isInitiator": initiates });
            self.tell(name, &message(false), |seat| seat.peer != peer && !seat.rights.hidden);
            self.tell(name, &message(true), |seat| seat.peer == peer);
        }
        if guest.moderator {
            self.tell_who_knocks(name, &peer);
        }
    }

    /// Whether the join is answered by it.
    fn resume(&mut self, place: u64, join: &Value, grant: &Grant, core: &Heard) -> bool {
        let Some(resume) = join.get("resume") else { return false };
        let name = text(&join["roomId"]);
        let (token, seq) = (text(&resume["token"]), resume["seq"].as_u64().unwrap_or_default());
        let Some(room) = self.rooms.get_mut(&name) else {
            return false;
        };
        let fits = |seat: &&mut Seat| seat.token == token || seat.previous.as_ref() == Some(&token);
        let Some(seat) = room.seats.iter_mut().find(fits) else {
            let kicked = room.kicked.iter().any(|(tokens, _)| tokens.contains(&token));
            if kicked {
                self.send(place, json!({ "type": "kicked" }));
                if let Some(id) = join.get("id").and_then(Value::as_u64) {
                    self.send(place, error(Some(id), "forbidden"));
                }
                self.close(place, 4001);
            }
            return kicked;
        };
        if grant
            .identity
            .as_ref()
            .is_some_and(|identity| identity.as_str() != seat.identity)
        {
            return false;
        }
        let old = seat.place;
        let seq = usize::try_from(seq).unwrap_or(usize::MAX);
        if !(seat.before..=1 + seat.log.len()).contains(&seq) {
            let peer = seat.peer.clone();
            if let Some(old) = old {
                self.close(old, 4003);
            }
            self.end_seat(&name, &peer, "timeout");
            self.drop_those_over();
            return false;
        }
        let next = minted(core, place, "resumed", "resumeToken");
        seat.previous = Some(token);
        seat.token = next.clone();
        seat.place = Some(place);
        seat.before = seq;
        let missed = seat.log[seq - 1..].to_vec();
        let (peer, hidden) = (seat.peer.clone(), seat.rights.hidden);
        if let Some(old) = old {
            self.close(old, 4003);
        }
        let resumed =
            json!({ "type": "resumed", "peerId": peer, "seq": seq, "replayed": missed.len(), "resumeToken": next });
        self.send(place, resumed);
        for message in missed {
            self.send(place, message);
        }
        let at = At::Seat {
            room: name.clone(),
            peer: peer.clone(),
        };
        self.sockets.insert(place, at);
        if old.is_none() && !hidden {
            self.tell(&name, &json!({ "type": "peer-back", "peerId": peer }), |seat| {
                seat.peer != peer
            });
        }
        true
    }

    fn say(&mut self, place: u64, message: &Value, core: &Heard) {
        let id = message.get("id").and_then(Value::as_u64);
        let kind = text(&message["type"]);
        let pong = json!({ "type": "pong", "seq": message["seq"] });
        match self.sockets[&place].clone() {
            At::Door { .. } | At::Waiting { .. } if kind == "ping" => {
                self.send(place, pong);
                self.ack(place, id);
            }
            At::Waiting { room, peer } if kind == "leave" => {
                self.ack(place, id);
                self.send(place, json!({ "type": "left" }));
                self.door(place);
                self.stop_waiting(&room, &peer);
            }
            At::Door { .. } | At::Waiting { .. } => self.send(place, error(id, "not-joined")),
            At::Seat { room, peer } => {
                let seat = self.seat(&room, &peer);
                seat.previous = None;
                if let Some(answer) = id.and_then(|id| seat.answered.get(&id)).cloned() {
                    return self.send(place, answer);
                }
                let outcome = match kind.as_str() {
                    "ping" => {
                        let seq = usize::try_from(message["seq"].as_u64().unwrap_or_default()).unwrap_or(usize::MAX);
                        seat.before = seat.before.max(seq.min(1 + seat.log.len()));
                        self.send(place, pong);
                        QUIET
                    }
                    "leave" => {
                        self.ack(place, id);
                        self.send(place, json!({ "type": "left" }));
                        self.door(place);
                        return self.end_seat(&room, &peer, "left");
                    }
                    "end" if seat.moderator => {
                        let others = |seat: &&Seat| seat.peer != peer && !seat.rights.hidden && seat.place.is_some();
                        let delivered = self.room(&room).seats.iter().filter(others).count();
                        if let Some(id) = id {
                            let ack = json!({ "type": "ack", "id": id, "delivered": delivered, "queued": 0 });
                            self.send(place, ack);
                        }
                        return self.end_room(&room, "a moderator ended the room");
                    }
                    _ => self.act(&room, &peer, &kind, message, core),
                };
                let lost = self.drop_those_over();
                let answer = match outcome {
                    Outcome::Refused(code) => Some(error(id, code)),
                    Outcome::Done { delivered, kept_by } => id.map(|id| {
                        let queued = kept_by.iter().filter(|peer| !lost.contains(peer)).count();
                        json!({ "type": "ack", "id": id, "delivered": delivered, "queued": queued })
                    }),
                };
                if let Some(answer) = answer {
                    if let Some(id) = id
                        && let Some(seat) = self.find(&room, &peer)
                    {
                        seat.answered.insert(id, answer.clone());
                    }
                    self.send(place, answer);
                }
            }
        }
    }

    fn act(&mut self, name: &str, me: &str, kind: &str, message: &Value, core: &Heard) -> Outcome {
        let seat = self.seat(name, me);
        let (rights, moderator) = (seat.rights, seat.moderator);
        let mut relayed = message.clone();
        relayed["from"] = json!(me);
        relayed.as_object_mut().and_then(|fields| fields.remove("id"));
        let to = message.get("to").map(text);
        match kind {
            "message" if !rights.data => Outcome::Refused("forbidden"),
            "message" | "offer" => {
                relayed.as_object_mut().and_then(|fields| fields.remove("to"));
                self.relay(name, me, to, &relayed)
            }
            "mute" if to.is_some() && !moderator => Outcome::Refused("forbidden"),
            "mute" if to.is_some() => self.relay(name, me, to, &relayed),
            "unmute" | "publish" if !rights.publish => Outcome::Refused("forbidden"),
            "mute" | "unmute" => {
                let kind_no = KINDS
                    .iter()
                    .position(|kind| message["kind"] == *kind)
                    .unwrap_or_default();
                seat.muted.retain(|muted| *muted != kind_no);
                if kind == "mute" {
                    seat.muted.push(kind_no);
                    seat.muted.sort_unstable();
                }
                self.announce(name, me, &relayed)
            }
            "publish" => {
                let mut track = message.clone();
                for field in ["type", "id"] {
                    track.as_object_mut().and_then(|fields| fields.remove(field));
                }
                let known = seat
                    .tracks
                    .iter()
                    .position(|known| known["trackId"] == track["trackId"]);
                match known {
                    Some(at) => seat.tracks[at] = track,
                    None if seat.tracks.len() == 32 => return Outcome::Refused("forbidden"),
                    None => seat.tracks.push(track),
                }
                self.announce(name, me, &relayed)
            }
            "unpublish" => {
                let before = seat.tracks.len();
                seat.tracks.retain(|track| track["trackId"] != message["trackId"]);
                if seat.tracks.len() == before {
                    return QUIET;
                }
                self.announce(name, me, &relayed)
            }
            "subscribe" if !rights.subscribe => Outcome::Refused("forbidden"),
            "subscribe" => self.relay(name, me, Some(text(&message["from"])), &relayed),
            _ if !moderator => Outcome::Refused("forbidden"),
            "lock" | "unlock" => {
                let locked = kind == "lock";
                if self.room(name).locked == locked {
                    return QUIET;
                }
                self.room(name).locked = locked;
                self.relay(name, me, None, &relayed)
            }
            "kick" => {
                let whom = text(&message["peerId"]);
                if whom == me || self.find(name, &whom).is_none() {
                    return Outcome::Refused("no-such-peer");
                }
                let delivered = usize::from(self.kick(name, &whom));
                Outcome::Done {
                    delivered,
                    kept_by: Vec::new(),
                }
            }
            "admit" | "deny" => self.judge(name, &text(&message["peerId"]), kind == "admit", core),
            other => panic!("{other} is not for here"),
        }
    }

    fn judge(&mut self, name: &str, whom: &str, admit: bool, core: &Heard) -> Outcome {
        let most = self.limits.peers_per_room;
        let room = self.room(name);
        let Some(waiter) = room.waiting.iter().find(|waiter| waiter.peer == whom) else {
            return Outcome::Refused("no-such-peer");
        };
        let guest = waiter.guest.clone();
        if admit && !has_seat(room, guest.rights.hidden, most) {
            return Outcome::Refused("room-full");
        }
        self.stop_waiting(name, whom);
        if admit {
            self.sit(name, whom.to_owned(), guest, core);
        } else {
            self.send(guest.place, json!({ "type": "denied", "roomId": name }));
            self.door(guest.place);
        }
        Outcome::Done {
            delivered: 1,
            kept_by: Vec::new(),
        }
    }

    fn relay(&mut self, name: &str, me: &str, to: Option<String>, message: &Value) -> Outcome {
        match to {
            None => {
                let (delivered, kept_by) = self.tell(name, message, |seat| seat.peer != me);
                Outcome::Done { delivered, kept_by }
            }
            Some(to) if to == me || self.find(name, &to).is_none() => Outcome::Refused("no-such-peer"),
            Some(to) => {
                let live = self.seat(name, &to).place.is_some();
                self.tell(name, message, |seat| seat.peer == to);
                Outcome::Done {
                    delivered: usize::from(live),
                    kept_by: if live { Vec::new() } else { vec![to] },
                }
            }
        }
    }

    fn announce(&mut self, name: &str, me: &str, message: &Value) -> Outcome {
        if self.seat(name, me).rights.hidden {
            return QUIET;
        }
        self.relay(name, me, None, message)
    }

    /// How many live ones in sight heard it, and which away ones in sight keep it.
    fn tell(&mut self, name: &str, message: &Value, whom: impl Fn(&Seat) -> bool) -> (usize, Vec<String>) {
        let most = self.limits.outbox.0;
        let (mut delivered, mut kept_by) = (0, Vec::new());
        let room = self.rooms.get_mut(name).expect("a room");
        for seat in room.seats.iter_mut().filter(|seat| whom(seat)) {
            seat.log.push(message.clone());
            let last = 1 + seat.log.len();
            match seat.place {
                Some(place) => {
                    seat.before = seat.before.max(last.saturating_sub(most));
                    self.heard.messages.entry(place).or_default().push(message.clone());
                    delivered += usize::from(!seat.rights.hidden);
                }
                None => {
                    if last - seat.before > most {
                        self.over.push((name.to_owned(), seat.peer.clone()));
                    }
                    if !seat.rights.hidden {
                        kept_by.push(seat.peer.clone());
                    }
                }
            }
        }
        (delivered, kept_by)
    }

    /// Who had to keep too much is gone: who that is.
    fn drop_those_over(&mut self) -> Vec<String> {
        let mut lost = Vec::new();
        while !self.over.is_empty() {
            let (room, peer) = self.over.remove(0);
            if self.find(&room, &peer).is_some() {
                self.end_seat(&room, &peer, "timeout");
                lost.push(peer);
            }
        }
        lost
    }

    fn end_seat(&mut self, name: &str, peer: &str, reason: &str) {
        let room = self.room(name);
        let at = room.seats.iter().position(|seat| seat.peer == peer).expect("a seat");
        let seat = room.seats.remove(at);
        if room.seats.is_empty() {
            return self.end_room(name, "everyone left");
        }
        if !seat.rights.hidden {
            let left = json!({ "type": "peer-left", "peerId": peer, "identity": seat.identity, "reason": reason });
            self.tell(name, &left, |_| true);
        }
        let room = self.room(name);
        if !seat.moderator || room.seats.iter().any(|seat| seat.moderator) {
            return;
        }
        let somebody_is_live = room.seats.iter().any(|seat| seat.place.is_some());
        let may = |seat: &&mut Seat| seat.rights.open && (seat.place.is_some() || !somebody_is_live);
        let Some(heir) = room.seats.iter_mut().find(may) else {
            return;
        };
        heir.moderator = true;
        let heir = heir.peer.clone();
        self.tell(
            name,
            &json!({ "type": "role", "peerId": heir, "role": "moderator" }),
            |_| true,
        );
        self.tell_who_knocks(name, &heir);
    }

    fn end_room(&mut self, name: &str, reason: &str) {
        let room = self.rooms.remove(name).expect("a room");
        let seated = room.seats.iter().filter_map(|seat| seat.place);
        let waiting = room.waiting.iter().map(|waiter| waiter.guest.place);
        for place in seated.chain(waiting) {
            self.send(place, json!({ "type": "ended", "reason": reason }));
            self.close(place, 4002);
        }
    }

    /// Whether it was live.
    fn kick(&mut self, name: &str, peer: &str) -> bool {
        let until = self.now + self.limits.grace_ms;
        let seat = self.seat(name, peer);
        let place = seat.place;
        let tokens = [Some(seat.token.clone()), seat.previous.clone()]
            .into_iter()
            .flatten()
            .collect();
        if let Some(place) = place {
            self.send(place, json!({ "type": "kicked" }));
            self.close(place, 4001);
        }
        self.end_seat(name, peer, "kicked");
        if let Some(room) = self.rooms.get_mut(name) {
            room.kicked.push((tokens, until));
        }
        place.is_some()
    }

    fn stop_waiting(&mut self, name: &str, peer: &str) {
        self.room(name).waiting.retain(|waiter| waiter.peer != peer);
        self.tell(name, &json!({ "type": "knock-gone", "peerId": peer }), |seat| {
            seat.moderator
        });
    }

    fn tell_who_knocks(&mut self, name: &str, moderator: &str) {
        let knocks: Vec<Value> = self.room(name).waiting.iter().map(knock).collect();
        for knock in knocks {
            self.tell(name, &knock, |seat| seat.peer == moderator);
        }
    }

    fn lose(&mut self, place: u64) {
        match self.sockets.remove(&place) {
            None | Some(At::Door { .. }) => {}
            Some(At::Waiting { room, peer }) => self.stop_waiting(&room, &peer),
            Some(At::Seat { room, peer }) => {
                let until = self.now + self.limits.grace_ms;
                let seat = self.seat(&room, &peer);
                seat.place = None;
                seat.away_until = until;
                if !seat.rights.hidden {
                    let away = json!({ "type": "peer-away", "peerId": peer });
                    self.tell(&room, &away, |seat| seat.peer != peer);
                }
            }
        }
    }

    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        loop {
            let idle = self.sockets.values().filter_map(|at| match at {
                At::Door { until } => Some(*until),
                At::Waiting { .. } | At::Seat { .. } => None,
            });
            let away = |room: &Room| {
                let seats = room.seats.iter().filter(|seat| seat.place.is_none());
                seats.map(|seat| seat.away_until).min()
            };
            let rooms = self
                .rooms
                .values()
                .flat_map(|room| [room.empty_until, away(room)])
                .flatten();
            match idle.chain(rooms).min().filter(|next| *next <= end) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
            self.expire();
        }
        self.now = end;
        for room in self.rooms.values_mut() {
            room.kicked.retain(|(_, until)| *until > end);
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        let idle = self.sockets.iter().filter_map(|(place, at)| match at {
            At::Door { until } if *until <= now => Some(*place),
            At::Door { .. } | At::Waiting { .. } | At::Seat { .. } => None,
        });
        for place in idle.collect::<Vec<_>>() {
            self.close(place, 1008);
        }
        for name in self.rooms.keys().cloned().collect::<Vec<_>>() {
            let is_over = |seat: &Seat| seat.place.is_none() && seat.away_until <= now;
            while let Some(room) = self.rooms.get(&name)
                && let Some(seat) = room.seats.iter().find(|seat| is_over(seat))
            {
                let peer = seat.peer.clone();
                self.end_seat(&name, &peer, "timeout");
            }
            if self
                .rooms
                .get(&name)
                .is_some_and(|room| room.empty_until.is_some_and(|until| until <= now))
            {
                self.end_room(&name, "nobody came");
            }
        }
        self.drop_those_over();
    }

    fn admin(&mut self, admin: &Admin) -> &'static str {
        match admin {
            Admin::Create { room, capacity, lobby } => {
                let name = room.to_string();
                if self.rooms.contains_key(&name) {
                    return "exists";
                }
                if self.rooms.len() >= self.limits.rooms.unwrap_or(usize::MAX) {
                    return "unavailable";
                }
                let room = Room {
                    capacity: capacity.unwrap_or(self.limits.peers_per_room) as usize,
                    lobby: *lobby,
                    empty_until: Some(self.now + self.limits.empty_ms),
                    ..Room::default()
                };
                self.rooms.insert(name, room);
                "done"
            }
            Admin::Kick { room, peer, .. } => {
                let (name, peer) = (room.to_string(), peer.to_string());
                if !self.rooms.contains_key(&name) {
                    return "no such room";
                }
                if self.find(&name, &peer).is_none() {
                    return "no such peer";
                }
                self.kick(&name, &peer);
                "done"
            }
            Admin::End { room, .. } => {
                let name = room.to_string();
                if !self.rooms.contains_key(&name) {
                    return "no such room";
                }
                self.end_room(&name, "a moderator ended the room");
                "done"
            }
        }
    }

    fn room(&mut self, name: &str) -> &mut Room {
        self.rooms.get_mut(name).expect("a room")
    }

    fn find(&mut self, name: &str, peer: &str) -> Option<&mut Seat> {
        self.rooms
            .get_mut(name)?
            .seats
            .iter_mut()
            .find(|seat| seat.peer == peer)
    }

    fn seat(&mut self, name: &str, peer: &str) -> &mut Seat {
        self.find(name, peer).expect("a seat")
    }

    fn send(&mut self, place: u64, message: Value) {
        self.heard.messages.entry(place).or_default().push(message);
    }

    fn ack(&mut self, place: u64, id: Option<u64>) {
        if let Some(id) = id {
            self.send(place, json!({ "type": "ack", "id": id, "delivered": 0, "queued": 0 }));
        }
    }

    fn close(&mut self, place: u64, code: u16) {
        self.sockets.remove(&place);
        self.heard.closed.insert(place, code);
    }

    fn door(&mut self, place: u64) {
        let until = self.now + self.limits.idle_ms;
        self.sockets.insert(place, At::Door { until });
    }
}

fn has_seat(room: &Room, hidden: bool, most: u32) -> bool {
    let alike = room.seats.iter().filter(|seat| seat.rights.hidden == hidden).count();
    alike < if hidden { most as usize } else { room.capacity }
}

fn info(seat: &Seat) -> Value {
    let muted: Vec<&str> = seat.muted.iter().map(|kind| KINDS[*kind]).collect();
    let mut info = json!({
        "peerId": seat.peer, "identity": seat.identity, "role": role(seat.moderator), "away": seat.place.is_none(),
        "muted": muted,
    });
    if !seat.tracks.is_empty() {
        info["tracks"] = json!(seat.tracks);
    }
    info
}

fn role(moderator: bool) -> &'static str {
    if moderator { "moderator" } else { "member" }
}

fn knock(waiter: &Waiter) -> Value {
    let identity = waiter.guest.identity.as_ref().unwrap_or(&waiter.peer);
    json!({ "type": "knock", "peerId": waiter.peer, "identity": identity })
}

fn error(id: Option<u64>, code: &str) -> Value {
    let mut error = json!({ "type": "error", "code": code });
    if let Some(id) = id {
        error["id"] = json!(id);
    }
    error
}

/// What the core made up; nothing, where it said no such thing.
fn minted(core: &Heard, place: u64, kind: &str, field: &str) -> String {
    let messages = core.messages.get(&place).map(Vec::as_slice).unwrap_or_default();
    let message = messages.iter().find(|message| message["type"] == kind);
    message.map(|message| text(&message[field])).unwrap_or_default()
}
