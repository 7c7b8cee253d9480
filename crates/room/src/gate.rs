use crate::Bucket;
use snug_protocol::Limits;
use std::time::{Duration, Instant};

/// How often a client may be refused: a steady rate a second, and a burst. Past it the socket is closed.
const PATIENCE: (u32, u32) = (5, 50);

/// What one socket may send, and how fast (rule L2). It stands before the core, so that a flood costs its sender alone.
#[derive(Debug)]
pub struct Gate {
    candidates: Bucket,
    messages: Bucket,
    bytes: Bucket,
    patience: Bucket,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// Answer `error rate-limited`, and read nothing from this socket for so long.
    Slow(Duration),
    /// Close with 4008.
    Flood,
}

impl Gate {
    pub fn new(now: Instant, limits: &Limits) -> Self {
        Self {
            candidates: Bucket::new(now, limits.candidates),
            messages: Bucket::new(now, limits.messages),
            bytes: Bucket::new(now, limits.bytes),
            patience: Bucket::new(now, PATIENCE),
        }
    }

    /// Counts what came over the wire; says for how long to read nothing more.
    pub fn weigh(&mut self, now: Instant, bytes: usize) -> Duration {
        self.bytes.spend(now, bytes as f64)
    }

    /// Judges one frame. Frames that are no message count as messages.
    pub fn admit(&mut self, now: Instant, candidate: bool) -> Verdict {
        let bucket = if candidate {
            &mut self.candidates
        } else {
            &mut self.messages
        };
        if bucket.take(now) {
            Verdict::Pass
        } else if self.patience.take(now) {
            Verdict::Slow(bucket.wait())
        } else {
            Verdict::Flood
        }
    }
}
