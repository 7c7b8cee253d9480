mod join;
mod leave;
mod say;
mod time;

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
