use crate::Frame;
use std::collections::VecDeque;

/// A session's sequenced messages that its client has not acknowledged (rules S1 to S4).
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The number of the newest message. `joined` is number 1, and is never kept: without it there is nothing to resume.
    last: u64,
    kept: VecDeque<Frame>,
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
    pub(crate) fn push(&mut self, frame: Frame) {
        self.last += 1;
        self.bytes += frame.len();
        self.kept.push_back(frame);
    }

    /// The client has everything up to `seq`.
    pub(crate) fn acknowledge(&mut self, seq: u64) {
        while self.before() < seq.min(self.last) {
            self.drop_oldest();
        }
    }

    /// Whether more is kept than `(messages, bytes)`.
    pub(crate) fn is_over(&self, (messages, bytes): (usize, usize)) -> bool {
        self.kept.len() > messages || self.bytes > bytes
    }

    /// Forgets the oldest until the limit holds: the client may have them, it only never says so.
    pub(crate) fn trim(&mut self, limit: (usize, usize)) {
        while self.is_over(limit) {
            self.drop_oldest();
        }
    }

    /// Whether a client that has everything up to `seq` can be given the rest.
    pub(crate) fn reaches(&self, seq: u64) -> bool {
        (self.before()..=self.last).contains(&seq)
    }

    pub(crate) fn kept(&self) -> impl ExactSizeIterator<Item = &Frame> {
        self.kept.iter()
    }

    /// The number of the last message that is no longer kept.
    fn before(&self) -> u64 {
        self.last - self.kept.len() as u64
    }

    fn drop_oldest(&mut self) {
        if let Some(frame) = self.kept.pop_front() {
            self.bytes -= frame.len();
        }
    }
}
