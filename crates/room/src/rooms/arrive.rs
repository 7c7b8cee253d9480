use super::desk::{Place, holder};
use super::{Entry, Rooms};
use crate::room::{Claim, Millis, Room, RoomInput, Turn};
use crate::{Grant, Outcome, Output, Refusal, SocketId, Why};
use snug_protocol::{CloseCode, IceServer, Join, ServerMessage};

impl Rooms {
    /// The wish for a seat, fresh or resumed (rules J1 to J5, R1 to R6).
    #[expect(clippy::too_many_arguments, reason = "they are the fields of one input")]
    pub(super) fn arrive(
        &mut self,
        now: Millis,
        socket: SocketId,
        id: Option<u64>,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
        out: &mut Vec<Output>,
    ) {
        let Some(entry) = self.desk.get(socket) else {
            return; // It was closed while this frame was on its way.
        };
        match &entry.place {
            Place::Door { .. } => {}
            Place::Waiting { .. } => return answer(socket, id, Outcome::Refused(Refusal::AlreadyWaiting), out),
            Place::Seat { room, seat } => {
                // It is a request like any other, and what it proves and is answered is remembered.
                let (room, seat) = (*room, *seat);
                return self.refuse_seated(socket, room, seat, id, out);
            }
        }
        if let Some(address) = entry.address {
            if let Err(wait) = self.joins.take(now, address, &self.config.limits) {
                let error = Refusal::TooManyJoins.message(id, Some(wait));
                return out.push(send(socket, &error));
            }
            if !self.joins.has_deadline {
                self.joins.has_deadline = true;
                self.desk.set_due(now + super::joins::FORGET_MS, Why::Joins);
            }
        }
        if !self.resume(now, socket, id, &join, &grant, out) {
            self.join(now, socket, id, join, grant, ice_servers, out);
        }
    }

    /// Whether the socket has its old seat again, or was told that there is none for it.
    fn resume(
        &mut self,
        now: Millis,
        socket: SocketId,
        id: Option<u64>,
        join: &Join,
        grant: &Grant,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(resume) = &join.resume else { return false };
        let Some((no, entry)) = self.rooms.find_mut(&join.room_id) else {
            return false;
        };
        let input = match entry.room.claim(&resume.token, grant.identity.as_ref()) {
            None => return false,
            Some(Claim::Kicked) => {
                out.push(send(socket, &ServerMessage::Kicked { reason: None }));
                if id.is_some() {
                    answer(socket, id, Outcome::Refused(Refusal::Kicked), out);
                }
                let code = CloseCode::Kicked;
                self.desk.close(socket);
                out.push(Output::Close { socket, code });
                return true;
            }
            Some(Claim::Seat(seat)) => {
                let reaches = entry
                    .session(seat)
                    .is_some_and(|(session, _)| session.outbox.reaches(resume.seq));
                if reaches {
                    RoomInput::Resume {
                        holder: holder(socket),
                        seat,
                        token: resume.token.clone(),
                        seq: resume.seq,
                        join_id: join.join_id.clone(),
                    }
                } else {
                    RoomInput::Drop { seat }
                }
            }
        };
        let resumed = matches!(input, RoomInput::Resume { .. });
        let reply = resumed.then(|| Outcome::QUIET.answer(id)).flatten();
        let reply = reply.map(|message| send(socket, &message));
        self.tell_and_reply(now, no, input, reply, out);
        resumed
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of one input")]
    fn join(
        &mut self,
        now: Millis,
        socket: SocketId,
        id: Option<u64>,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
        out: &mut Vec<Output>,
    ) {
        let known = self.rooms.find(&join.room_id);
        if known.is_none() && self.config.limits.rooms.is_some_and(|most| self.rooms.len() >= most) {
            return answer(socket, id, Outcome::Refused(Refusal::TooManyRooms), out);
        }
        let make = || self.rooms.add(Entry::new(Room::new(join.room_id.clone(), now)));
        let no = known.unwrap_or_else(make);
        let Some(entry) = self.rooms.get_mut(no) else { return };
        let mut turn = Turn {
            now,
            dice: &mut self.dice,
            limits: &self.config.limits,
            effects: &mut self.effects,
        };
        let input = RoomInput::Join {
            holder: holder(socket),
            join,
            grant,
            ice_servers,
        };
        let outcome = entry.room.handle(&mut turn, input);
        let reply = match outcome {
            // These have a message of their own.
            Outcome::Refused(Refusal::RoomFull | Refusal::RoomLocked) if id.is_none() => None,
            Outcome::Done { .. } | Outcome::Refused(_) => outcome.answer(id),
        };
        let reply = reply.map(|message| send(socket, &message));
        self.settle(now, no, reply, out);
    }
}

pub(super) fn send(socket: SocketId, message: &ServerMessage) -> Output {
    let frame = message.text();
    Output::Send { socket, frame }
}

pub(super) fn answer(socket: SocketId, id: Option<u64>, outcome: Outcome, out: &mut Vec<Output>) {
    if let Some(message) = outcome.answer(id) {
        out.push(send(socket, &message));
    }
}
