//! What the server's frames do to a session.

use super::{Claim, Session, State};
use crate::event::{AwayReason, EndReason, Outcome, SessionEvent};
use crate::frame::Frame;
use crate::heartbeat::Heartbeat;
use crate::{Instant, Output};
use snug_protocol::{ErrorCode, Joined, PeerId, ResumeToken, ServerMessage};

impl Session {
    /// A frame of the current socket.
    pub(super) fn read(&mut self, now: Instant, text: &str, out: &mut Vec<Output>) {
        let frame = Frame::read(text);
        match &frame {
            Frame::Unknown => self.counts.unknown += 1,
            Frame::Malformed { .. } => self.counts.malformed += 1,
            Frame::Known(_) => {}
        }
        match &self.state {
            State::Joining { .. } | State::Knocking { .. } => self.read_joining(now, frame, out),
            State::Seated { .. } => self.read_seated(now, frame, out),
            State::Leaving { .. } => self.read_leaving(now, frame, out),
            // No socket, or one that is not open yet: no frame can come from it.
            State::Waiting { .. } | State::Connecting { .. } | State::Ended => self.counts.stray += 1,
        }
    }

    fn read_joining(&mut self, now: Instant, frame: Frame, out: &mut Vec<Output>) {
        match frame {
            Frame::Known(ServerMessage::Joined(joined)) => self.joined(now, joined, out),
            Frame::Known(ServerMessage::Resumed {
                seq,
                replayed,
                resume_token,
                ..
            }) => {
                self.resumed(now, seq, replayed, resume_token, out);
            }
            Frame::Known(ServerMessage::Waiting {
                peer_id, heartbeat_ms, ..
            }) => self.waiting(now, peer_id, heartbeat_ms, out),
            Frame::Known(ServerMessage::Full { .. }) => self.end(EndReason::Full, out),
            Frame::Known(ServerMessage::Locked { .. }) => self.end(EndReason::Locked, out),
            Frame::Known(ServerMessage::Denied { .. }) => self.end(EndReason::Denied, out),
            Frame::Known(ServerMessage::Kicked { .. }) => self.end(EndReason::Kicked, out),
            Frame::Known(ServerMessage::Ended { .. }) => self.end(EndReason::Ended, out),
            Frame::Known(ServerMessage::Left) => self.end(EndReason::Left, out),
            Frame::Known(ServerMessage::Error {
                code, retry_after_ms, ..
            }) => match refusal(code) {
                Some(reason) => self.end(reason, out),
                None => self.fall(now, AwayReason::Refused, retry_after_ms, out),
            },
            Frame::Known(
                ServerMessage::PeerJoined(_)
                | ServerMessage::PeerLeft { .. }
                | ServerMessage::PeerAway { .. }
                | ServerMessage::PeerBack { .. }
                | ServerMessage::Ready { .. }
                | ServerMessage::Offer { .. }
                | ServerMessage::Answer { .. }
                | ServerMessage::Candidate { .. }
                | ServerMessage::Message { .. }
                | ServerMessage::Mute { .. }
                | ServerMessage::Unmute { .. }
                | ServerMessage::Publish { .. }
                | ServerMessage::Unpublish { .. }
                | ServerMessage::Subscribe { .. }
                | ServerMessage::Unsubscribe { .. }
                | ServerMessage::Role { .. }
                | ServerMessage::Lock { .. }
                | ServerMessage::Unlock { .. }
                | ServerMessage::Knock { .. }
                | ServerMessage::KnockGone { .. }
                | ServerMessage::Ack { .. },
            ) => self.counts.stray += 1,
            Frame::Known(ServerMessage::Pong { .. }) => match &mut self.state {
                State::Knocking { heartbeat, .. } => {
                    heartbeat.ponged(now);
                    self.silences = 0;
                }
                State::Waiting { .. }
                | State::Connecting { .. }
                | State::Joining { .. }
                | State::Seated { .. }
                | State::Leaving { .. }
                | State::Ended => self.counts.stray += 1,
            },
            Frame::Unknown => {}
            // The answer to the join, most likely, and nothing to go on from.
            Frame::Malformed { .. } => self.fall(now, AwayReason::Refused, None, out),
        }
    }

    /// Somebody else decides now, and that may take long: the socket is kept alive until then.
    fn waiting(&mut self, now: Instant, peer_id: PeerId, heartbeat_ms: u64, out: &mut Vec<Output>) {
        if let State::Joining { attempt, claim, .. } = &mut self.state {
            self.state = State::Knocking {
                attempt: *attempt,
                claim: claim.take(),
                heartbeat: Heartbeat::new(now, heartbeat_ms),
            };
            out.push(Output::Event(SessionEvent::Waiting { peer_id }));
        }
    }

