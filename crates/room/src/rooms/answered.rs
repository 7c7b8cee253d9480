use crate::{Outcome, Refusal};
use std::collections::VecDeque;

/// How many outcomes a session remembers. A client that has more requests unanswered is told so when it re-sends.
const REMEMBERED: usize = 1024;

/// The requests of one session that were answered, so that one sent again is answered again and done once (rule A2).
#[derive(Debug, Default)]
pub struct Answered {
    /// By id, growing.
    outcomes: VecDeque<(u64, Outcome)>,
    /// The highest id whose outcome is forgotten.
    forgotten: Option<u64>,
}

impl Answered {
    /// `None` for a request that was not handled yet.
    pub fn recall(&self, id: u64) -> Option<Outcome> {
        if self.forgotten.is_some_and(|forgotten| id <= forgotten) {
            return Some(Outcome::Refused(Refusal::LongPast));
        }
        if self.outcomes.back().is_none_or(|(last, _)| *last < id) {
            return None;
        }
        let at = self.outcomes.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.outcomes.get(at).map(|(_, outcome)| *outcome)
    }

    /// Nothing up to this id is remembered.
    pub fn forget(&mut self, id: u64) {
        self.forgotten = self.forgotten.max(Some(id));
    }

    /// Remembers what became of a request.
    pub fn record(&mut self, id: u64, outcome: Outcome) {
        // Nearly always the end: ids grow.
        let at = self.outcomes.partition_point(|(other, _)| *other < id);
        self.outcomes.insert(at, (id, outcome));
        if self.outcomes.len() > REMEMBERED {
            self.forgotten = self.outcomes.pop_front().map(|(id, _)| id);
        }
    }
}
