//! What one with a socket says.

use super::*;

impl Rules {
    pub(super) fn say(&mut self, place: u64, message: &Value, core: &Heard) {
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

    pub(super) fn act(&mut self, name: &str, me: &str, kind: &str, message: &Value, core: &Heard) -> Outcome {
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

    pub(super) fn judge(&mut self, name: &str, whom: &str, admit: bool, core: &Heard) -> Outcome {
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

    pub(super) fn relay(&mut self, name: &str, me: &str, to: Option<String>, message: &Value) -> Outcome {
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

    pub(super) fn announce(&mut self, name: &str, me: &str, message: &Value) -> Outcome {
        if self.seat(name, me).rights.hidden {
            return QUIET;
        }
        self.relay(name, me, None, message)
    }

    /// How many live ones in sight heard it, and which away ones in sight keep it.
    pub(super) fn tell(&mut self, name: &str, message: &Value, whom: impl Fn(&Seat) -> bool) -> (usize, Vec<String>) {
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
}
