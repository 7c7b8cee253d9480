use crate::event::Outcome;
use snug_protocol::{ClientFrame, ClientMessage, ErrorCode, MediaKind, Payload};
use std::collections::{BTreeMap, VecDeque};

/// The messages whose fate is open, in the order they were sent, and what has been said about muting.
///
/// Two numbers meet here. The *id* is the caller's: the n-th send of the session. The *wire* number is the server's:
/// it starts at 1 with each seat, because a new seat is a new count. A re-announced mute has a wire number and no id.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    bytes: usize,
    bound: (usize, usize),
    frame_bytes: usize,
    next_wire: u64,
    /// The last thing said about each kind: true is muted.
    muted: BTreeMap<MediaKind, bool>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: Option<u64>,
    wire: u64,
    message: ClientMessage,
    bytes: usize,
    /// Whether it was ever handed to a socket.
    sent: bool,
}

/// Room for a frame's own `id` field, in bytes.
const ID_BYTES: usize = 32;

impl Outbox {
    pub(crate) fn new(bound: (usize, usize), frame_bytes: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bound,
            frame_bytes,
            next_wire: 1,
            muted: BTreeMap::new(),
        }
    }

    /// Takes a message in.
    ///
    /// # Errors
    /// What the message has to be settled with: `too-large` for the frame, `unavailable` when the outbox is full,
    /// `bad-message` for what only the session itself may say.
    pub(crate) fn push(&mut self, id: u64, message: ClientMessage) -> Result<(), Outcome> {
        if matches!(
            message,
            ClientMessage::Join(_) | ClientMessage::Leave | ClientMessage::Ping { .. }
        ) {
            return Err(failed(ErrorCode::BadMessage, "only the session itself says this"));
        }
        let bytes = size(&message) + ID_BYTES;
        if bytes > self.frame_bytes {
            return Err(failed(ErrorCode::TooLarge, "longer than a frame may be"));
        }
        if self.entries.len() >= self.bound.0 || self.bytes + bytes > self.bound.1 {
            return Err(failed(ErrorCode::Unavailable, "the outbox is full"));
        }
        if let Some(kind) = own_state(&message) {
            self.muted.insert(kind, matches!(message, ClientMessage::Mute { .. }));
        }
        self.bytes += bytes;
        let wire = self.number();
        self.entries.push_back(Entry {
            id: Some(id),
            wire,
            message,
            bytes,
            sent: false,
        });
        Ok(())
    }

    /// The frames that this socket has not carried yet: all of them after a resume, the new one after a send.
    pub(crate) fn unsent(&mut self) -> Vec<ClientFrame> {
        let unsent = self.entries.iter_mut().filter(|entry| !entry.sent);
        unsent
            .map(|entry| {
                entry.sent = true;
                ClientFrame {
                    id: Some(entry.wire),
                    message: entry.message.clone(),
                }
            })
            .collect()
    }

    /// The size of the message that has waited longest for its answer.
    pub(crate) fn oldest_bytes(&self) -> Option<usize> {
        self.entries.iter().find(|entry| entry.sent).map(|entry| entry.bytes)
    }

    /// The same seat on a new socket: everything unsettled goes out again, under its old numbers, which the server
    /// uses to tell what it has handled already.
    pub(crate) fn resume(&mut self) {
        for entry in &mut self.entries {
            entry.sent = false;
        }
    }

    /// A fresh seat: the count starts anew. When there was a seat before it, what was meant for that one is over:
    ///
    /// - addressed messages and negotiation fail with `no-such-peer`: they speak of a link between two seats, one of
    ///   which is gone, even where the other still sits in the room;
    /// - other messages to the whole room that had been on a socket fail with `unavailable`: nobody can tell whether
    ///   they arrived, and sending them again could double them;
    /// - those that never were on a socket are sent now;
    /// - muting is a state and not an event: it is sent again, and what was settled long ago is announced anew.
    pub(crate) fn reseat(&mut self, had_seat: bool) -> Vec<(u64, Outcome)> {
        let mut over = Vec::new();
        let mut kept = VecDeque::new();
        let old = std::mem::take(&mut self.entries);
        self.bytes = 0;
        self.next_wire = 1;
        if had_seat {
            let pending: Vec<MediaKind> = old.iter().filter_map(|entry| own_state(&entry.message)).collect();
            let settled = self
                .muted
                .iter()
                .filter(|(kind, muted)| **muted && !pending.contains(kind));
            for kind in settled.map(|(kind, _)| *kind).collect::<Vec<_>>() {
                let message = ClientMessage::Mute { kind, to: None };
                kept.push_back(Entry {
                    id: None,
                    wire: 0,
                    bytes: size(&message) + ID_BYTES,
                    message,
                    sent: false,
                });
            }
        }
        for entry in old {
            match had_seat.then(|| fate(&entry)).flatten() {
                None => kept.push_back(entry),
                Some(outcome) => over.extend(entry.id.map(|id| (id, outcome))),
            }
        }
        for mut entry in kept {
            entry.sent = false;
            entry.wire = self.number();
            self.bytes += entry.bytes;
            self.entries.push_back(entry);
        }
        over
    }

    /// The server answered wire number `wire`: whose it was, if a caller asked. None when nothing waits for it.
    pub(crate) fn settle(&mut self, wire: u64) -> Option<Option<u64>> {
        let at = self.entries.iter().position(|entry| entry.wire == wire)?;
        let entry = self.entries.remove(at)?;
        self.bytes -= entry.bytes;
        Some(entry.id)
    }

    /// Empties the box at the end of the session: the ids that will never be answered.
    pub(crate) fn abandon(&mut self) -> Vec<u64> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
            .into_iter()
            .filter_map(|entry| entry.id)
            .collect()
    }

    fn number(&mut self) -> u64 {
        let wire = self.next_wire;
        self.next_wire += 1;
        wire
    }
}

