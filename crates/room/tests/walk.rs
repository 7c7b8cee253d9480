//! Seeded random walks against a reference model that is simple enough to be evidently right: each seat has the list of
//! all messages it should ever count, and each client the list of those that reached it.

mod support;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use snug_protocol::{LeaveReason, ServerMessage};
use snug_room::{Event, SocketId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use support::Sim;

const ROOMS: [&str; 3] = ["tea", "coffee", "milk"];

/// A client as the protocol wants it: it counts, it acknowledges, it resumes.
#[derive(Default)]
struct Client {
    socket: Option<SocketId>,
    seat: Option<SeatView>,
    next_id: u64,
    /// By id: the request, the answer that is due, and whether it came.
    answers: BTreeMap<u64, Value>,
}

struct SeatView {
    room: &'static str,
    peer: String,
    token: Value,
    seq: u64,
    roster: BTreeMap<String, bool>,
    heard: Vec<(String, u64)>,
}

struct World {
    sim: Sim,
    dice: StdRng,
    clients: Vec<Client>,
    /// Who sits where, by peerId: room, and whether it is live.
    seats: BTreeMap<String, (&'static str, bool)>,
    /// By receiver: what it is to hear, in order, as (sender, number).
    expected: BTreeMap<String, Vec<(String, u64)>>,
    said: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            sim: Sim::new(),
            dice: StdRng::seed_from_u64(seed),
            clients: (0..8).map(|_| Client::default()).collect(),
            seats: BTreeMap::new(),
            expected: BTreeMap::new(),
            said: 0,
        }
    }

    fn step(&mut self) {
        let who = self.dice.random_range(0..self.clients.len());
        match (
            &self.clients[who].socket,
            &self.clients[who].seat,
            self.dice.random_range(0..20),
        ) {
            (None, None, _) => self.join(who),
            (None, Some(_), 0..10) => self.resume(who),
            (None, Some(_), _) => self.wait(),
            (Some(_), _, 0) => self.leave(who),
            (Some(_), _, 1..3) => self.lose(who),
            (Some(_), _, 3) => self.resume(who),
            (Some(_), _, 4..6) => self.ping(who),
            (Some(_), _, 6) => self.say_again(who),
            (Some(_), _, _) => self.say(who),
        }
        self.read_all();
    }

    fn join(&mut self, who: usize) {
        let room = ROOMS[self.dice.random_range(0..ROOMS.len())];
        let (socket, joined) = self.sim.join(room);
        self.sit(who, room, socket, &joined);
    }

    fn sit(&mut self, who: usize, room: &'static str, socket: SocketId, joined: &Value) {
        let peer = text(&joined["peerId"]);
        let roster: BTreeMap<String, bool> = joined["peers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|peer| (text(&peer["peerId"]), peer["away"] == false))
            .collect();
        assert_eq!(roster, self.members(room, &peer), "joined names who is there");
        self.seats.insert(peer.clone(), (room, true));
        self.expected.insert(peer.clone(), Vec::new());
        let seq = joined["seq"].as_u64().expect("a number");
        let token = joined["resumeToken"].clone();
        let seat = SeatView {
            room,
            peer,
            token,
            seq,
            roster,
            heard: Vec::new(),
        };
        self.clients[who] = Client {
            socket: Some(socket),
            seat: Some(seat),
            next_id: 1,
            answers: BTreeMap::new(),
        };
    }

    /// The socket dies, and what was on its way is lost.
    fn lose(&mut self, who: usize) {
        let Some(socket) = self.clients[who].socket.take() else {
            return;
        };
        if let Some(seat) = &self.clients[who].seat {
            // Some of the frames in flight never arrive.
            if self.dice.random_bool(0.5) {
                let from = seat.peer.clone();
                self.speak_as_somebody(&from);
            }
            self.sim.take(socket);
        }
        self.sim.drop_socket(socket);
        if let Some(seat) = &self.clients[who].seat
            && let Some(entry) = self.seats.get_mut(&seat.peer)
        {
            entry.1 = false;
        }
    }

    /// Somebody else in the same room speaks, unread by `but`.
    fn speak_as_somebody(&mut self, but: &str) {
        let room = self.seats.get(but).map(|seat| seat.0);
        let other = self.clients.iter().position(|client| {
            client.socket.is_some()
                && client
                    .seat
                    .as_ref()
                    .is_some_and(|seat| Some(seat.room) == room && seat.peer != but)
        });
        if let Some(other) = other {
            self.say(other);
        }
    }

    fn resume(&mut self, who: usize) {
        let Some((room, peer, token, seq)) = self.clients[who]
            .seat
            .as_ref()
            .map(|seat| (seat.room, seat.peer.clone(), seat.token.clone(), seat.seq))
        else {
            return;
        };
        let old = self.clients[who].socket.take();
        let socket = self.sim.resume(room, &token, seq);
        if let Some(old) = old {
            assert!(self.sim.close_code(old).is_some(), "taken over");
            self.sim.take(old);
        }
        let mut heard = self.sim.take(socket);
        let first = heard.remove(0);
        if let Some(entry) = self.seats.get_mut(&peer) {
            assert_eq!(first["type"], "resumed", "within the grace period");
            assert_eq!(first["replayed"], heard.len());
            entry.1 = true;
            self.clients[who].socket = Some(socket);
            if self.dice.random_bool(0.3) {
                // The reply is lost with its socket: the client knows nothing of it.
                return self.lose(who);
            }
            if let Some(seat) = &mut self.clients[who].seat {
                seat.token = first["resumeToken"].clone();
            }
            for message in heard {
                self.hear(who, &message);
            }
        } else {
            assert_eq!(first["type"], "joined", "past the grace period");
            self.sit(who, room, socket, &first);
        }
    }

    fn say(&mut self, who: usize) {
        let (Some(socket), Some(seat)) = (self.clients[who].socket, &self.clients[who].seat) else {
            return;
        };
        let (peer, room) = (seat.peer.clone(), seat.room);
        let others = self.members(room, &peer);
        self.said += 1;
        let mut message = json!({ "type": "message", "data": self.said });
        let id = self.clients[who].next_id;
        message["id"] = json!(id);
        self.clients[who].next_id += 1;
        let (targets, answer) = match self.dice.random_range(0..10) {
            0 => {
                let stranger = self.seats.iter().find(|(_, (other, _))| *other != room);
                message["to"] = json!(stranger.map_or("nobody", |(peer, _)| peer));
                (BTreeMap::new(), "error")
            }
            1..4 if !others.is_empty() => {
                let chosen = self.dice.random_range(0..others.len());
                let to = others
                    .iter()
                    .nth(chosen)
                    .map(|(peer, live)| (peer.clone(), *live))
                    .expect("in range");
                message["to"] = json!(to.0);
                (BTreeMap::from([to]), "ack")
            }
            _ => (others, "ack"),
        };
        self.sim.say(socket, message.clone());
        for target in targets.keys() {
            self.expected
                .entry(target.clone())
                .or_default()
                .push((peer.clone(), self.said));
        }
        let live = targets.values().filter(|live| **live).count();
        let mut expected = json!({ "type": answer, "id": id });
        if answer == "ack" {
            expected["delivered"] = json!(live);
            expected["queued"] = json!(targets.len() - live);
        }
        self.clients[who]
            .answers
            .insert(id, json!({ "request": message, "expected": expected }));
    }

    /// A request that was answered is sent again, as after a resume: the answer is the same, and nobody hears anything.
    fn say_again(&mut self, who: usize) {
        let client = &self.clients[who];
        let Some(socket) = client.socket else { return };
        let Some(request) = client.answers.values().last().map(|entry| entry["request"].clone()) else {
            return;
        };
        self.sim.say(socket, request);
    }

    fn ping(&mut self, who: usize) {
        let client = &self.clients[who];
        if let (Some(socket), Some(seat)) = (client.socket, &client.seat) {
            self.sim.say(socket, json!({ "type": "ping", "seq": seat.seq }));
        }
    }

    fn leave(&mut self, who: usize) {
        let Some(socket) = self.clients[who].socket.take() else {
            return;
        };
        self.sim.say(socket, json!({ "type": "leave" }));
        assert!(
            self.sim.types(socket).ends_with(&["left".to_owned()]),
            "the last thing heard"
        );
        self.sim.drop_socket(socket);
        if let Some(seat) = self.clients[who].seat.take() {
            self.seats.remove(&seat.peer);
        }
    }

    fn wait(&mut self) {
        let time = Duration::from_millis(self.dice.random_range(0..12_000));
        self.sim.pass(time);
        // The core is asked who is gone; that it is right shows in that everyone else heard of it.
        let gone: BTreeSet<String> = self
            .sim
            .events
            .drain(..)
            .filter_map(|event| {
                if let Event::Left {
                    peer,
                    reason: LeaveReason::Timeout,
                    ..
                } = event
                {
                    Some(peer.as_str().to_owned())
                } else {
                    None
                }
            })
            .collect();
        for peer in gone {
            let seat = self.seats.remove(&peer);
            assert!(seat.is_some_and(|(_, live)| !live), "only one who is away times out");
        }
    }

    fn read_all(&mut self) {
        for who in 0..self.clients.len() {
            let Some(socket) = self.clients[who].socket else {
                continue;
            };
            for message in self.sim.take(socket) {
                self.hear(who, &message);
            }
        }
    }

    fn hear(&mut self, who: usize, message: &Value) {
        let Client { seat, answers, .. } = &mut self.clients[who];
        let Some(seat) = seat else {
            panic!("{message} to a non-member")
        };
        let parsed = ServerMessage::parse(&message.to_string())
            .expect("a message of ours")
            .expect("a known type");
        if parsed.is_sequenced() {
            seat.seq += 1;
        }
        match message["type"].as_str().expect("a type") {
            "message" => {
                let from = text(&message["from"]);
                assert!(seat.roster.contains_key(&from), "only members are heard");
                seat.heard.push((from, message["data"].as_u64().expect("a number")));
            }
            "peer-joined" => assert_eq!(seat.roster.insert(text(&message["peerId"]), true), None),
            "peer-left" => assert!(seat.roster.remove(&text(&message["peerId"])).is_some()),
            "peer-away" => assert_eq!(seat.roster.insert(text(&message["peerId"]), false), Some(true)),
            "peer-back" => assert_eq!(seat.roster.insert(text(&message["peerId"]), true), Some(false)),
            "ack" | "error" => {
                let id = message["id"].as_u64().expect("an id");
                let entry = answers.get_mut(&id).expect("asked for");
                for (field, value) in entry["expected"].as_object().expect("an object") {
                    assert_eq!(&message[field], value, "{field} of the answer to {id}");
                }
                entry["answered"] = json!(true);
            }
            "role" => {
                let peer = text(&message["peerId"]);
                assert!(
                    peer == seat.peer || seat.roster.contains_key(&peer),
                    "only members moderate"
                );
            }
            "pong" => {}
            other => panic!("unexpected {other}"),
        }
    }

    fn members(&self, room: &str, but: &str) -> BTreeMap<String, bool> {
        let inside = self
            .seats
            .iter()
            .filter(|(peer, (other, _))| *other == room && *peer != but);
        inside.map(|(peer, (_, live))| (peer.clone(), *live)).collect()
    }

    /// Peace: everyone comes back, and all must agree.
    fn settle(&mut self) {
        for who in 0..self.clients.len() {
            while self.clients[who].socket.is_none() && self.clients[who].seat.is_some() {
                self.resume(who);
            }
            self.read_all();
        }
        for who in 0..self.clients.len() {
            // An answer that was lost with its socket is asked for again.
            let unanswered: Vec<Value> = self.clients[who]
                .answers
                .values()
                .filter(|entry| entry.get("answered").is_none())
                .cloned()
                .collect();
            for entry in unanswered {
                if let Some(socket) = self.clients[who].socket {
                    self.sim.say(socket, entry["request"].clone());
                }
            }
            self.read_all();
        }
        for client in &self.clients {
            let Some(seat) = &client.seat else { continue };
            assert!(
                client.answers.values().all(|entry| entry["answered"] == true),
                "every id is answered"
            );
            assert_eq!(seat.roster, self.members(seat.room, &seat.peer), "rosters are equal");
            assert_eq!(
                seat.heard, self.expected[&seat.peer],
                "everything, in order, nothing twice"
            );
        }
        for who in 0..self.clients.len() {
            self.leave(who);
            self.read_all();
        }
        self.sim.pass(Duration::from_secs(60));
        assert_eq!(self.sim.rooms.counts(), (0, 0, 0), "nothing is left behind");
        assert_eq!(self.sim.rooms.deadline(), None);
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

#[test]
fn random_walks_agree_with_the_model() {
    for seed in 0..150 {
        let walk = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..400 {
                world.step();
            }
            world.settle();
        });
        if let Err(panic) = walk {
            eprintln!("the walk of seed {seed} failed");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let trail = |seed| {
        let mut world = World::new(seed);
        let start = world.sim.now;
        for _ in 0..300 {
            world.step();
        }
        let heard = world.clients.iter().filter_map(|client| client.seat.as_ref());
        let heard: Vec<_> = heard
            .map(|seat| (seat.peer.clone(), seat.token.to_string(), seat.heard.clone()))
            .collect();
        (world.sim.now - start, heard)
    };
    assert_eq!(trail(5), trail(5));
    assert_ne!(trail(5), trail(6));
}
