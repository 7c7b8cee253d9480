use snug_protocol::{ErrorCode, ServerMessage};
use std::collections::BTreeMap;

/// How many outcomes a session remembers. A client that has more requests unanswered is told so when it re-sends.
const REMEMBERED: usize = 1024;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done { delivered: u32, queued: u32 },
    Refused { code: ErrorCode, text: &'static str },
}

impl Outcome {
    /// Done, and nobody else had to hear of it.
    pub(crate) const QUIET: Self = Self::Done {
        delivered: 0,
        queued: 0,
    };

    pub(crate) fn answer(self, id: Option<u64>) -> Option<ServerMessage> {
        match (self, id) {
            (Self::Done { delivered, queued }, Some(id)) => Some(ServerMessage::Ack { id, delivered, queued }),
            (Self::Done { .. }, None) => None,
            (Self::Refused { code, text }, id) => Some(ServerMessage::Error {
                id,
                code,
                message: text.to_owned(),
            }),
        }
    }
}

/// The requests of one session that were answered, so that one sent again is answered again and done once (rule A2).
#[derive(Debug, Default)]
pub(crate) struct Answered {
    outcomes: BTreeMap<u64, Outcome>,
    /// The highest id whose outcome is forgotten.
    forgotten: Option<u64>,
}

impl Answered {
    /// `None` for a request that was not handled yet.
    pub(crate) fn recall(&self, id: u64) -> Option<Outcome> {
        if self.forgotten.is_some_and(|forgotten| id <= forgotten) {
            return Some(Outcome::Refused {
                code: ErrorCode::BadMessage,
                text: "this id is long past: ids grow by one",
            });
        }
        self.outcomes.get(&id).copied()
    }

    pub(crate) fn record(&mut self, id: u64, outcome: Outcome) {
        self.outcomes.insert(id, outcome);
        while self.outcomes.len() > REMEMBERED {
            if let Some((id, _)) = self.outcomes.pop_first() {
                self.forgotten = Some(id);
            }
        }
    }
}
