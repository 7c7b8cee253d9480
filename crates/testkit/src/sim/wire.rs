use snug_session::Attempt;
use std::collections::BTreeSet;

/// One socket between a guest and the server. It keeps the order of each direction, as TCP does.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) guest: usize,
    pub(super) attempt: Attempt,
    /// False once it broke: whatever is on it is lost.
    pub(super) up: bool,
    /// The ends that nothing arrives at any more, although the wire looks whole. What is missing is never skipped.
    pub(super) deaf: BTreeSet<End>,
    /// When the last frame of each direction arrives; none overtakes it.
    pub(super) to_server: u64,
    pub(super) to_guest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Guest,
    Server,
}

impl Wire {
    pub(super) fn hears(&self, end: End) -> bool {
        !self.deaf.contains(&end)
    }
}

/// What reaches an end of a wire.
pub(super) enum Arrival {
    Refused,
    Opened,
    ToServer(String),
    ToGuest(String),
    GuestLost(Option<u16>),
    ServerLost,
}
