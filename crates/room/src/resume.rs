use crate::rooms::{Place, Rooms, send, trace};
use crate::seat::Presence;
use crate::{Event, Output, Point, SocketId, Why};
use snug_protocol::{CloseCode, Join, LeaveReason, PeerId, Resume, ServerMessage};

impl Rooms {
    /// Gives a seat its new socket. `false` when there is no such seat any more, or what the client lacks is not kept
    /// any more: then it is to get a fresh seat, and the old one is gone (rules R1 to R5).
    pub(crate) fn resume(&mut self, socket: SocketId, join: &Join, resume: &Resume, out: &mut Vec<Output>) -> bool {
        let Some(peer) = self.tokens.get(&resume.token).cloned() else {
            return false;
        };
        let Some(seat) = self.seats.get_mut(&peer).filter(|seat| seat.room == join.room_id) else {
            return false;
        };
        let was = seat.presence;
        if let Presence::Live { socket: old } = was {
            self.sockets.remove(&old);
            out.push(Output::Close {
                socket: old,
                code: CloseCode::TakenOver,
            });
        }
        if !seat.outbox.reaches(resume.seq) {
            self.end(peer, LeaveReason::Timeout, out);
            return false;
        }
        trace(join, Point::Room, out);
        if let Presence::Away { until } = was {
            self.deadlines.remove(&(until, Why::Grace(peer.clone())));
        }
        let token = self.dice.resume_token();
        // Of the two tokens that may be good now, only the one that the client evidently has stays so.
        for old in [Some(seat.token.clone()), seat.previous.take()].into_iter().flatten() {
            if old != resume.token {
                self.tokens.remove(&old);
            }
        }
        seat.previous = Some(resume.token.clone());
        seat.token = token.clone();
        seat.presence = Presence::Live { socket };
        seat.outbox.acknowledge(resume.seq);
        let replayed = seat.outbox.kept().len();
        let room = seat.room.clone();
        let resumed = ServerMessage::Resumed {
            peer_id: peer.clone(),
            seq: resume.seq,
            replayed: u32::try_from(replayed).unwrap_or(u32::MAX),
            resume_token: token.clone(),
        };
        send(socket, &resumed, out);
        out.extend(seat.outbox.kept().map(|frame| Output::Send {
            socket,
            frame: frame.clone(),
        }));
        self.tokens.insert(token, peer.clone());
        self.place(socket, Place::Seat(peer.clone()));
        trace(join, Point::Store, out);
        let taken_over = matches!(was, Presence::Live { .. });
        out.push(Output::Happened(Event::Resumed {
            room,
            peer: peer.clone(),
            replayed,
            taken_over,
        }));
        if !taken_over {
            let others = self.others(&peer);
            self.tell(&others, &ServerMessage::PeerBack { peer_id: peer }, out);
        }
        true
    }

    /// The client speaks on its socket, so it has its newest token, and the one before is spent.
    pub(crate) fn prove(&mut self, peer: &PeerId) {
        if let Some(previous) = self.seats.get_mut(peer).and_then(|seat| seat.previous.take()) {
            self.tokens.remove(&previous);
        }
    }
}
