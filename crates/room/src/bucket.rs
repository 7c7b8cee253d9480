use std::time::{Duration, Instant};

/// A token bucket: a steady rate, and a burst on top of it.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full one, of `(rate a second, burst)`.
    pub fn new(now: Instant, (per_second, burst): (u32, u32)) -> Self {
        let burst = f64::from(burst.max(1));
        Self {
            per_second: f64::from(per_second.max(1)),
            burst,
            tokens: burst,
            at: now,
        }
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    /// Takes `cost` tokens, those to come as well; says how long until they are made up for.
    pub fn spend(&mut self, now: Instant, cost: f64) -> Duration {
        self.refill(now);
        self.tokens -= cost;
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(-self.tokens / self.per_second)
    }

    /// How long until there is a token again.
    pub fn wait(&self) -> Duration {
        Duration::from_secs_f64(((1.0 - self.tokens) / self.per_second).max(0.0))
    }

    /// Whether nothing is missing, so that a new bucket would be the same.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.burst
    }

    fn refill(&mut self, now: Instant) {
        // Much of what is counted came at the same time.
        if now > self.at {
            let passed = now.duration_since(self.at);
            self.tokens = (self.tokens + passed.as_secs_f64() * self.per_second).min(self.burst);
            self.at = now;
        }
    }
}
