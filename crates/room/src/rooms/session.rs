use super::answered::Answered;
use super::outbox::Outbox;

/// What a seat is still to hear, and what it was answered.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) outbox: Outbox,
    pub(super) answered: Answered,
}
