use crate::Instant;
use std::collections::VecDeque;

/// The pings of one socket. Pongs come in the order of their pings, so each answers the oldest.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat {
    every: u64,
    next: Instant,
    /// Oldest first.
    unanswered: VecDeque<Ping>,
}

#[derive(Clone, Copy, Debug)]
struct Ping {
    sent: Instant,
    /// When it gives the socket up for dead.
    death: Instant,
}

impl Heartbeat {
    /// `every` is what the server asked for, held to what makes sense.
    pub(crate) fn new(now: Instant, every: u64) -> Self {
        let every = every.clamp(1_000, 60_000);
        Self {
            every,
            next: now + every,
            unanswered: VecDeque::new(),
        }
    }

    pub(crate) fn next_ping(&self) -> Instant {
        self.next
    }

    /// When the oldest unanswered ping decides that the socket is dead.
    pub(crate) fn death(&self) -> Option<Instant> {
        self.unanswered.front().map(|ping| ping.death)
    }

    pub(crate) fn pinged(&mut self, now: Instant, timeout: u64) {
        self.next = now + self.every;
        self.unanswered.push_back(Ping {
            sent: now,
            death: now + timeout,
        });
    }

    pub(crate) fn ponged(&mut self) {
        self.unanswered.pop_front();
    }

    /// Doubts the socket: the oldest unanswered ping has `timeout` and no more, counted from when it was sent. False when
    /// there is none, and one should be sent.
    pub(crate) fn doubt(&mut self, timeout: u64) -> bool {
        match self.unanswered.front_mut() {
            Some(oldest) => {
                oldest.death = oldest.death.min(oldest.sent + timeout);
                true
            }
            None => false,
        }
    }
}
