use super::numbered;
use super::wire::Arrival;
use snug_protocol::{ClientMessage, Join, LeaveReason, PeerId, ServerMessage};
use snug_room::SocketId;
use snug_session::{Config, EndReason, Input, Instant, Outcome, Output, Session, SessionEvent};
use std::collections::BTreeMap;

/// One session, and what its user saw.
pub struct Guest {
    pub session: Session,
    number: usize,
    pub seat: Option<PeerId>,
    /// Everyone else in the room, and whether they are away.
    pub roster: BTreeMap<PeerId, bool>,
    /// By id, from 1.
    pub sent: Vec<Sent>,
    /// Who and the how-manieth, in the order of arrival.
    pub received: Vec<(usize, u64)>,
    pub resumes: u32,
    /// Seats after the first.
    pub reseats: u32,
    pub ended: Option<EndReason>,
    /// The program is no more; nobody said goodbye.
    pub crashed: bool,
    /// Its network carries nothing until then, and loses nothing.
    pub(super) stalled: u64,
    /// It does nothing until then, and what waits for it.
    pub(super) asleep: Option<(u64, Vec<(SocketId, Arrival)>)>,
}

/// A message and its fates, of which there must be one.
pub struct Sent {
    pub to: Option<PeerId>,
    pub outcomes: Vec<Outcome>,
}

impl Guest {
    pub(super) fn new(number: usize, seed: u32, born: u64) -> Self {
        Self {
            session: Session::new(Config::new(Join::new("den"), seed), Instant::from_millis(born)),
            number,
            seat: None,
            roster: BTreeMap::new(),
            sent: Vec::new(),
            received: Vec::new(),
            resumes: 0,
            reseats: 0,
            ended: None,
            crashed: false,
            stalled: 0,
            asleep: None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        !self.crashed && self.asleep.is_none()
    }

    /// When it wakes, or its session wants to be called.
    pub(super) fn next_time(&self) -> Option<u64> {
        match &self.asleep {
            _ if self.crashed => None,
            Some((until, _)) => Some(*until),
            None => self.session.deadline().map(|(at, _)| at.as_millis()),
        }
    }

    pub(super) fn next_message(&mut self, to: Option<PeerId>) -> ClientMessage {
        self.sent.push(Sent {
            to: to.clone(),
            outcomes: Vec::new(),
        });
        numbered(self.number, self.sent.len() as u64, to)
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        self.session.handle(now, input)
    }

    /// Keeps a roster exactly as a page would; what does not fit it is a failure.
    pub(super) fn hear(&mut self, event: SessionEvent) {
        assert!(
            self.ended.is_none(),
            "guest {} hears {event:?} after the end",
            self.number
        );
        match event {
            SessionEvent::Joined { joined } => {
                self.reseats += u32::from(self.seat.is_some());
                self.seat = Some(joined.peer_id);
                self.roster = joined.peers.into_iter().map(|peer| (peer.peer_id, peer.away)).collect();
            }
            SessionEvent::Resumed { .. } => self.resumes += 1,
            SessionEvent::Message { message } => self.read(message),
            SessionEvent::Settled { id, outcome } => {
                let sent = self
                    .sent
                    .get_mut(id as usize - 1)
                    .expect("only what was sent is settled");
                sent.outcomes.push(outcome);
                assert_eq!(
                    sent.outcomes.len(),
                    1,
                    "guest {}, message {id} is settled twice",
                    self.number
                );
            }
            SessionEvent::Ended { reason } => {
                self.ended = Some(reason);
                self.seat = None;
            }
            SessionEvent::Connecting { .. } | SessionEvent::Waiting { .. } | SessionEvent::Away { .. } => {}
        }
    }

    fn read(&mut self, message: ServerMessage) {
        let fits = match &message {
            ServerMessage::PeerJoined(peer) => self.roster.insert(peer.peer_id.clone(), peer.away).is_none(),
            ServerMessage::PeerLeft { peer_id, reason, .. } => {
                assert!(matches!(reason, LeaveReason::Left | LeaveReason::Timeout));
                self.roster.remove(peer_id).is_some()
            }
            ServerMessage::PeerAway { peer_id } => self.roster.insert(peer_id.clone(), true) == Some(false),
            ServerMessage::PeerBack { peer_id } => self.roster.insert(peer_id.clone(), false) == Some(true),
            ServerMessage::Role { peer_id, .. } => {
                self.roster.contains_key(peer_id) || self.seat.as_ref() == Some(peer_id)
            }
            ServerMessage::Message { from, data } => {
                let who_and_number = serde_json::from_str(data.as_json()).expect("what a guest said");
                self.received.push(who_and_number);
                self.roster.contains_key(from)
            }
            ServerMessage::Joined(_)
            | ServerMessage::Resumed { .. }
            | ServerMessage::Ready { .. }
            | ServerMessage::Offer { .. }
            | ServerMessage::Answer { .. }
            | ServerMessage::Candidate { .. }
            | ServerMessage::Mute { .. }
            | ServerMessage::Unmute { .. }
            | ServerMessage::Publish { .. }
            | ServerMessage::Unpublish { .. }
            | ServerMessage::Subscribe { .. }
            | ServerMessage::Unsubscribe { .. }
            | ServerMessage::Lock { .. }
            | ServerMessage::Unlock { .. }
            | ServerMessage::Knock { .. }
            | ServerMessage::KnockGone { .. }
            | ServerMessage::Waiting { .. }
            | ServerMessage::Denied { .. }
            | ServerMessage::Locked { .. }
            | ServerMessage::Kicked { .. }
            | ServerMessage::Full { .. }
            | ServerMessage::Left
            | ServerMessage::Ended { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Ack { .. }
            | ServerMessage::Error { .. } => panic!("guest {} did not expect {message:?}", self.number),
        };
        assert!(
            fits,
            "guest {} cannot place {message:?} in {:?}",
            self.number, self.roster
        );
    }
}
