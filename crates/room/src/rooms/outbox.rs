use super::shared::{Place, Shared};
use crate::Frame;
use std::collections::VecDeque;

/// A session's sequenced messages that its client has not acknowledged (rules S1 to S4).
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The number of the newest message. `joined` is number 1, and is never kept: without it there is nothing to resume.
    last: u64,
    kept: VecDeque<Place>,
    bytes: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            last: 1,
            kept: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl Outbox {
    pub(super) fn push(&mut self, frame: &Frame, shared: &mut Shared) {
        self.last += 1;
        self.bytes += frame.len();
        self.kept.push_back(shared.hold(frame));
    }

    /// The client has everything up to `seq`.
    pub(super) fn acknowledge(&mut self, seq: u64, shared: &mut Shared) {
        while self.before() < seq.min(self.last) {
            self.drop_oldest(shared);
        }
    }

    /// Whether more is kept than `(messages, bytes)`.
    pub(super) fn is_over(&self, (messages, bytes): (usize, usize)) -> bool {
        self.kept.len() > messages || self.bytes > bytes
    }

    /// Forgets the oldest until the limit holds: the client may have them, it only never says so.
    pub(super) fn trim(&mut self, limit: (usize, usize), shared: &mut Shared) {
        while self.is_over(limit) {
            self.drop_oldest(shared);
        }
    }

    /// Forgets all that is kept: the session is over.
    pub(super) fn clear(&mut self, shared: &mut Shared) {
        while !self.kept.is_empty() {
            self.drop_oldest(shared);
        }
    }

    /// Whether a client that has everything up to `seq` can be given the rest.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        (self.before()..=self.last).contains(&seq)
    }

    /// How many messages are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn kept<'a>(&'a self, shared: &'a Shared) -> impl Iterator<Item = &'a Frame> {
        self.kept.iter().filter_map(|place| shared.get(*place))
    }

    /// The number of the last message that is no longer kept.
    fn before(&self) -> u64 {
        self.last - self.kept.len() as u64
    }

    fn drop_oldest(&mut self, shared: &mut Shared) {
        if let Some(place) = self.kept.pop_front() {
            self.bytes -= shared.release(place);
        }
    }
}