pub(crate) fn failed(code: ErrorCode, message: &str) -> Outcome {
    Outcome::Failed {
        code,
        message: message.to_owned(),
    }
}

/// What the loss of the seat makes of a message; None when it survives.
fn fate(entry: &Entry) -> Option<Outcome> {
    let gone = || Some(failed(ErrorCode::NoSuchPeer, "it was meant for a seat that is gone"));
    match &entry.message {
        ClientMessage::Offer { .. } | ClientMessage::Answer { .. } | ClientMessage::Candidate { .. } => gone(),
        ClientMessage::Message { to: Some(_), .. } | ClientMessage::Mute { to: Some(_), .. } => gone(),
        ClientMessage::Message { to: None, .. } => entry
            .sent
            .then(|| failed(ErrorCode::Unavailable, "the seat was lost before the server answered")),
        ClientMessage::Mute { to: None, .. } | ClientMessage::Unmute { .. } => None,
        ClientMessage::Subscribe { .. }
        | ClientMessage::Unsubscribe { .. }
        | ClientMessage::Kick { .. }
        | ClientMessage::Admit { .. }
        | ClientMessage::Deny { .. } => gone(),
        // What was published is a state too: whoever published announces it anew with the new links.
        ClientMessage::Publish(_) | ClientMessage::Unpublish { .. } => gone(),
        ClientMessage::Lock | ClientMessage::Unlock | ClientMessage::End { .. } => entry
            .sent
            .then(|| failed(ErrorCode::Unavailable, "the seat was lost before the server answered")),
        ClientMessage::Join(_) | ClientMessage::Leave | ClientMessage::Ping { .. } => None,
    }
}

fn own_state(message: &ClientMessage) -> Option<MediaKind> {
    match message {
        ClientMessage::Mute { kind, to: None } | ClientMessage::Unmute { kind } => Some(*kind),
        ClientMessage::Mute { to: Some(_), .. }
        | ClientMessage::Join(_)
        | ClientMessage::Leave
        | ClientMessage::Offer { .. }
        | ClientMessage::Answer { .. }
        | ClientMessage::Candidate { .. }
        | ClientMessage::Message { .. }
        | ClientMessage::Publish(_)
        | ClientMessage::Unpublish { .. }
        | ClientMessage::Subscribe { .. }
        | ClientMessage::Unsubscribe { .. }
        | ClientMessage::Kick { .. }
        | ClientMessage::Lock
        | ClientMessage::Unlock
        | ClientMessage::Admit { .. }
        | ClientMessage::Deny { .. }
        | ClientMessage::End { .. }
        | ClientMessage::Ping { .. } => None,
    }
}

/// About the message's length as JSON, in bytes. An estimate that both languages can make the same way.
fn size(message: &ClientMessage) -> usize {
    let payload = |payload: &Payload| payload.as_json().len();
    let to = |to: &Option<snug_protocol::PeerId>| to.as_ref().map_or(0, |to| to.as_str().len());
    const FIELDS: usize = 48;
    FIELDS
        + match message {
            ClientMessage::Offer { sdp, to: peer } | ClientMessage::Answer { sdp, to: peer } => payload(sdp) + to(peer),
            ClientMessage::Candidate { candidate, to: peer } => payload(candidate) + to(peer),
            ClientMessage::Message { data, to: peer } => payload(data) + to(peer),
            ClientMessage::Mute { to: peer, .. } => to(peer),
            ClientMessage::Publish(track) => {
                track.track_id.as_str().len() + track.source.as_ref().map_or(0, String::len)
            }
            ClientMessage::Unpublish { track_id } => track_id.as_str().len(),
            ClientMessage::Subscribe { track_id, from } | ClientMessage::Unsubscribe { track_id, from } => {
                track_id.as_str().len() + from.as_str().len()
            }
            ClientMessage::Kick { peer_id, reason } | ClientMessage::Deny { peer_id, reason } => {
                peer_id.as_str().len() + reason.as_ref().map_or(0, String::len)
            }
            ClientMessage::Admit { peer_id } => peer_id.as_str().len(),
            ClientMessage::End { reason } => reason.as_ref().map_or(0, String::len),
            ClientMessage::Unmute { .. }
            | ClientMessage::Lock
            | ClientMessage::Unlock
            | ClientMessage::Join(_)
            | ClientMessage::Leave
            | ClientMessage::Ping { .. } => 0,
        }
}
