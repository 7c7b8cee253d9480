//! How much may be sent on a path: by the delay that feedback shows, bounded by loss, and found out by probes.
//!
//! As long as nothing queues, the target grows slowly; near what the path was last seen to take, very slowly. Once
//! packets queue, the path shows its capacity: less than that is sent until the queue is gone, then a little less than
//! all of it. That more has become possible is found by sending more for a moment. Time is an argument.

mod delay;
mod history;
mod loss;
mod probe;
mod throughput;

use std::time::{Duration, Instant};

use delay::Delay;
use history::{Fate, History};
pub use history::{Feedback, Status};
use loss::Loss;
pub use probe::Probe;
use probe::{Found, Prober};
use throughput::Throughput;

/// Bits per second at the beginning.
pub const START: u32 = 800_000;
/// Bits per second that are never exceeded.
pub const CAP: u32 = 6_000_000;
/// Bits per second that are always tried.
pub const FLOOR: u32 = 80_000;

/// What is used of a path whose capacity is known.
const SHARE: f64 = 0.95;
/// So many seconds of queue are worth sending nothing at all: less of them, less of that.
const DRAIN: f64 = 0.7;
/// A queue that lasts longer, though less is sent, is somebody else's.
const DRAIN_LIMIT: Duration = Duration::from_secs(3);
/// A path is empty with less than so many seconds of queue.
const EMPTY: f64 = 0.012;
/// A path may be probed with less than so many.
const CALM: f64 = 0.025;
/// So many seconds of queue a probe may make.
const PROBE_QUEUE: f64 = 0.1;
/// Growth a second, far from the capacity or not knowing it, and near it.
const FAST: f64 = 0.08;
const SLOW: f64 = 0.02;
/// For so long a measured capacity is believed.
const MEMORY: Duration = Duration::from_secs(20);
/// Between probes: after one that found more, after one that did not, and when nothing has been found for long.
const PROBE_NEXT: Duration = Duration::from_millis(300);
const PROBE_AGAIN: Duration = Duration::from_millis(2_500);
const PROBE_RARELY: Duration = Duration::from_secs(8);
/// Failed probes after which they become rare.
const PROBES: u32 = 12;
/// Without feedback for so long, less is sent.
const SILENCE: Duration = Duration::from_millis(1_500);

#[derive(Debug, Clone, Copy)]
enum Phase {
    Growing,
    /// A queue is being emptied.
    Draining {
        since: Instant,
    },
}

/// The controller of one path.
#[derive(Debug)]
pub struct Bandwidth {
    target: f64,
    /// More would be of no use.
    wanted: f64,
    remb: Option<f64>,
    history: History,
    delay: Delay,
    throughput: Throughput,
    loss: Loss,
    prober: Prober,
    phase: Phase,
    capacity: Option<(f64, Instant)>,
    probe_at: Option<Instant>,
    failures: u32,
    grown: Option<Instant>,
    /// When feedback came last, or was missed last.
    heard: Option<Instant>,
    lowered: Option<Instant>,
    queue: f64,
    round_trip: Option<Duration>,
}

impl Default for Bandwidth {
    fn default() -> Self {
        Self {
            target: f64::from(START),
            wanted: f64::from(CAP),
            remb: None,
            history: History::default(),
            delay: Delay::default(),
            throughput: Throughput::default(),
            loss: Loss::default(),
            prober: Prober::default(),
            phase: Phase::Growing,
            capacity: None,
            probe_at: None,
            failures: 0,
            grown: None,
            heard: None,
            lowered: None,
            queue: 0.0,
            round_trip: None,
        }
    }
}

impl Bandwidth {
    /// Bits per second on the wire, for everything together.
    pub fn target(&self) -> u32 {
        let bound = self.remb.unwrap_or(f64::INFINITY);
        // In range by the clamp.
        self.target.min(bound).clamp(f64::from(FLOOR), f64::from(CAP)) as u32
    }

    /// Between a packet's departure and the feedback on it, smoothed.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Seconds that packets wait on the path.
    pub fn queue(&self) -> f64 {
        self.queue
    }

