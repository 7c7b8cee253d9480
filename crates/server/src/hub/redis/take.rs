//! What one input does to a room, and what this node does once that is stored.

use super::desk::{Ask, Desk, Mail, holder};
use super::local::Place;
use super::reply::Reading;
use super::step::{After, Step};
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, IceServer, Join, ServerMessage};
use snug_room::{
    Admin, AdminReply, Claim, Event, Grant, Millis, Outcome, Refusal, Room, RoomInput, RoomPlace, SeatNo, SocketId,
    Turn,
};
use std::time::Instant;

impl Desk {
    /// Tells the room what is in this batch. `far`: the store does not keep what the resume in it wants.
    pub(super) fn take(&mut self, now: Millis, node: u64, batch: &[Mail], far: bool) -> (Step, AdminReply) {
        let mut step = Step::default();
        let mut reply = AdminReply::Done;
        for mail in batch {
            match &mail.ask {
                Ask::Said { socket, seat, frame } => self.said(&mut step, now, node, *socket, *seat, frame),
                // Nobody would sit there.
                Ask::Join { socket, .. } if !self.node.local().is_open(*socket) => {}
                Ask::Join {
                    socket,
                    id,
                    join,
                    grant,
                    ice_servers,
                } => self.join(&mut step, now, node, (*socket, *id), (join, grant, ice_servers), far),
                Ask::GiveUp { socket, peer, id } => {
                    let input = RoomInput::GiveUp { peer: peer.clone() };
                    step.answer(*socket, *id, Outcome::QUIET);
                    self.tell(&mut step, now, node, input);
                }
                Ask::Lost { holder, place } => {
                    let (holder, place) = (*holder, place.clone());
                    self.tell(&mut step, now, node, RoomInput::Lost { holder, place });
                }
                Ask::Drop { seat } => {
                    // It may have come back meanwhile: then it has all.
                    let away = self
                        .room()
                        .and_then(|room| room.seat(*seat))
                        .map(|(_, presence)| presence);
                    if away.is_some_and(|presence| holder(presence).is_none()) {
                        self.tell(&mut step, now, node, RoomInput::Drop { seat: *seat });
                    }
                }
                Ask::Dead { node: dead } => self.bury(&mut step, now, node, *dead),
                Ask::Tick => {
                    self.tell(&mut step, now, node, RoomInput::Tick);
                }
                Ask::Admin(admin) => reply = self.order(&mut step, now, node, admin),
            }
        }
        (step, reply)
    }

    fn said(&mut self, step: &mut Step, now: Millis, node: u64, socket: SocketId, seat: SeatNo, frame: &ClientFrame) {
        let ClientFrame { id, message } = frame;
        let id = *id;
        let Some(loaded) = &mut self.loaded else { return };
        let has = loaded.room.as_ref().and_then(|room| room.seat(seat));
        let Some((peer, presence)) = has else {
            return step.after.push(After::SendAway(socket));
        };
        let peer = peer.clone();
        match holder(presence) {
            Some(holder) if holder.node == node && holder.socket == socket => {}
            // Another socket has the seat by now, and this one is about to hear so; or this node was thought dead.
            Some(_) | None => return step.after.push(After::SendAway(socket)),
        }
        if let Some(room) = &mut loaded.room {
            room.heard(seat);
        }
        let answered = loaded.answered.get(&seat);
        if let Some(outcome) = id.and_then(|id| answered?.recall(id)) {
            return step.answer(socket, id, outcome);
        }
        let handled = |step: &mut Step, outcome| {
            let handled = step.handled(&peer, id, outcome);
            After::Answer {
                socket,
                seat,
                id,
                outcome,
                handled,
            }
        };
        if let ClientMessage::Ping { seq } = message {
            step.acknowledge(&peer, *seq);
            let pong = ServerMessage::Pong { seq: *seq };
            step.after.push(After::Send(socket, pong.text()));
            if id.is_some() {
                let answer = handled(step, Outcome::QUIET);
                step.after.push(answer);
            }
            return;
        }
        // Nothing may follow the message that takes the sender's seat or socket away (rule A1).
        let is_last = matches!(message, ClientMessage::Leave | ClientMessage::End { .. });
        let place = step.after.len();
        let message = message.clone();
        let outcome = self.tell(step, now, node, RoomInput::Said { seat, message });
        let answer = handled(step, outcome);
        if is_last {
            step.after.insert(place, answer);
        } else {
            step.after.push(answer);
        }
    }