    fn joined(&mut self, now: Instant, joined: Joined, out: &mut Vec<Output>) {
        if let State::Joining { attempt, claim, .. } | State::Knocking { attempt, claim, .. } = &self.state {
            let (attempt, had_seat) = (*attempt, claim.is_some());
            let claim = Claim {
                token: joined.resume_token.clone(),
                seq: joined.seq,
                heartbeat_ms: joined.heartbeat_ms,
            };
            let heartbeat = Heartbeat::new(now, joined.heartbeat_ms);
            self.state = State::Seated {
                attempt,
                arrived: claim.seq,
                claim,
                heartbeat,
            };
            out.push(Output::Event(SessionEvent::Joined { joined }));
            for (id, outcome) in self.outbox.reseat(had_seat) {
                out.push(Output::Event(SessionEvent::Settled { id, outcome }));
            }
            self.flush(now, out);
        }
    }

    fn resumed(&mut self, now: Instant, seq: u64, replayed: u32, token: ResumeToken, out: &mut Vec<Output>) {
        match &self.state {
            State::Joining {
                attempt,
                claim: Some(claim),
                ..
            } => {
                // The replay starts one above our own count; a server that goes back further says so.
                let arrived = seq.min(claim.seq);
                let heartbeat = Heartbeat::new(now, claim.heartbeat_ms);
                let claim = Claim { token, ..claim.clone() };
                self.state = State::Seated {
                    attempt: *attempt,
                    claim,
                    arrived,
                    heartbeat,
                };
                out.push(Output::Event(SessionEvent::Resumed { replayed }));
                self.outbox.resume();
                self.flush(now, out);
            }
            // Nothing was claimed.
            State::Joining { claim: None, .. }
            | State::Knocking { .. }
            | State::Waiting { .. }
            | State::Connecting { .. }
            | State::Seated { .. }
            | State::Leaving { .. }
            | State::Ended => self.counts.stray += 1,
        }
    }

    fn read_seated(&mut self, now: Instant, frame: Frame, out: &mut Vec<Output>) {
        match frame {
            Frame::Known(ServerMessage::Pong { .. }) => {
                if let State::Seated { heartbeat, .. } = &mut self.state {
                    heartbeat.ponged(now);
                }
                self.silences = 0;
            }
            Frame::Known(ServerMessage::Ack { id, delivered, queued }) => {
                self.settle(now, Some(id), Outcome::Delivered { delivered, queued }, out);
            }
            Frame::Known(ServerMessage::Error { id, code, message, .. }) => {
                self.settle(now, id, Outcome::Failed { code, message }, out);
            }
            Frame::Known(ServerMessage::Resumed { .. }) => self.counts.stray += 1,
            Frame::Known(ServerMessage::Joined(_) | ServerMessage::Waiting { .. }) => {
                self.counts.stray += 1;
                self.is_new();
            }
            Frame::Known(ServerMessage::Full { .. }) => self.end(EndReason::Full, out),
            Frame::Known(ServerMessage::Locked { .. }) => self.end(EndReason::Locked, out),
            Frame::Known(ServerMessage::Denied { .. }) => self.end(EndReason::Denied, out),
            Frame::Known(ServerMessage::Kicked { .. }) => self.end(EndReason::Kicked, out),
            Frame::Known(ServerMessage::Left) => self.end(EndReason::Left, out),
            Frame::Known(ServerMessage::Ended { .. }) => self.end(EndReason::Ended, out),
            Frame::Known(
                message @ (ServerMessage::PeerJoined(_)
                | ServerMessage::PeerLeft { .. }
                | ServerMessage::PeerAway { .. }
                | ServerMessage::PeerBack { .. }
                | ServerMessage::Ready { .. }
                | ServerMessage::Offer { .. }
                | ServerMessage::Answer { .. }
                | ServerMessage::Candidate { .. }
                | ServerMessage::Message { .. }
                | ServerMessage::Mute { .. }
                | ServerMessage::Unmute { .. }
                | ServerMessage::Publish { .. }
                | ServerMessage::Unpublish { .. }
                | ServerMessage::Subscribe { .. }
                | ServerMessage::Unsubscribe { .. }
                | ServerMessage::Role { .. }
                | ServerMessage::Lock { .. }
                | ServerMessage::Unlock { .. }
                | ServerMessage::Knock { .. }
                | ServerMessage::KnockGone { .. }),
            ) => {
                if self.is_new() {
                    out.push(Output::Event(SessionEvent::Message { message }));
                }
            }
            // The server counted them, so we do, or the next resume would ask from the wrong place.
            Frame::Unknown | Frame::Malformed { sequenced: true } => {
                self.is_new();
            }
            Frame::Malformed { sequenced: false } => {}
        }
    }

