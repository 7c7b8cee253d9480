//! What comes with time, and what the operator does.

use super::*;

impl Rules {
    pub(super) fn pass(&mut self, millis: u64) {
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

    pub(super) fn expire(&mut self) {
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

    pub(super) fn admin(&mut self, admin: &Admin) -> &'static str {
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
}