    fn join(
        &mut self,
        step: &mut Step,
        now: Millis,
        node: u64,
        (socket, id): (SocketId, Option<u64>),
        (join, grant, ice_servers): (&Join, &Grant, &[IceServer]),
        far: bool,
    ) {
        let holder = snug_room::Holder { node, socket };
        let claim = join.resume.as_ref().and_then(|resume| {
            let claim = self.room()?.claim(&resume.token, grant.identity.as_ref())?;
            Some((resume, claim))
        });
        match claim {
            Some((_, Claim::Kicked)) => {
                let kicked = ServerMessage::Kicked { reason: None };
                step.after.push(After::Send(socket, kicked.text()));
                step.after.push(After::Close(socket, CloseCode::Kicked));
                return;
            }
            Some((resume, Claim::Seat(seat))) if !far => {
                let input = RoomInput::Resume {
                    holder,
                    seat,
                    token: resume.token.clone(),
                    seq: resume.seq,
                    join_id: join.join_id.clone(),
                };
                self.tell(step, now, node, input);
                return step.answer(socket, id, Outcome::QUIET);
            }
            Some((_, Claim::Seat(seat))) => {
                self.tell(step, now, node, RoomInput::Drop { seat });
            }
            None => {}
        }
        self.make(now);
        let input = RoomInput::Join {
            holder,
            join: join.clone(),
            grant: grant.clone(),
            ice_servers: ice_servers.to_vec(),
        };
        let outcome = self.tell(step, now, node, input);
        match outcome {
            // These have a message of their own.
            Outcome::Refused(Refusal::RoomFull | Refusal::RoomLocked) if id.is_none() => {}
            Outcome::Done { .. } | Outcome::Refused(_) => step.answer(socket, id, outcome),
        }
    }

    fn order(&mut self, step: &mut Step, now: Millis, node: u64, admin: &Admin) -> AdminReply {
        let input = match admin {
            Admin::Create { room, .. } if !is_room_id(room, self.node.limits.room_id_chars) => {
                return AdminReply::Invalid;
            }
            Admin::Create { capacity: Some(0), .. } => return AdminReply::Invalid,
            Admin::Create { .. } if self.room().is_some() => return AdminReply::Exists,
            Admin::Create { capacity, lobby, .. } => {
                self.make(now);
                RoomInput::Create {
                    capacity: *capacity,
                    lobby: *lobby,
                }
            }
            Admin::End { .. } | Admin::Kick { .. } if self.room().is_none() => return AdminReply::NoSuchRoom,
            Admin::End { reason, .. } => RoomInput::End { reason: reason.clone() },
            Admin::Kick { peer, reason, .. } => RoomInput::Kick {
                peer: peer.clone(),
                reason: reason.clone(),
            },
        };
        match self.tell(step, now, node, input) {
            Outcome::Done { .. } => AdminReply::Done,
            Outcome::Refused(_) => AdminReply::NoSuchPeer,
        }
    }

    /// Puts away whoever a dead node had.
    fn bury(&mut self, step: &mut Step, now: Millis, node: u64, dead: u64) {
        let Some(room) = self.room() else { return };
        let seated = room
            .seats()
            .filter_map(|(seat, _, presence)| Some((holder(presence)?, RoomPlace::Seat(seat))));
        let waiting = room
            .waiters()
            .map(|(peer, holder)| (holder, RoomPlace::Waiting(peer.clone())));
        let lost: Vec<_> = seated
            .chain(waiting)
            .filter(|(holder, _)| holder.node == dead)
            .collect();
        for (holder, place) in lost {
            self.tell(step, now, node, RoomInput::Lost { holder, place });
        }
    }

