use crate::{Instant, Why};
use std::collections::VecDeque;

/// What is known of the life of one socket. Two questions are asked of it:
///
/// - Does it carry anything at all? While an answer is owed, silence makes it doubtful, and anything that is heard relieves
///   it again.
/// - Does it carry both ways? The oldest ping tells, which only answers satisfy: what others say may still arrive by a
///   socket that takes nothing more.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat {
    every: u64,
    next: Instant,
    /// When each ping was sent, oldest first. Pongs come in the order of their pings.
    unanswered: VecDeque<Instant>,
    /// When the server last answered anything.
    answered: Instant,
    /// Whether a message went out since the last ping, so that no pong speaks for it.
    talked: bool,
    /// Since when an answer has been owed and nothing has been heard.
    silent: Option<Instant>,
    /// When a socket in doubt counts as dead.
    doomed: Option<Instant>,
}

/// How long a socket may be silent, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// While an answer is owed, before it is doubted.
    pub(crate) doubt: u64,
    /// Once it is.
    pub(crate) probe: u64,
    /// Without an answer, whatever else is heard.
    pub(crate) pong: u64,
    /// What the frame on its way needs on a slow line, before anything can answer it.
    pub(crate) draining: u64,
}

impl Heartbeat {
    /// Of a socket that has just answered the join. `every` is what the server asked for, held to what makes sense.
    pub(crate) fn new(now: Instant, every: u64) -> Self {
        let every = every.clamp(1_000, 60_000);
        Self {
            every,
            next: now + every,
            unanswered: VecDeque::new(),
            answered: now,
            talked: false,
            silent: None,
            doomed: None,
        }
    }

    /// What comes next if nothing is heard.
    pub(crate) fn deadline(&self, patience: Patience) -> (Instant, Why) {
        let mut first = (self.next, Why::Ping);
        if let (Some(silent), None) = (self.silent, self.doomed) {
            first = sooner(first, (silent + patience.doubt + patience.draining, Why::Doubt));
        }
        if let Some(sent) = self.unanswered.front() {
            let asked = self.answered.max(*sent);
            first = sooner((asked + patience.pong + patience.draining, Why::Silence), first);
        }
        if let Some(doomed) = self.doomed {
            first = sooner((doomed, Why::Silence), first);
        }
        first
    }

    pub(crate) fn pinged(&mut self, now: Instant) {
        self.next = now + self.every;
        self.unanswered.push_back(now);
        self.talked = false;
        self.silent.get_or_insert(now);
    }

    /// A message went out that wants an answer.
    pub(crate) fn talked(&mut self, now: Instant) {
        self.talked = true;
        self.silent.get_or_insert(now);
    }

    pub(crate) fn ponged(&mut self, now: Instant) {
        self.unanswered.pop_front();
        self.answered = now;
    }

    /// A message was answered.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.answered = now;
    }

    /// Anything came; `open`: there are messages without an answer yet. Comes after what it means is done.
    pub(crate) fn heard(&mut self, now: Instant, open: bool) {
        let owed = !self.unanswered.is_empty() || (self.talked && open);
        self.silent = owed.then_some(now);
        self.doomed = None;
    }

    /// Silence has made the socket doubtful.
    pub(crate) fn doubt(&mut self, now: Instant, patience: Patience) {
        self.doomed = Some(now + patience.probe);
    }

    /// Something outside has made it doubtful: it has `probe` milliseconds from now, or from when the silence began that a
    /// ping asked to end.
    pub(crate) fn suspect(&mut self, now: Instant, probe: u64) {
        let since = self.silent.filter(|_| self.is_asked()).unwrap_or(now);
        let doomed = since + probe;
        self.doomed = Some(self.doomed.map_or(doomed, |before| before.min(doomed)));
    }

    /// Whether a ping is out, so that a doubt needs no other.
    pub(crate) fn is_asked(&self) -> bool {
        !self.unanswered.is_empty()
    }
}

/// The first of them where both come at once.
fn sooner(one: (Instant, Why), other: (Instant, Why)) -> (Instant, Why) {
    if one.0 <= other.0 { one } else { other }
}
