use super::Heard;
use super::view::Line;
use serde_json::Value;
use snug_protocol::{ClientFrame, ClientMessage, Limits, Relay};
use snug_room::{AdminReply, Config, Input, Output, Rooms, SocketId};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The core under test, spoken to as a driver does.
pub(super) struct Core {
    rooms: Rooms,
    now: Instant,
    /// By place: the socket that is open there.
    open: BTreeMap<u64, SocketId>,
    next: u64,
}

impl Core {
    pub(super) fn new(limits: Limits) -> Self {
        let config = Config {
            limits,
            ice_servers: Vec::new(),
        };
        Self {
            rooms: Rooms::new(config, [3; 32]),
            now: Instant::now(),
            open: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn counts(&self) -> (usize, usize, usize) {
        self.rooms.counts()
    }

    pub(super) fn play(&mut self, line: &Line) -> Heard {
        let mut heard = Heard::default();
        match line {
            Line::Join { socket, join, grant } => {
                let at = self.socket(*socket, &mut heard);
                let frame = parse(join);
                let ClientMessage::Join(wish) = frame.message else {
                    unreachable!("it is one")
                };
                let input = match grant {
                    Some(grant) => Input::Join {
                        socket: at,
                        id: frame.id,
                        join: wish,
                        grant: grant.clone(),
                        ice_servers: Vec::new(),
                    },
                    None => Input::Frame {
                        socket: at,
                        frame: parse(join),
                    },
                };
                self.handle(input, &mut heard);
            }
            Line::Lose { socket } => {
                if let Some(at) = self.open.remove(socket) {
                    self.handle(Input::Closed { socket: at }, &mut heard);
                }
            }
            // One who is not there opens a socket for a ping only, to stand at the door.
            Line::Say { socket, message } if message["type"] != "ping" && !self.open.contains_key(socket) => {}
            Line::Say { socket, message } => {
                let at = self.socket(*socket, &mut heard);
                let text = message.to_string();
                match Relay::parse(&text) {
                    Some(relay) => {
                        let mut outputs = Vec::new();
                        self.rooms.relay_into(self.now, at, &relay, &mut outputs);
                        self.perform(outputs, &mut heard);
                    }
                    None => {
                        let frame = parse(message);
                        self.handle(Input::Frame { socket: at, frame }, &mut heard);
                    }
                }
            }
            Line::Pass { millis } => {
                let end = self.now + Duration::from_millis(*millis);
                while let Some((at, _)) = self.rooms.deadline().filter(|(at, _)| *at <= end) {
                    self.now = self.now.max(at);
                    self.handle(Input::Tick, &mut heard);
                }
                self.now = end;
            }
            Line::Admin(admin) => self.handle(Input::Admin(admin.clone()), &mut heard),
            Line::Nothing => {}
        }
        heard
    }

    /// Everyone goes, and nothing is left.
    pub(super) fn end(mut self) {
        while let Some((_, socket)) = self.open.pop_first() {
            self.handle(Input::Closed { socket }, &mut Heard::default());
        }
        self.play(&Line::Pass { millis: 1_000_000 });
        assert_eq!(self.rooms.counts(), (0, 0, 0), "nothing is left");
        assert_eq!(self.rooms.deadline(), None, "nothing is due");
    }

    fn socket(&mut self, place: u64, heard: &mut Heard) -> SocketId {
        if let Some(socket) = self.open.get(&place) {
            return *socket;
        }
        let socket = SocketId(self.next);
        self.next += 1;
        self.open.insert(place, socket);
        self.handle(Input::Opened { socket, address: None }, heard);
        socket
    }

    fn handle(&mut self, input: Input, heard: &mut Heard) {
        let outputs = self.rooms.handle(self.now, input);
        self.perform(outputs, heard);
    }

    fn perform(&mut self, outputs: Vec<Output>, heard: &mut Heard) {
        for output in outputs {
            match output {
                Output::Send { socket, frame } => {
                    let place = self
                        .place(socket)
                        .unwrap_or_else(|| panic!("{frame} to a closed socket"));
                    let mut message: Value = serde_json::from_str(&frame).expect("the core speaks JSON");
                    // Errors are told apart by their codes; their words are for people.
                    if message["type"] == "error" {
                        message.as_object_mut().and_then(|fields| fields.remove("message"));
                    }
                    heard.messages.entry(place).or_default().push(message);
                }
                Output::Close { socket, code } => {
                    let place = self.place(socket).expect("closed once");
                    self.open.remove(&place);
                    heard.closed.insert(place, code as u16);
                }
                Output::Admin(reply) => {
                    heard.reply = Some(match reply {
                        AdminReply::Done => "done",
                        AdminReply::Exists => "exists",
                        AdminReply::NoSuchRoom => "no such room",
                        AdminReply::NoSuchPeer => "no such peer",
                        AdminReply::Invalid => "invalid",
                        AdminReply::Unavailable => "unavailable",
                    });
                }
                Output::Trace { .. } | Output::Happened(_) => {}
            }
        }
    }

    fn place(&self, socket: SocketId) -> Option<u64> {
        self.open
            .iter()
            .find(|(_, open)| **open == socket)
            .map(|(place, _)| *place)
    }
}

fn parse(message: &Value) -> ClientFrame {
    ClientFrame::parse(&message.to_string()).expect("a message of the protocol")
}
