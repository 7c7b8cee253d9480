use super::{Command, Heard, Said};
use serde_json::{Value, json};
use snug_protocol::PeerId;
use snug_room::{Admin, Grant, Rights};
use std::collections::BTreeMap;

/// What the clients know: enough to choose peers, and to come back.
#[derive(Default)]
pub(super) struct View {
    /// By room: peers that were named, in the order of their naming.
    pub(super) peers: BTreeMap<String, Vec<String>>,
    pub(super) waiters: BTreeMap<String, Vec<String>>,
    /// By place.
    pub(super) clients: BTreeMap<u64, Client>,
}

#[derive(Clone, Default)]
pub(super) struct Client {
    pub(super) room: String,
    pub(super) tokens: Vec<String>,
    pub(super) seq: u64,
    pub(super) next_id: u64,
    pub(super) last: Option<Value>,
}

/// A command in the words of the wire.
pub(super) enum Line {
    Join {
        socket: u64,
        join: Value,
        grant: Option<Grant>,
    },
    Lose {
        socket: u64,
    },
    Say {
        socket: u64,
        message: Value,
    },
    Pass {
        millis: u64,
    },
    Admin(Admin),
    Nothing,
}

impl View {
    /// Says what a command means, now.
    pub(super) fn line(&mut self, command: &Command) -> Line {
        match command {
            Command::Join {
                socket,
                room,
                grant: kind,
                capacity,
                lobby,
                with_id,
            } => {
                let mut join = json!({ "type": "join", "roomId": name(*room), "lobby": lobby });
                if *capacity > 0 {
                    join["capacity"] = json!(capacity + 1);
                }
                if *with_id {
                    join["id"] = json!(1);
                }
                Line::Join {
                    socket: *socket,
                    join,
                    grant: grant(*kind),
                }
            }
            Command::Lose { socket } => Line::Lose { socket: *socket },
            Command::Resume {
                socket,
                of,
                off,
                old_token,
                with_id,
            } => match self.clients.get(of).cloned() {
                Some(client) if !client.tokens.is_empty() => {
                    let newest = client.tokens.len() - 1;
                    let token = client.tokens[newest.saturating_sub(usize::from(*old_token))].clone();
                    let seq = client.seq.saturating_sub(u64::from(*off));
                    let resume = json!({ "token": token, "seq": seq });
                    let mut join = json!({ "type": "join", "roomId": client.room, "resume": resume });
                    if *with_id {
                        join["id"] = json!(1);
                    }
                    self.clients.insert(*socket, client);
                    Line::Join {
                        socket: *socket,
                        join,
                        grant: None,
                    }
                }
                Some(_) | None => Line::Nothing,
            },
            Command::Say { socket, said, with_id } => {
                let mut message = self.message(*socket, said);
                if *with_id {
                    let client = self.clients.entry(*socket).or_default();
                    client.next_id += 1;
                    message["id"] = json!(client.next_id);
                    client.last = Some(message.clone());
                }
                Line::Say {
                    socket: *socket,
                    message,
                }
            }
            Command::Repeat { socket } => match self.clients.get(socket).and_then(|client| client.last.clone()) {
                Some(message) => Line::Say {
                    socket: *socket,
                    message,
                },
                None => Line::Nothing,
            },
            Command::Pass { millis } => Line::Pass { millis: *millis },
            Command::Create { room, lobby } => Line::Admin(Admin::Create {
                room: name(*room).into(),
                capacity: None,
                lobby: *lobby,
            }),
            Command::Kick { room, peer } => Line::Admin(Admin::Kick {
                room: name(*room).into(),
                peer: PeerId::from(self.peer(name(*room), *peer)),
                reason: None,
            }),
            Command::End { room } => Line::Admin(Admin::End {
                room: name(*room).into(),
                reason: None,
            }),
        }
    }

