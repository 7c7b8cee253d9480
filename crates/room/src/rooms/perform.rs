use super::desk::Place;
use super::session::Session;
use super::{Entry, Rooms};
use crate::room::{Effect, Millis, RoomInput, SeatNo, Turn};
use crate::{Event, Output, RoomNo, Why};
use snug_protocol::ServerMessage;

impl Rooms {
    /// Carries out what a room asked for, gives the `reply`, and then does what comes of it: an away seat that cannot
    /// keep what it missed ends, and perhaps the room with it. Says which seats those were.
    pub(super) fn settle(
        &mut self,
        now: Millis,
        no: RoomNo,
        mut reply: Option<Output>,
        out: &mut Vec<Output>,
    ) -> Vec<SeatNo> {
        let mut lost = Vec::new();
        let Some(entry) = self.rooms.get_mut(no) else {
            return lost;
        };
        let mut over: Vec<SeatNo> = Vec::new();
        let mut near = 0;
        loop {
            for effect in self.effects.drain(..) {
                match effect {
                    Effect::Tell { seat, live, frame } => {
                        let Some(at) = entry.near(seat, near) else { continue };
                        near = at + 1;
                        let outbox = &mut entry.sessions[at].1.outbox;
                        outbox.push(&frame, &mut entry.shared);
                        if let Some(holder) = live {
                            outbox.trim(self.config.limits.outbox, &mut entry.shared);
                            let socket = holder.socket;
                            out.push(Output::Send { socket, frame });
                        } else if outbox.is_over(self.config.limits.outbox) && !over.contains(&seat) {
                            over.push(seat);
                        }
                    }
                    Effect::Answer { holder, frame } => {
                        let socket = holder.socket;
                        out.push(Output::Send { socket, frame });
                    }
                    Effect::Close { holder, code } => {
                        let socket = holder.socket;
                        self.desk.close(socket);
                        out.push(Output::Close { socket, code });
                    }
                    Effect::Door { holder } => self.desk.door(now, holder.socket, &self.config.limits),
                    Effect::Waits { holder, peer } => {
                        self.desk.place(holder.socket, Place::Waiting { room: no, peer });
                    }
                    Effect::Seated { holder, seat, .. } => {
                        self.desk.place(holder.socket, Place::Seat { room: no, seat });
                        entry.sessions.push((seat, Session::default()));
                        self.seats += 1;
                    }
                    Effect::Resumed {
                        holder,
                        seat,
                        peer,
                        seq,
                        token,
                        taken_over,
                    } => {
                        let socket = holder.socket;
                        self.desk.place(socket, Place::Seat { room: no, seat });
                        let Some((session, shared)) = entry.session(seat) else {
                            continue;
                        };
                        session.outbox.acknowledge(seq, shared);
                        let replayed = session.outbox.len();
                        let resumed = ServerMessage::Resumed {
                            peer_id: peer.clone(),
                            seq,
                            replayed: u32::try_from(replayed).unwrap_or(u32::MAX),
                            resume_token: token,
                        };
                        out.push(super::arrive::send(socket, &resumed));
                        let kept = session.outbox.kept(shared).cloned();
                        out.extend(kept.map(|frame| Output::Send { socket, frame }));
                        let event = Event::Resumed {
                            room: entry.room.id().clone(),
                            peer,
                            replayed,
                            taken_over,
                        };
                        out.push(Output::Happened(event.into()));
                    }
                    Effect::Gone { seat, .. } => {
                        if let Some(at) = entry.at(seat) {
                            entry.sessions.remove(at).1.outbox.clear(&mut entry.shared);
                            self.seats -= 1;
                        }
                    }
                    Effect::Trace { join_id, point } => out.push(Output::Trace { join_id, point }),
                    Effect::Happened(event) => out.push(Output::Happened(event)),
                }
            }
            out.extend(reply.take());
            // For all in the room alike, an overflow comes after the messages that led to it.
            if over.is_empty() {
                break;
            }
            let seat = over.remove(0);
            lost.push(seat);
            let mut turn = Turn {
                now,
                dice: &mut self.dice,
                limits: &self.config.limits,
                effects: &mut self.effects,
            };
            entry.room.handle(&mut turn, RoomInput::Drop { seat });
        }
        if self.effects.capacity() > 4096 {
            self.effects.shrink_to(1024);
        }
        if entry.version != entry.room.version() {
            self.tidy(no);
        }
        lost
    }

    /// After a change: the room's deadline, or its end.
    fn tidy(&mut self, no: RoomNo) {
        let Some(entry) = self.rooms.get_mut(no) else { return };
        let Entry {
            room,
            version,
            due,
            sessions,
            ..
        } = entry;
        *version = room.version();
        let next = if room.is_over() { None } else { room.deadline() };
        if *due != next {
            if let Some(at) = due.take() {
                self.desk.clear_due(at, Why::Room(no));
            }
            if let Some(at) = next {
                self.desk.set_due(at, Why::Room(no));
            }
            *due = next;
        }
        if sessions.capacity() > 16 && sessions.len() < sessions.capacity() / 4 {
            sessions.shrink_to(sessions.len() * 2);
        }
        if room.is_over() {
            self.rooms.remove(no);
        }
    }
}