    /// Only the fates that are still open, and the farewell.
    fn read_leaving(&mut self, now: Instant, frame: Frame, out: &mut Vec<Output>) {
        match frame {
            Frame::Known(ServerMessage::Ack { id, delivered, queued }) => {
                self.settle(now, Some(id), Outcome::Delivered { delivered, queued }, out);
            }
            Frame::Known(ServerMessage::Error { id, code, message, .. }) => {
                self.settle(now, id, Outcome::Failed { code, message }, out);
            }
            Frame::Known(
                ServerMessage::Left
                | ServerMessage::Full { .. }
                | ServerMessage::Locked { .. }
                | ServerMessage::Denied { .. }
                | ServerMessage::Kicked { .. }
                | ServerMessage::Ended { .. },
            ) => self.end(EndReason::Left, out),
            Frame::Known(
                ServerMessage::Joined(_)
                | ServerMessage::Resumed { .. }
                | ServerMessage::PeerJoined(_)
                | ServerMessage::PeerLeft { .. }
                | ServerMessage::PeerAway { .. }
                | ServerMessage::PeerBack { .. }
                | ServerMessage::Ready { .. }
                | ServerMessage::Offer { .. }
                | ServerMessage::Answer { .. }
                | ServerMessage::Candidate { .. }
                | ServerMessage::Message { .. }
                | ServerMessage::Mute { .. }
                | ServerMessage::Unmute { .. }
                | ServerMessage::Publish { .. }
                | ServerMessage::Unpublish { .. }
                | ServerMessage::Subscribe { .. }
                | ServerMessage::Unsubscribe { .. }
                | ServerMessage::Role { .. }
                | ServerMessage::Lock { .. }
                | ServerMessage::Unlock { .. }
                | ServerMessage::Knock { .. }
                | ServerMessage::KnockGone { .. }
                | ServerMessage::Waiting { .. }
                | ServerMessage::Pong { .. },
            )
            | Frame::Unknown
            | Frame::Malformed { .. } => {}
        }
    }

    fn settle(&mut self, now: Instant, wire: Option<u64>, outcome: Outcome, out: &mut Vec<Output>) {
        let settled = wire.and_then(|wire| self.outbox.settle(wire));
        if let (Some(_), State::Seated { heartbeat, .. }) = (&settled, &mut self.state) {
            heartbeat.answered(now);
            self.silences = 0;
        }
        match settled {
            Some(Some(id)) => out.push(Output::Event(SessionEvent::Settled { id, outcome })),
            // Our own re-announcement: nobody waits for its fate.
            Some(None) => {}
            None => self.counts.stray += 1,
        }
    }

    /// Counts a sequenced message; false when an earlier socket brought it already.
    fn is_new(&mut self) -> bool {
        if let State::Seated { claim, arrived, .. } = &mut self.state {
            *arrived += 1;
            if *arrived > claim.seq {
                claim.seq = *arrived;
                return true;
            }
            self.counts.duplicate += 1;
        }
        false
    }
}

/// What an error on the join itself means: None when trying again later may help.
fn refusal(code: ErrorCode) -> Option<EndReason> {
    match code {
        ErrorCode::RoomFull => Some(EndReason::Full),
        ErrorCode::RoomLocked => Some(EndReason::Locked),
        ErrorCode::TokenExpired => Some(EndReason::TokenExpired),
        ErrorCode::Unauthorized
        | ErrorCode::Forbidden
        | ErrorCode::TokenNotYetValid
        | ErrorCode::TokenWrongRoom
        | ErrorCode::TokenBadAlgorithm
        | ErrorCode::TokenBadSignature
        | ErrorCode::TokenUnknownKey
        | ErrorCode::TokenTooLarge
        | ErrorCode::TokenIdentity => Some(EndReason::Unauthorized),
        ErrorCode::Version => Some(EndReason::Version),
        ErrorCode::BadMessage | ErrorCode::BadJson | ErrorCode::TooLarge => Some(EndReason::BadJoin),
        ErrorCode::RateLimited
        | ErrorCode::Unavailable
        | ErrorCode::Internal
        | ErrorCode::NotJoined
        | ErrorCode::NoSuchPeer => None,
    }
}