    fn message(&self, socket: u64, said: &Said) -> Value {
        const KINDS: [&str; 3] = ["audio", "video", "screen"];
        let room = self.clients.get(&socket).map_or("", |client| &client.room);
        let peer = |peer: u8| self.peer(room, peer);
        let waiter = |waiter: u8| pick(self.waiters.get(room), waiter);
        let addressed = |mut message: Value, to: &Option<u8>| {
            if let Some(to) = to {
                message["to"] = json!(peer(*to));
            }
            message
        };
        let kind = |kind: &u8| KINDS[usize::from(*kind) % 3];
        match said {
            Said::Message { to } => addressed(json!({ "type": "message", "data": "x" }), to),
            Said::Offer { to } => addressed(json!({ "type": "offer", "sdp": "y" }), to),
            Said::Mute { kind: what, to } => addressed(json!({ "type": "mute", "kind": kind(what) }), to),
            Said::Unmute { kind: what } => json!({ "type": "unmute", "kind": kind(what) }),
            Said::Publish { track } => {
                json!({ "type": "publish", "trackId": track.to_string(), "kind": kind(track), "source": "s" })
            }
            Said::Unpublish { track } => json!({ "type": "unpublish", "trackId": track.to_string() }),
            Said::Subscribe { track, from } => {
                json!({ "type": "subscribe", "trackId": track.to_string(), "from": peer(*from) })
            }
            Said::Kick { peer: whom } => json!({ "type": "kick", "peerId": peer(*whom) }),
            Said::Lock => json!({ "type": "lock" }),
            Said::Unlock => json!({ "type": "unlock" }),
            Said::Admit { waiter: whom } => json!({ "type": "admit", "peerId": waiter(*whom) }),
            Said::Deny { waiter: whom } => json!({ "type": "deny", "peerId": waiter(*whom) }),
            Said::End => json!({ "type": "end" }),
            Said::Leave => json!({ "type": "leave" }),
            Said::Ping { behind } => {
                let seq = self.clients.get(&socket).map_or(0, |client| client.seq);
                json!({ "type": "ping", "seq": seq.saturating_sub(u64::from(*behind)) })
            }
        }
    }

    fn peer(&self, room: &str, peer: u8) -> String {
        pick(self.peers.get(room), peer)
    }

    /// What the clients take from what they heard.
    pub(super) fn learn(&mut self, heard: &Heard) {
        for (place, messages) in &heard.messages {
            for message in messages {
                let client = self.clients.entry(*place).or_default();
                match message["type"].as_str().unwrap_or_default() {
                    "joined" => {
                        client.room = text(&message["roomId"]);
                        client.tokens = vec![text(&message["resumeToken"])];
                        client.seq = 1;
                        client.next_id = 0;
                        client.last = None;
                        let peers = self.peers.entry(client.room.clone()).or_default();
                        peers.push(text(&message["peerId"]));
                        if peers.len() > 8 {
                            peers.remove(0);
                        }
                    }
                    "waiting" => {
                        let room = text(&message["roomId"]);
                        let waiters = self.waiters.entry(room).or_default();
                        waiters.push(text(&message["peerId"]));
                        if waiters.len() > 3 {
                            waiters.remove(0);
                        }
                    }
                    "resumed" => client.tokens.push(text(&message["resumeToken"])),
                    "ack" | "error" | "pong" | "full" | "locked" | "denied" => {}
                    _ => client.seq += 1,
                }
            }
        }
    }
}

fn pick(names: Option<&Vec<String>>, which: u8) -> String {
    let names = names.map(Vec::as_slice).unwrap_or_default();
    match names.len() {
        0 => "nobody".to_owned(),
        len => names[usize::from(which) % len].clone(),
    }
}

fn name(room: u8) -> &'static str {
    ["tea", "coffee", "milk"][usize::from(room) % 3]
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a token of this kind allows; `None`: there is none.
fn grant(kind: u8) -> Option<Grant> {
    let token = |identity: Option<&str>, moderator, rights| {
        Some(Grant {
            identity: identity.map(Into::into),
            name: None,
            moderator,
            rights,
        })
    };
    let nothing = Rights {
        publish: false,
        subscribe: false,
        data: false,
        ..Rights::ALL
    };
    let hidden = Rights {
        hidden: true,
        ..Rights::ALL
    };
    match kind {
        0..4 => None,
        4 => token(None, true, Rights::ALL),
        5 => token(None, false, nothing),
        6 => token(None, false, hidden),
        _ => token(Some("ada"), false, Rights::ALL),
    }
}
