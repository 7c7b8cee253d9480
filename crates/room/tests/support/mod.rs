//! A core without a driver: time is a number, sockets are lists.
#![allow(dead_code, reason = "each test file uses its part")]

use serde_json::Value;
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, Limits};
use snug_room::{Admin, AdminReply, Config, Event, Grant, Input, Output, Point, Rooms, SocketId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub struct Sim {
    pub rooms: Rooms,
    pub now: Instant,
    pub events: Vec<Event>,
    pub traces: Vec<(String, Point)>,
    pub replies: Vec<AdminReply>,
    inboxes: BTreeMap<SocketId, Vec<Value>>,
    closed: BTreeMap<SocketId, CloseCode>,
    next: u64,
}

impl Sim {
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    #[expect(clippy::disallowed_methods, reason = "time has to start somewhere")]
    pub fn with(limits: Limits) -> Self {
        Self {
            rooms: Rooms::new(
                Config {
                    limits,
                    ice_servers: Vec::new(),
                },
                [7; 32],
            ),
            now: Instant::now(),
            events: Vec::new(),
            traces: Vec::new(),
            replies: Vec::new(),
            inboxes: BTreeMap::new(),
            closed: BTreeMap::new(),
            next: 0,
        }
    }

    pub fn open(&mut self) -> SocketId {
        self.open_from(None)
    }

    pub fn open_from(&mut self, address: Option<&str>) -> SocketId {
        let socket = SocketId(self.next);
        self.next += 1;
        self.inboxes.insert(socket, Vec::new());
        let address = address.map(|address| address.parse().expect("an address"));
        self.handle(Input::Opened { socket, address });
        socket
    }

    /// Opens a socket and joins; returns `joined`, and leaves the rest in the inbox.
    pub fn join(&mut self, room: &str) -> (SocketId, Value) {
        self.join_as(serde_json::json!({ "type": "join", "roomId": room }))
    }

    pub fn join_as(&mut self, join: Value) -> (SocketId, Value) {
        let socket = self.open();
        self.say(socket, join);
        let inbox = self.inboxes.get_mut(&socket).expect("it was opened");
        assert_eq!(
            inbox.first().map(|message| &message["type"]),
            Some(&"joined".into()),
            "{inbox:?}"
        );
        let joined = inbox.remove(0);
        (socket, joined)
    }

    /// Joins with a verified token, and returns all that comes back.
    pub fn join_with(&mut self, grant: Grant, join: Value) -> (SocketId, Vec<Value>) {
        let socket = self.open();
        let frame = ClientFrame::parse(&join.to_string()).expect("a message of the protocol");
        let ClientMessage::Join(join) = frame.message else {
            panic!("a join")
        };
        self.handle(Input::Join {
            socket,
            id: frame.id,
            join,
            grant,
            ice_servers: Vec::new(),
        });
        (socket, self.take(socket))
    }

    pub fn admin(&mut self, admin: Admin) -> AdminReply {
        self.handle(Input::Admin(admin));
        self.replies.pop().expect("an answer")
    }

    pub fn resume(&mut self, room: &str, token: &Value, seq: u64) -> SocketId {
        let socket = self.open();
        let resume = serde_json::json!({ "token": token, "seq": seq });
        self.say(
            socket,
            serde_json::json!({ "type": "join", "roomId": room, "resume": resume }),
        );
        socket
    }

    pub fn say(&mut self, socket: SocketId, message: Value) {
        let frame = ClientFrame::parse(&message.to_string()).expect("a message of the protocol");
        self.handle(Input::Frame { socket, frame });
    }

    /// Says it, and takes what comes back to the sender.
    pub fn ask(&mut self, socket: SocketId, message: Value) -> Vec<Value> {
        self.take(socket);
        self.say(socket, message);
        self.take(socket)
    }

    pub fn drop_socket(&mut self, socket: SocketId) {
        self.handle(Input::Closed { socket });
    }

    /// What arrived on this socket since the last time.
    pub fn take(&mut self, socket: SocketId) -> Vec<Value> {
        self.inboxes.get_mut(&socket).map(std::mem::take).unwrap_or_default()
    }

    pub fn types(&mut self, socket: SocketId) -> Vec<String> {
        let messages = self.take(socket);
        messages
            .iter()
            .map(|message| message["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub fn close_code(&self, socket: SocketId) -> Option<CloseCode> {
        self.closed.get(&socket).copied()
    }

    /// Lets time pass, from deadline to deadline.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.rooms.deadline().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.handle(Input::Tick);
        }
        self.now = end;
    }

    pub fn handle(&mut self, input: Input) {
        for output in self.rooms.handle(self.now, input) {
            match output {
                Output::Send { socket, frame } => {
                    assert!(
                        !self.closed.contains_key(&socket),
                        "nothing is sent to a closed socket: {frame}"
                    );
                    let message = serde_json::from_str(&frame).expect("the core speaks JSON");
                    self.inboxes.entry(socket).or_default().push(message);
                }
                Output::Close { socket, code } => {
                    self.closed.insert(socket, code);
                }
                Output::Trace { join_id, point } => self.traces.push((join_id, point)),
                Output::Happened(event) => self.events.push(*event),
                Output::Admin(reply) => self.replies.push(reply),
            }
        }
    }
}

/// The types, for a comparison at a glance.
pub fn types(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["type"].as_str().unwrap_or_default())
        .collect()
}
