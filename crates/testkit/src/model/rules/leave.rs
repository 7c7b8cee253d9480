//! How seats, rooms and sockets end.

use super::*;

impl Rules {
    /// Who had to keep too much is gone: who that is.
    pub(super) fn drop_those_over(&mut self) -> Vec<String> {
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

    pub(super) fn end_seat(&mut self, name: &str, peer: &str, reason: &str) {
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

    pub(super) fn end_room(&mut self, name: &str, reason: &str) {
        let room = self.rooms.remove(name).expect("a room");
        let seated = room.seats.iter().filter_map(|seat| seat.place);
        let waiting = room.waiting.iter().map(|waiter| waiter.guest.place);
        for place in seated.chain(waiting) {
            self.send(place, json!({ "type": "ended", "reason": reason }));
            self.close(place, 4002);
        }
    }

    /// Whether it was live.
    pub(super) fn kick(&mut self, name: &str, peer: &str) -> bool {
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

    pub(super) fn stop_waiting(&mut self, name: &str, peer: &str) {
        self.room(name).waiting.retain(|waiter| waiter.peer != peer);
        self.tell(name, &json!({ "type": "knock-gone", "peerId": peer }), |seat| {
            seat.moderator
        });
    }

    pub(super) fn tell_who_knocks(&mut self, name: &str, moderator: &str) {
        let knocks: Vec<Value> = self.room(name).waiting.iter().map(knock).collect();
        for knock in knocks {
            self.tell(name, &knock, |seat| seat.peer == moderator);
        }
    }

    pub(super) fn lose(&mut self, place: u64) {
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
}
