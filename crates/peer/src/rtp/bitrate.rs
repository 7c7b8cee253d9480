//! How much video the path takes: a loss-based rule, bounded by what the remote estimates (REMB) and by delay.
//!
//! It reacts to feedback only and keeps no queue: the encoder is told a bitrate, packets leave at once.

use std::time::{Duration, Instant};

/// Bits per second at the beginning.
pub const START: u32 = 800_000;
/// Bits per second that are never exceeded.
pub const CAP: u32 = 1_500_000;
/// Bits per second that are always tried.
pub const FLOOR: u32 = 100_000;

/// Feedback is judged in windows of this length.
const WINDOW: Duration = Duration::from_millis(500);
/// After a decrease, this long without another change: the encoder and the feedback need it to follow.
const SETTLE: Duration = Duration::from_millis(800);
/// A one-way delay that has grown by this much within a few seconds means a queue on the path.
const QUEUE: f64 = 0.06;

/// One packet's fate, as transport-wide feedback tells it.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub departure: Instant,
    /// On the remote's clock; `None` if it was lost.
    pub arrival: Option<Duration>,
    /// Bytes.
    pub size: usize,
}

/// The controller of one path.
#[derive(Debug)]
pub struct Bitrate {
    target: f64,
    remb: Option<f64>,
    window: Option<Window>,
    settled: Option<Instant>,
    epoch: Option<Instant>,
    /// The smallest relative one-way delay lately, in seconds, and the one before it.
    base: (f64, f64),
    base_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    sent: u32,
    lost: u32,
    bytes: usize,
    /// The smallest delay in this window, in seconds.
    delay: f64,
}

impl Default for Bitrate {
    fn default() -> Self {
        Self {
            target: f64::from(START),
            remb: None,
            window: None,
            settled: None,
            epoch: None,
            base: (f64::INFINITY, f64::INFINITY),
            base_since: None,
        }
    }
}

impl Bitrate {
    /// Bits per second for all video together.
    pub fn target(&self) -> u32 {
        let bound = self.remb.unwrap_or(f64::INFINITY);
        // In range by the clamp.
        self.target.min(bound).clamp(f64::from(FLOOR), f64::from(CAP)) as u32
    }

    /// The remote's own estimate, in bits per second.
    pub fn remb(&mut self, bitrate: f64) {
        self.remb = (bitrate.is_finite() && bitrate > 0.0).then_some(bitrate);
    }

    /// A receiver report's loss, 0 to 1. Only for a remote without transport-wide feedback.
    pub fn report(&mut self, fraction_lost: f64, now: Instant) {
        self.judge(fraction_lost, false, now);
    }

    /// Transport-wide feedback.
    pub fn outcomes(&mut self, outcomes: &[Outcome], now: Instant) {
        let epoch = *self
            .epoch
            .get_or_insert_with(|| outcomes.first().map_or(now, |one| one.departure));
        let mut window = self.window.unwrap_or(Window {
            since: now,
            sent: 0,
            lost: 0,
            bytes: 0,
            delay: f64::INFINITY,
        });
        for outcome in outcomes {
            window.sent += 1;
            match outcome.arrival {
                Some(arrival) => {
                    let left = outcome.departure.saturating_duration_since(epoch).as_secs_f64();
                    window.delay = window.delay.min(arrival.as_secs_f64() - left);
                    window.bytes += outcome.size;
                }
                None => window.lost += 1,
            }
        }
        self.window = Some(window);
        if now.saturating_duration_since(window.since) < WINDOW || window.sent < 10 {
            return;
        }
        self.window = None;
        let queued = self.queued(window.delay, now);
        self.judge(f64::from(window.lost) / f64::from(window.sent), queued, now);
    }

    /// Whether delay has grown over the smallest of the last seconds. The clocks differ by a constant and drift a
    /// little, so that the base is renewed.
    fn queued(&mut self, delay: f64, now: Instant) -> bool {
        if !delay.is_finite() {
            return false;
        }
        if self
            .base_since
            .is_none_or(|since| now.saturating_duration_since(since) > Duration::from_secs(10))
        {
            self.base = (f64::INFINITY, self.base.0);
            self.base_since = Some(now);
        }
        self.base.0 = self.base.0.min(delay);
        delay - self.base.0.min(self.base.1) > QUEUE
    }

    fn judge(&mut self, loss: f64, queued: bool, now: Instant) {
        let settling = self.settled.is_some_and(|until| now < until);
        if loss > 0.1 {
            if !settling {
                self.target *= 1.0 - 0.5 * loss.min(0.8);
                self.settled = Some(now + SETTLE);
            }
        } else if queued {
            if !settling {
                self.target *= 0.85;
                self.settled = Some(now + SETTLE);
            }
        } else if loss < 0.02 && !settling {
            self.target = self.target * 1.05 + 1_000.0;
        }
        self.target = self.target.clamp(f64::from(FLOOR), f64::from(CAP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seconds` of feedback every 100 ms with a loss in percent and a delay growing by `growth` seconds a second.
    fn run(bitrate: &mut Bitrate, from: Instant, seconds: u64, loss: u64, growth: f64) -> Instant {
        let mut now = from;
        let mut count = 0;
        for step in 0..seconds * 10 {
            now = from + Duration::from_millis(step * 100);
            let outcomes: Vec<Outcome> = (0..10)
                .map(|_| {
                    count += 1;
                    let delay = 5.0 + growth * (step as f64 / 10.0) + (now - from).as_secs_f64();
                    let arrival = (count % 100 >= loss).then(|| Duration::from_secs_f64(delay));
                    Outcome {
                        departure: now,
                        arrival,
                        size: 1_000,
                    }
                })
                .collect();
            bitrate.outcomes(&outcomes, now);
        }
        now
    }

    #[test]
    fn a_clean_path_reaches_the_cap() {
        let mut bitrate = Bitrate::default();
        assert_eq!(bitrate.target(), START);
        run(&mut bitrate, Instant::now(), 20, 0, 0.0);
        assert_eq!(bitrate.target(), CAP);
    }

    #[test]
    fn loss_and_growing_delay_lower_it() {
        let mut bitrate = Bitrate::default();
        run(&mut bitrate, Instant::now(), 10, 30, 0.0);
        assert!(bitrate.target() < START / 2);
        let mut bitrate = Bitrate::default();
        run(&mut bitrate, Instant::now(), 8, 0, 0.2);
        assert!(bitrate.target() < START);
    }

    #[test]
    fn the_remotes_estimate_is_a_bound() {
        let mut bitrate = Bitrate::default();
        bitrate.remb(300_000.0);
        assert_eq!(bitrate.target(), 300_000);
        bitrate.remb(1.0);
        assert_eq!(bitrate.target(), FLOOR);
        bitrate.remb(f64::NAN);
        assert_eq!(bitrate.target(), START);
    }
}
