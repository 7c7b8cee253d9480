//! The queue on the path, from the growth of the one-way delay.
//!
//! The clocks of both ends differ by an unknown constant, so only differences mean something: the smallest delay of
//! the last seconds stands for an empty queue. What counts at any moment is the smallest delay of the last few packets,
//! because those of one frame queue behind each other on any path.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::history::Fate;

/// The delay of this much sending is judged at a time: some frames.
const WINDOW: Duration = Duration::from_millis(120);
/// The base is renewed this often, for clocks that drift and paths that change.
const RENEWAL: Duration = Duration::from_secs(10);
/// A queue of so many seconds is too much, at first and after a while without one.
const THRESHOLD: f64 = 0.03;
const THRESHOLD_MAX: f64 = 0.4;
/// What the threshold loses in a second.
const RELAXATION: f64 = 0.15;
/// A queue that grows by so many seconds a second is too much as soon as it is no jitter.
const GRADIENT: f64 = 0.1;
const JITTER: f64 = 0.012;
/// The gradient is taken over this time.
const SLOPE: Duration = Duration::from_millis(400);

/// What the delay says of the path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Seconds that a packet waits.
    pub queue: f64,
    pub over: bool,
}

/// Follows the delay of one path.
#[derive(Debug)]
pub struct Delay {
    epoch: Option<Instant>,
    recent: VecDeque<(Instant, f64)>,
    minima: VecDeque<(Instant, f64)>,
    base: (f64, f64),
    base_since: Option<Instant>,
    threshold: f64,
    relaxed: Option<Instant>,
    rising: u32,
}

impl Default for Delay {
    fn default() -> Self {
        Self {
            epoch: None,
            recent: VecDeque::new(),
            minima: VecDeque::new(),
            base: (f64::INFINITY, f64::INFINITY),
            base_since: None,
            threshold: THRESHOLD,
            relaxed: None,
            rising: 0,
        }
    }
}

impl Delay {
    /// A packet's delay, in seconds, against an arbitrary zero.
    pub fn of(&mut self, fate: &Fate) -> Option<f64> {
        let epoch = *self.epoch.get_or_insert(fate.departure);
        let left = fate.departure.saturating_duration_since(epoch).as_secs_f64();
        fate.arrival.map(|arrival| arrival as f64 / 1e6 - left)
    }

    /// A packet's delay beyond that of an empty path.
    pub fn beyond(&self, delay: f64) -> f64 {
        (delay - self.base.0.min(self.base.1)).max(0.0)
    }

    /// Takes packets and says how the path is; `None` without any that arrived.
    pub fn judge(&mut self, fates: &[Fate], now: Instant) -> Option<Verdict> {
        for fate in fates {
            if let Some(delay) = self.of(fate) {
                self.recent.push_back((fate.departure, delay));
            }
        }
        let (newest, _) = *self.recent.back()?;
        while self
            .recent
            .front()
            .is_some_and(|(departure, _)| newest.saturating_duration_since(*departure) > WINDOW)
        {
            self.recent.pop_front();
        }
        let least = self
            .recent
            .iter()
            .map(|(_, delay)| *delay)
            .fold(f64::INFINITY, f64::min);
        self.rebase(least, now);
        let queue = self.beyond(least);
        self.minima.push_back((newest, queue));
        while self
            .minima
            .front()
            .is_some_and(|(at, _)| newest.saturating_duration_since(*at) > SLOPE)
        {
            self.minima.pop_front();
        }
        self.relax(now);
        let rises = queue > JITTER && self.gradient() > GRADIENT;
        self.rising = if rises { self.rising + 1 } else { 0 };
        let over = queue > self.threshold || self.rising >= 2;
        Some(Verdict { queue, over })
    }

    /// The queue is not ours: it stays whatever we send. Live with it for a while.
    pub fn accept(&mut self, queue: f64) {
        self.threshold = (queue * 1.3).clamp(self.threshold, THRESHOLD_MAX);
    }

