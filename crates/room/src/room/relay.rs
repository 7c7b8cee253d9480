use super::moderate::forbids;
use super::{Room, SeatNo, Text, Turn, fits};
use crate::{Frame, Outcome, Refusal};
use snug_protocol::{ClientMessage, Limits, MediaKind, PeerId, Relay, RelayKind, ServerMessage, TrackId, TrackInfo};

/// How many tracks one seat may publish.
const TRACKS: usize = 32;

impl Room {
    /// What one who sits here says.
    pub(super) fn said(&mut self, turn: &mut Turn<'_>, no: SeatNo, message: ClientMessage) -> Outcome {
        let Some(at) = self.index(no) else {
            return Outcome::Refused(Refusal::NotJoined);
        };
        let seat = &self.seats[at];
        let from = seat.peer_id.clone();
        let rights = seat.rights;
        match message {
            ClientMessage::Offer { sdp, to } => self.relay(turn, at, to.as_ref(), &ServerMessage::Offer { from, sdp }),
            ClientMessage::Answer { sdp, to } => {
                self.relay(turn, at, to.as_ref(), &ServerMessage::Answer { from, sdp })
            }
            ClientMessage::Candidate { candidate, to } => {
                self.relay(turn, at, to.as_ref(), &ServerMessage::Candidate { from, candidate })
            }
            ClientMessage::Message { .. } if !rights.data => Outcome::Refused(Refusal::MayNotSendData),
            ClientMessage::Message { data, to } => {
                self.relay(turn, at, to.as_ref(), &ServerMessage::Message { from, data })
            }
            ClientMessage::Mute { kind, to: None } => {
                self.remember_mute(at, kind, true);
                self.announce(turn, at, &ServerMessage::Mute { from, kind, to: None })
            }
            ClientMessage::Mute { kind, to } => forbids(seat).unwrap_or_else(|| {
                let target = to.clone();
                self.relay(turn, at, target.as_ref(), &ServerMessage::Mute { from, kind, to })
            }),
            ClientMessage::Unmute { .. } if !rights.publish => Outcome::Refused(Refusal::MayNotPublish),
            ClientMessage::Unmute { kind } => {
                self.remember_mute(at, kind, false);
                self.announce(turn, at, &ServerMessage::Unmute { from, kind })
            }
            ClientMessage::Publish(_) if !rights.publish => Outcome::Refused(Refusal::MayNotPublish),
            ClientMessage::Publish(track) => match self.remember_track(at, &track, turn.limits) {
                Ok(()) => self.announce(turn, at, &ServerMessage::Publish { from, track }),
                Err(refusal) => Outcome::Refused(refusal),
            },
            ClientMessage::Unpublish { track_id } => {
                if self.forget_track(at, &track_id) {
                    self.announce(turn, at, &ServerMessage::Unpublish { from, track_id })
                } else {
                    Outcome::QUIET
                }
            }
            ClientMessage::Subscribe { .. } if !rights.subscribe => Outcome::Refused(Refusal::MayNotSubscribe),
            ClientMessage::Subscribe { track_id, from: of } => {
                self.relay(turn, at, Some(&of), &ServerMessage::Subscribe { from, track_id })
            }
            ClientMessage::Unsubscribe { track_id, from: of } => {
                self.relay(turn, at, Some(&of), &ServerMessage::Unsubscribe { from, track_id })
            }
            ClientMessage::Kick { reason, .. } | ClientMessage::Deny { reason, .. } | ClientMessage::End { reason }
                if !is_reason(reason.as_deref(), turn.limits) =>
            {
                Outcome::Refused(Refusal::BadReason)
            }
            ClientMessage::Kick { peer_id, reason } => forbids(seat).unwrap_or_else(|| {
                if peer_id == from {
                    return Outcome::Refused(Refusal::NoSuchPeer);
                }
                self.kick(turn, &peer_id, reason)
            }),
            ClientMessage::Lock => forbids(seat).unwrap_or_else(|| self.lock(turn, at, true)),
            ClientMessage::Unlock => forbids(seat).unwrap_or_else(|| self.lock(turn, at, false)),
            ClientMessage::Admit { peer_id } => forbids(seat).unwrap_or_else(|| self.admit(turn, &peer_id)),
            ClientMessage::Deny { peer_id, reason } => {
                forbids(seat).unwrap_or_else(|| self.deny(turn, &peer_id, reason))
            }
            ClientMessage::End { reason } => forbids(seat).unwrap_or_else(|| self.end(turn, reason, Some(no))),
            ClientMessage::Leave => self.leave(turn, at),
            ClientMessage::Join(_) => Outcome::Refused(Refusal::AlreadyJoined),
            // Acknowledging is the store's.
            ClientMessage::Ping { .. } => Outcome::QUIET,
        }
    }

