//! What one step of a room does to the store, as the commit script takes it.

use super::link::COMMIT;
use super::nudge;
use redis::Cmd;
use snug_protocol::PeerId;
use snug_room::{Effect, Event, Frame, Holder, Outcome, Point, SeatNo, SocketId};

/// How many outcomes a session remembers (rule A2).
pub(super) const REMEMBERED: usize = 1024;
/// Milliseconds that a key lives which nobody touches: what is left behind by a fault goes by itself.
pub(super) const TTL: u64 = 24 * 3_600_000;

/// One step: what is written, and what is done here once it is.
#[derive(Default)]
pub(super) struct Step {
    operations: Vec<Word>,
    /// The session that is read for a resume, and from where.
    pub(super) reading: Option<(PeerId, u64)>,
    /// Requests that were handled: the script says how many seats each of them cost.
    handled: usize,
    pub(super) after: Vec<After>,
}

enum Word {
    Code(&'static str),
    Text(String),
    Peer(PeerId),
    Frame(Frame),
    Number(u64),
}

/// What this node does once the step is stored.
pub(super) enum After {
    Send(SocketId, Frame),
    Close(SocketId, snug_protocol::CloseCode),
    Door(SocketId),
    Waits(SocketId, PeerId),
    Seated(SocketId, SeatNo, PeerId),
    Resumed {
        socket: SocketId,
        seat: SeatNo,
        peer: PeerId,
        seq: u64,
        token: snug_protocol::ResumeToken,
        taken_over: bool,
    },
    /// Answer a request, with what is left of its outcome, and remember it.
    Answer {
        socket: SocketId,
        seat: SeatNo,
        id: Option<u64>,
        outcome: Outcome,
        /// Which of the handled requests it is.
        handled: usize,
    },
    /// The socket has no seat any more, whatever it thinks.
    SendAway(SocketId),
    Trace(String, Point),
    Happened(Box<Event>),
}

impl Step {
    /// Answers a request that is not remembered.
    pub(super) fn answer(&mut self, socket: SocketId, id: Option<u64>, outcome: Outcome) {
        if let Some(message) = outcome.answer(id) {
            self.after.push(After::Send(socket, message.text()));
        }
    }

    /// The seats that it gives to sockets of this node.
    pub(super) fn starting(&self) -> Vec<PeerId> {
        let peer = |after: &After| match after {
            After::Seated(_, _, peer) | After::Resumed { peer, .. } => Some(peer.clone()),
            After::Send(..)
            | After::Close(..)
            | After::Door(_)
            | After::Waits(..)
            | After::Answer { .. }
            | After::SendAway(_)
            | After::Trace(..)
            | After::Happened(_) => None,
        };
        self.after.iter().filter_map(peer).collect()
    }

    /// What the room asked for. `peer` names its seats.
    pub(super) fn effects(
        &mut self,
        node: u64,
        room: &snug_protocol::RoomId,
        effects: impl Iterator<Item = Effect>,
        peer: impl Fn(SeatNo) -> Option<PeerId>,
    ) {
        let mut effects = effects.peekable();
        while let Some(effect) = effects.next() {
            match effect {
                Effect::Tell { seat, live, frame } => {
                    let mut told = vec![(seat, live)];
                    while let Some(Effect::Tell { seat, live, .. }) = effects.next_if(
                        |next| matches!(next, Effect::Tell { frame: other, .. } if Frame::ptr_eq(other, &frame)),
                    ) {
                        told.push((seat, live));
                    }
                    let told = told.into_iter().filter_map(|(seat, live)| Some((peer(seat)?, live)));
                    self.tell(frame, told.collect());
                }
                Effect::Answer { holder, frame } if holder.node == node => {
                    self.after.push(After::Send(holder.socket, frame));
                }
                Effect::Answer { holder, frame } => self.nudge(holder, nudge::send(holder.socket, &frame)),
                Effect::Close { holder, code } if holder.node == node => {
                    self.after.push(After::Close(holder.socket, code));
                }
                Effect::Close { holder, code } => self.nudge(holder, nudge::close(holder.socket, code)),
                Effect::Door { holder } if holder.node == node => self.after.push(After::Door(holder.socket)),
                Effect::Door { holder } => self.nudge(holder, nudge::door(holder.socket)),
                // Only the node whose socket asks makes it wait, or resume.
                Effect::Waits { holder, peer } => self.after.push(After::Waits(holder.socket, peer)),
                Effect::Resumed {
                    holder,
                    seat,
                    peer,
                    seq,
                    token,
                    taken_over,
                } => {
                    self.reading = Some((peer.clone(), seq));
                    self.after.push(After::Resumed {
                        socket: holder.socket,
                        seat,
                        peer,
                        seq,
                        token,
                        taken_over,
                    });
                }
                Effect::Seated { holder, seat, peer } => {
                    self.operations.extend([Word::Code("N"), Word::Peer(peer.clone())]);
                    if holder.node == node {
                        self.after.push(After::Seated(holder.socket, seat, peer));
                    } else {
                        self.nudge(holder, nudge::seated(holder.socket, seat, &peer, room));
                    }
                }
                Effect::Gone { peer, .. } => self.operations.extend([Word::Code("G"), Word::Peer(peer)]),
                Effect::Trace { join_id, point } => self.after.push(After::Trace(join_id, point)),
                Effect::Happened(event) => self.after.push(After::Happened(event)),
            }
        }
    }