    /// The share of packets that were lost lately, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.loss.share()
    }

    /// Bits per second beyond which more would be of no use.
    pub fn want(&mut self, bitrate: f64) {
        if bitrate > self.wanted * 1.2 {
            self.failures = 0;
            self.probe_at = None;
        }
        self.wanted = bitrate.clamp(f64::from(FLOOR), f64::from(CAP));
    }

    /// The remote's own estimate, in bits per second.
    pub fn remb(&mut self, bitrate: f64) {
        self.remb = (bitrate.is_finite() && bitrate > 0.0).then_some(bitrate);
    }

    /// A receiver report's loss, 0 to 1. Only for a remote without transport-wide feedback.
    pub fn report(&mut self, fraction_lost: f64, now: Instant) {
        match self.loss.judge(fraction_lost) {
            Some(factor) => self.lower(factor, now),
            None if fraction_lost < 0.02 => self.set(self.target * 1.05),
            None => {}
        }
    }

    /// The probe that wants more packets.
    pub fn probe(&self) -> Option<Probe> {
        self.prober.sending()
    }

    /// There is nothing to probe with.
    pub fn cut_probe(&mut self) {
        self.prober.cut();
    }

    /// A packet of `size` bytes on the wire leaves; its transport-wide number.
    pub fn sent(&mut self, size: usize, now: Instant) -> u16 {
        let probe = self.prober.sending().map(|probe| probe.id);
        if probe.is_some() {
            self.prober.sent(size, now);
        }
        let heard = *self.heard.get_or_insert(now);
        let waiting = self
            .history
            .oldest()
            .map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
        if waiting > SILENCE && now.saturating_duration_since(heard) > SILENCE {
            self.heard = Some(now);
            self.set(self.target * 0.7);
        }
        self.history.sent(size, probe, now)
    }

    /// Transport-wide feedback.
    pub fn feedback(&mut self, feedback: &Feedback, now: Instant) {
        let fates = self.history.resolve(feedback);
        let Some(newest) = fates.iter().rev().find(|fate| !fate.lost) else {
            return;
        };
        self.heard = Some(now);
        let trip = now.saturating_duration_since(newest.departure);
        self.round_trip = Some(self.round_trip.map_or(trip, |former| (former * 7 + trip) / 8));
        let verdict = self.delay.judge(&fates, now);
        self.count(&fates);
        let lost = fates.iter().filter(|fate| fate.lost).count() as u32;
        if let Some(factor) = self.loss.packets(fates.len() as u32, lost, now) {
            self.lower(factor, now);
        }
        self.queue = verdict.map_or(self.queue, |verdict| verdict.queue);
        // A probe queues: that is what it is for.
        let probed = self.prober.running() && self.queue < PROBE_QUEUE;
        let over = verdict.is_some_and(|verdict| verdict.over) && !probed;
        match self.phase {
            Phase::Draining { since } => self.drain(since, now),
            Phase::Growing if over => self.overrun(now),
            Phase::Growing => self.grow(now),
        }
        if let Some(result) = self.prober.result(now) {
            self.probed(result, now);
        }
        self.consider_probe(now);
    }

    fn count(&mut self, fates: &[Fate]) {
        for fate in fates {
            if let (Some(arrival), Some(delay)) = (fate.arrival, self.delay.of(fate)) {
                self.throughput.arrived(arrival, fate.size, self.delay.beyond(delay));
            }
            self.prober.heard(fate);
        }
    }

    /// What the path takes while packets queue on it. What merely arrives is no measure of it: perhaps no more was sent.
    fn measured(&self) -> f64 {
        let arriving = || {
            self.throughput
                .rate()
                .unwrap_or(0.0)
                .clamp(self.target * 0.85, self.target)
        };
        self.throughput.capacity().unwrap_or_else(arriving)
    }

    /// Packets queue.
    fn overrun(&mut self, now: Instant) {
        let measured = self.measured();
        // A path that takes clearly more than is sent empties itself: it was only held up.
        if measured > self.target * 1.2 && self.queue < 0.25 {
            return;
        }
        if self.target > measured * 1.3 {
            // It has become narrower: it may become wider again soon.
            self.failures = 0;
        }
        tracing::trace!(measured, target = self.target, queue = self.queue, "packets queue");
        self.phase = Phase::Draining { since: now };
        self.probe_at = Some(now + PROBE_AGAIN);
        self.set_capacity(measured.min(self.target / SHARE), now);
        self.drain(now, now);
    }

    fn drain(&mut self, since: Instant, now: Instant) {
        let (known, _) = self.capacity.unwrap_or((self.target, now));
        let capacity = self
            .throughput
            .capacity()
            .map_or(known, |measured| known.min(measured * 1.1));
        self.set_capacity(capacity, now);
        let lasts = now.saturating_duration_since(since) > DRAIN_LIMIT;
        if self.queue < EMPTY || lasts {
            if lasts {
                self.delay.accept(self.queue);
            }
            self.phase = Phase::Growing;
            self.grown = Some(now);
            self.throughput.forget();
            self.set(capacity * SHARE);
        } else {
            self.set(capacity * SHARE * (1.0 - (self.queue / DRAIN).clamp(0.08, 0.6)));
        }
    }

    fn set_capacity(&mut self, capacity: f64, now: Instant) {
        self.capacity = Some((capacity.max(f64::from(FLOOR)), now));
    }

    fn grow(&mut self, now: Instant) {
        let passed = self
            .grown
            .replace(now)
            .map_or(0.0, |last| now.saturating_duration_since(last).as_secs_f64())
            .min(1.0);
        if self.loss.share() > 0.05 || self.queue > 2.0 * EMPTY || self.target > self.wanted * 1.1 {
            return;
        }
        let near = self
            .capacity
            .is_some_and(|(capacity, at)| now.saturating_duration_since(at) < MEMORY && self.target > capacity * 0.85);
        let speed = if near { SLOW } else { FAST };
        let next = self.target * (1.0 + speed * passed) + 4_000.0 * passed;
        // What is not used is not known to be there.
        let proven = self.throughput.rate().map_or(self.target, |rate| rate * 1.5 + 10_000.0);
        self.set(next.min(proven.max(self.target)));
    }

    fn lower(&mut self, factor: f64, now: Instant) {
        let settling = self
            .lowered
            .is_some_and(|at| now.saturating_duration_since(at) < Duration::from_millis(600));
        if !settling {
            self.lowered = Some(now);
            self.set(self.target * factor);
            self.set_capacity(self.target, now);
        }
    }

    fn consider_probe(&mut self, now: Instant) {
        let room = self.target < self.wanted * 0.97;
        let calm = matches!(self.phase, Phase::Growing) && self.queue < CALM && self.loss.share() < 0.05;
        if !room || !calm || self.prober.running() || self.probe_at.is_some_and(|at| now < at) {
            return;
        }
        let rate = (self.target * 2.2).min(self.wanted * 1.2);
        self.prober.start(rate, now);
        // Should nothing come of it.
        self.probe_at = Some(now + PROBE_AGAIN);
    }

    fn probed(&mut self, found: Option<Found>, now: Instant) {
        let share = |found: &Found| if found.saturated { 0.9 } else { SHARE };
        let better = found.filter(|found| found.rate * share(found) > self.target * 1.05);
        let better = better.filter(|_| matches!(self.phase, Phase::Growing));
        tracing::trace!(?found, target = self.target, "probed");
        match better {
            Some(found) => {
                self.set(found.rate * share(&found));
                self.capacity = found.saturated.then_some((found.rate, now));
                self.failures = 0;
                self.probe_at = Some(now + PROBE_NEXT);
            }
            None => {
                self.failures += 1;
                let pause = if self.failures > PROBES {
                    PROBE_RARELY
                } else {
                    PROBE_AGAIN
                };
                self.probe_at = Some(now + pause);
            }
        }
    }

    fn set(&mut self, target: f64) {
        self.target = target.clamp(f64::from(FLOOR), f64::from(CAP));
    }
}

#[cfg(test)]
mod tests;