    /// What one who sits here says that is relayed unread.
    pub(crate) fn carry(&self, turn: &mut Turn<'_>, no: SeatNo, relay: &Relay<'_>) -> Outcome {
        let Some(at) = self.index(no) else {
            return Outcome::Refused(Refusal::NotJoined);
        };
        let seat = &self.seats[at];
        if relay.kind == RelayKind::Message && !seat.rights.data {
            return Outcome::Refused(Refusal::MayNotSendData);
        }
        let from = &seat.peer_id;
        self.send(turn, at, relay.to, &Carried { from, relay })
    }

    fn relay(&self, turn: &mut Turn<'_>, at: usize, to: Option<&PeerId>, message: &ServerMessage) -> Outcome {
        self.send(turn, at, to.map(PeerId::as_str), message)
    }

    /// Sends one message to one peer, or to everyone else in the room (rules M1 to M3).
    fn send(&self, turn: &mut Turn<'_>, at: usize, to: Option<&str>, message: &impl Text) -> Outcome {
        let from = self.seats[at].no;
        match to {
            None => self.tell(turn, message, |seat| seat.no != from),
            Some(to) => match self.find(to).filter(|target| *target != at) {
                Some(target) => self.tell_one(turn, target, message),
                None => Outcome::Refused(Refusal::NoSuchPeer),
            },
        }
    }

    fn tell_one(&self, turn: &mut Turn<'_>, at: usize, message: &impl Text) -> Outcome {
        let seat = &self.seats[at];
        let live = seat.holder();
        turn.effects.push(super::Effect::Tell {
            seat: seat.no,
            live,
            frame: message.frame(),
        });
        Outcome::Done {
            delivered: u32::from(live.is_some()),
            queued: u32::from(live.is_none()),
        }
    }

    /// Tells everyone else how a seat is now; of a hidden one they know nothing (rule G3).
    fn announce(&self, turn: &mut Turn<'_>, at: usize, message: &ServerMessage) -> Outcome {
        if self.seats[at].rights.hidden {
            return Outcome::QUIET;
        }
        self.relay(turn, at, None, message)
    }

    fn remember_mute(&mut self, at: usize, kind: MediaKind, muted: bool) {
        let kinds = &mut self.seats[at].muted;
        match (kinds.binary_search(&kind), muted) {
            (Err(place), true) => kinds.insert(place, kind),
            (Ok(place), false) => {
                kinds.remove(place);
            }
            (Ok(_), true) | (Err(_), false) => return,
        }
        self.version += 1;
    }

    fn remember_track(&mut self, at: usize, track: &TrackInfo, limits: &Limits) -> Result<(), Refusal> {
        let most = limits.name_chars;
        if !fits(track.track_id.as_str(), most) || track.source.as_ref().is_some_and(|source| !fits(source, most)) {
            return Err(Refusal::BadTrack);
        }
        let tracks = &mut self.seats[at].tracks;
        match tracks.iter().position(|known| known.track_id == track.track_id) {
            Some(place) => tracks[place].clone_from(track),
            None if tracks.len() >= TRACKS => return Err(Refusal::TooManyTracks),
            None => tracks.push(track.clone()),
        }
        self.version += 1;
        Ok(())
    }

    fn forget_track(&mut self, at: usize, track: &TrackId) -> bool {
        let tracks = &mut self.seats[at].tracks;
        let before = tracks.len();
        tracks.retain(|known| known.track_id != *track);
        let found = tracks.len() < before;
        self.version += u64::from(found);
        found
    }
}

/// A relayed frame with who sent it.
struct Carried<'a> {
    from: &'a PeerId,
    relay: &'a Relay<'a>,
}

impl Text for Carried<'_> {
    fn frame(&self) -> Frame {
        self.relay.text(self.from)
    }
}

fn is_reason(reason: Option<&str>, limits: &Limits) -> bool {
    reason.is_none_or(|reason| reason.is_empty() || fits(reason, limits.name_chars))
}