    fn tell(&mut self, step: &mut Step, now: Millis, node: u64, input: RoomInput) -> Outcome {
        let Some(loaded) = &mut self.loaded else {
            return Outcome::QUIET;
        };
        let Some(room) = &mut loaded.room else {
            return Outcome::QUIET;
        };
        let outcome = {
            let mut dice = self.node.dice();
            let mut turn = Turn {
                now,
                dice: &mut dice,
                limits: &self.node.limits,
                effects: &mut self.effects,
            };
            room.handle(&mut turn, input)
        };
        let loaded = &*loaded;
        step.effects(node, &self.id, self.effects.drain(..), |seat| loaded.peer(seat));
        outcome
    }

    fn room(&self) -> Option<&Room> {
        self.loaded.as_ref()?.room.as_ref()
    }

    fn make(&mut self, now: Millis) {
        if let Some(loaded) = &mut self.loaded
            && loaded.room.is_none()
        {
            loaded.room = Some(Room::new(self.id.clone(), now));
        }
    }

    /// The step is stored: tells the sockets of this node.
    pub(super) fn finish(&mut self, step: Step, lost: &[u32], reading: Option<Reading>) {
        let mut reading = reading;
        let mut todo = Vec::new();
        // What came early is told once `joined` or `resumed` is.
        let mut begins = Vec::new();
        let node = self.node.clone();
        let mut local = node.local();
        for after in step.after {
            match after {
                After::Send(socket, frame) => local.send(socket, frame),
                After::Close(socket, code) => local.close(socket, code),
                After::Door(socket) => local.door(Instant::now(), socket, &node.limits),
                After::Waits(socket, peer) => {
                    let room = self.id.clone();
                    let place = RoomPlace::Waiting(peer.clone());
                    if !local.put(socket, Place::Waiting { room, peer }) {
                        let holder = local.holder(socket);
                        self.owed.push(Ask::Lost { holder, place });
                    }
                }
                After::Seated(socket, seat, peer) => {
                    if let Some(loaded) = &mut self.loaded {
                        loaded.answered.insert(seat, Default::default());
                    }
                    begins.push((socket, seat, peer, 1));
                }
                After::Resumed {
                    socket,
                    seat,
                    peer,
                    seq,
                    token,
                    taken_over,
                } => {
                    let Some(Reading { frames, answered }) = reading.take() else {
                        continue;
                    };
                    let replayed = frames.len();
                    let resumed = ServerMessage::Resumed {
                        peer_id: peer.clone(),
                        seq,
                        replayed: u32::try_from(replayed).unwrap_or(u32::MAX),
                        resume_token: token,
                    };
                    local.send(socket, resumed.text());
                    for frame in frames {
                        local.send(socket, frame);
                    }
                    if let Some(loaded) = &mut self.loaded {
                        loaded.answered.insert(seat, answered);
                    }
                    begins.push((socket, seat, peer.clone(), seq + replayed as u64));
                    node.happened(&Event::Resumed {
                        room: self.id.clone(),
                        peer,
                        replayed,
                        taken_over,
                    });
                }
                After::Answer {
                    socket,
                    seat,
                    id,
                    outcome,
                    handled,
                } => {
                    let lost = lost.get(handled).copied().unwrap_or(0);
                    let outcome = match outcome {
                        Outcome::Done { delivered, queued } => Outcome::Done {
                            delivered,
                            queued: queued.saturating_sub(lost),
                        },
                        Outcome::Refused(_) => outcome,
                    };
                    let answered = self.loaded.as_mut().and_then(|loaded| loaded.answered.get_mut(&seat));
                    if let (Some(id), Some(answered)) = (id, answered) {
                        answered.record(id, outcome);
                    }
                    if let Some(message) = outcome.answer(id) {
                        local.send(socket, message.text());
                    }
                }
                After::SendAway(socket) => local.send_away(socket),
                After::Trace(join_id, point) => crate::trace::point(&join_id, point.into()),
                After::Happened(event) => node.happened(&event),
            }
        }
        for (socket, seat, peer, told) in begins {
            match local.begin(socket, (self.id.clone(), seat, peer), told) {
                Some(more) => todo.extend(more),
                None => {
                    let (holder, place) = (local.holder(socket), RoomPlace::Seat(seat));
                    self.owed.push(Ask::Lost { holder, place });
                }
            }
        }
        drop(local);
        node.follow(todo);
    }
}

fn is_room_id(room: &snug_protocol::RoomId, most: usize) -> bool {
    (1..=most).contains(&room.as_str().chars().take(most + 1).count())
}