    fn rebase(&mut self, least: f64, now: Instant) {
        if self
            .base_since
            .is_none_or(|since| now.saturating_duration_since(since) > RENEWAL)
        {
            self.base = (f64::INFINITY, self.base.0);
            self.base_since = Some(now);
        }
        self.base.0 = self.base.0.min(least);
    }

    fn relax(&mut self, now: Instant) {
        let passed = self
            .relaxed
            .replace(now)
            .map_or(0.0, |last| now.saturating_duration_since(last).as_secs_f64());
        self.threshold = (self.threshold * (1.0 - RELAXATION * passed.min(1.0))).max(THRESHOLD);
    }

    /// Seconds of queue a second: the slope of the line through the last minima.
    fn gradient(&self) -> f64 {
        let Some((first, _)) = self.minima.front() else {
            return 0.0;
        };
        if self.minima.len() < 3 {
            return 0.0;
        }
        let points = self
            .minima
            .iter()
            .map(|(at, queue)| (at.saturating_duration_since(*first).as_secs_f64(), *queue));
        let count = self.minima.len() as f64;
        let (x, y) = points
            .clone()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let (x, y) = (x / count, y / count);
        let (above, below) = points.fold((0.0, 0.0), |sum, one| {
            (sum.0 + (one.0 - x) * (one.1 - y), sum.1 + (one.0 - x) * (one.0 - x))
        });
        if below > 0.0 { above / below } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 10 ms whose delay is what `delay` says of the time, in seconds.
    fn run(judge: &mut Delay, start: Instant, millis: u64, delay: impl Fn(f64) -> f64) -> Verdict {
        let mut last = None;
        for step in 0..millis / 10 {
            let departure = start + Duration::from_millis(step * 10);
            let time = step as f64 / 100.0;
            let fate = Fate {
                departure,
                arrival: Some(((time + 7.0 + delay(time)) * 1e6) as i64),
                lost: false,
                size: 1_000,
                probe: None,
            };
            if step % 5 == 4 {
                last = judge.judge(&[fate], departure);
            } else {
                judge.judge(&[fate], departure);
            }
        }
        last.unwrap()
    }

    #[test]
    fn a_steady_path_has_no_queue_however_its_packets_jitter() {
        let jitter = |time: f64| 0.02 * (time * 937.0).sin().abs();
        let verdict = run(&mut Delay::default(), Instant::now(), 5_000, jitter);
        assert!(verdict.queue < 0.02 && !verdict.over, "{verdict:?}");
    }

    #[test]
    fn a_growing_delay_is_seen_before_it_is_long() {
        let start = Instant::now();
        let grows = |time: f64| (time - 2.0).max(0.0) * 0.3;
        assert!(!run(&mut Delay::default(), start, 2_000, grows).over);
        let verdict = run(&mut Delay::default(), start, 2_300, grows);
        assert!(verdict.over && verdict.queue < 0.1, "{verdict:?}");
    }

    #[test]
    fn a_queue_that_is_accepted_is_too_long_again_when_it_grows() {
        let (mut delay, start) = (Delay::default(), Instant::now());
        assert!(run(&mut delay, start, 2_000, |time| if time > 1.0 { 0.1 } else { 0.0 }).over);
        delay.accept(0.1);
        let later = start + Duration::from_secs(2);
        let fate = |extra: i64, n: u64| Fate {
            departure: later + Duration::from_millis(n),
            arrival: Some(9_000_000 + 100_000 + extra + n as i64 * 1_000),
            lost: false,
            size: 1,
            probe: None,
        };
        assert!(
            !delay
                .judge(&[fate(0, 200)], later + Duration::from_millis(200))
                .unwrap()
                .over
        );
        assert!(
            delay
                .judge(&[fate(200_000, 400)], later + Duration::from_millis(400))
                .unwrap()
                .over
        );
    }
}