    /// The client has everything up to `seq`.
    pub(super) fn acknowledge(&mut self, peer: &PeerId, seq: u64) {
        self.operations
            .extend([Word::Code("A"), Word::Peer(peer.clone()), Word::Number(seq)]);
    }

    /// A request was handled, and this became of it. Says which of them it is.
    pub(super) fn handled(&mut self, peer: &PeerId, id: Option<u64>, outcome: Outcome) -> usize {
        self.operations.extend([
            Word::Code("E"),
            Word::Peer(peer.clone()),
            id.map_or(Word::Code(""), Word::Number),
            Word::Number(REMEMBERED as u64),
        ]);
        self.operations.extend(match outcome {
            Outcome::Done { delivered, queued } => [
                Word::Code("D"),
                Word::Number(delivered.into()),
                Word::Number(queued.into()),
            ],
            // An enum without fields has a form in JSON.
            Outcome::Refused(refusal) => [
                Word::Text(format!("R {}", serde_json::to_string(&refusal).unwrap_or_default())),
                Word::Code("0"),
                Word::Code("0"),
            ],
        });
        self.handled += 1;
        self.handled - 1
    }

    /// Who has the seat from now on.
    pub(super) fn holder(&mut self, peer: &PeerId, holder: Option<Holder>) {
        let holder = holder.map_or(Word::Code(""), |holder| Word::Text(named(holder)));
        self.operations
            .extend([Word::Code("H"), Word::Peer(peer.clone()), holder]);
    }

    /// This node has somebody in the room from now on, or nobody any more.
    pub(super) fn node(&mut self, node: u64, inside: bool) {
        self.operations
            .extend([Word::Code(if inside { "I" } else { "O" }), Word::Number(node)]);
    }

    pub(super) fn command(&self, frame: &Envelope<'_>) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(COMMIT.get_hash())
            .arg(2)
            .arg(format!("{}room:{}", frame.prefix, frame.room))
            .arg(frame.prefix)
            .arg(frame.node)
            .arg(frame.name)
            .arg(frame.tag)
            .arg(frame.next.as_ref().map_or("", |_| frame.name))
            .arg(frame.next.as_ref().and_then(|next| next.state.as_deref()).unwrap_or(""))
            .arg(optional(frame.next.as_ref().and_then(|next| next.due)))
            .arg(optional(frame.rooms.map(|rooms| rooms as u64)))
            .arg(frame.outbox.0)
            .arg(frame.outbox.1)
            .arg(TTL)
            .arg(frame.room);
        if let Some((peer, seq)) = &self.reading {
            command.arg("R").arg(peer.as_str()).arg(*seq);
        }
        for word in &self.operations {
            match word {
                Word::Code(code) => command.arg(*code),
                Word::Text(text) => command.arg(text),
                Word::Peer(peer) => command.arg(peer.as_str()),
                Word::Frame(frame) => command.arg(frame.as_bytes()),
                Word::Number(number) => command.arg(*number),
            };
        }
        command
    }

    fn tell(&mut self, frame: Frame, told: Vec<(PeerId, Option<Holder>)>) {
        self.operations
            .extend([Word::Code("T"), Word::Frame(frame), Word::Number(told.len() as u64)]);
        for (peer, live) in told {
            let node = live.map_or(Word::Code(""), |holder| Word::Number(holder.node));
            self.operations.extend([Word::Peer(peer), node]);
        }
    }

    fn nudge(&mut self, holder: Holder, text: String) {
        self.operations
            .extend([Word::Code("P"), Word::Number(holder.node), Word::Text(text)]);
    }
}

/// What a step is committed under.
pub(super) struct Envelope<'a> {
    pub(super) prefix: &'a str,
    pub(super) room: &'a str,
    pub(super) node: u64,
    /// Names this commit, and the state that it makes. Never used again.
    pub(super) name: &'a str,
    /// Names the state that it was made from.
    pub(super) tag: &'a str,
    /// The new state, where it is another one.
    pub(super) next: Option<Next>,
    /// Rooms there may be.
    pub(super) rooms: Option<usize>,
    pub(super) outbox: (usize, usize),
}

pub(super) struct Next {
    /// `None`: the room is over.
    pub(super) state: Option<String>,
    pub(super) due: Option<u64>,
}

/// A holder as it stands in the store.
pub(super) fn named(holder: Holder) -> String {
    format!("{}:{}", holder.node, holder.socket.0)
}

fn optional(number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
