//! How a seat is had: fresh, or taken up again.

use super::*;

impl Rules {
    pub(super) fn join(&mut self, place: u64, join: &Value, grant: &Grant, core: &Heard) {
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

    pub(super) fn fresh(&mut self, place: u64, join: &Value, grant: &Grant, core: &Heard) -> Option<&'static str> {
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

    pub(super) fn sit(&mut self, name: &str, peer: String, guest: Guest, core: &Heard) {
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
    pub(super) fn resume(&mut self, place: u64, join: &Value, grant: &Grant, core: &Heard) -> bool {
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
}
