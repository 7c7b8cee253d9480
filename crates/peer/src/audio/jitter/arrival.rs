//! How late packets come, and how much must wait so that nearly none comes too late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::audio::{MS, RATE};

/// The shortest travel is looked for in this much past: long enough to see it, short enough to follow a drifting clock.
const MEMORY: Duration = Duration::from_secs(3);
/// Entries of the past: packets of 10 ms for that long.
const ENTRIES: usize = 300;
const BUCKET: usize = 5 * MS;
const BUCKETS: usize = 100;
/// Share of the packets that must come in time.
const IN_TIME: f64 = 0.97;
/// How much of the past a packet leaves as it was.
const KEEP: f64 = 0.994;

/// The distribution of lateness: of each packet against the fastest one lately.
#[derive(Debug)]
pub struct Arrival {
    epoch: Option<Instant>,
    /// When a packet came and how long it seemed to travel, in samples.
    past: VecDeque<(Duration, i64)>,
    /// The fastest of them, against which the shares were counted.
    base: Option<i64>,
    shares: [f64; BUCKETS],
    seen: u32,
    target: usize,
}

impl Default for Arrival {
    fn default() -> Self {
        Self {
            epoch: None,
            past: VecDeque::new(),
            base: None,
            shares: [0.0; BUCKETS],
            seen: 0,
            target: 0,
        }
    }
}

impl Arrival {
    /// Takes a packet that came at `at` and begins at `timestamp`, in samples of the remote's clock.
    pub fn packet(&mut self, at: Instant, timestamp: i64) {
        let at = at.saturating_duration_since(*self.epoch.get_or_insert(at));
        let travel = (at.as_secs_f64() * RATE as f64) as i64 - timestamp;
        while self
            .past
            .front()
            .is_some_and(|(then, _)| *then + MEMORY < at || self.past.len() >= ENTRIES)
        {
            self.past.pop_front();
        }
        self.past.push_back((at, travel));
        let fastest = self.past.iter().map(|(_, travel)| *travel).min().unwrap_or(travel);
        self.rebase(fastest);
        let late = usize::try_from(travel - fastest).unwrap_or(0);
        let keep = KEEP.min(f64::from(self.seen) / f64::from(self.seen + 1));
        self.seen = self.seen.saturating_add(1);
        self.shares.iter_mut().for_each(|share| *share *= keep);
        self.shares[(late / BUCKET).min(BUCKETS - 1)] += 1.0 - keep;
        self.target = self.quantile();
    }

    /// A new beginning of the remote's clock; how late packets are is still true.
    pub fn restart(&mut self) {
        self.past.clear();
        self.base = None;
    }

    /// Samples by which nearly all packets are late at most.
    pub fn lateness(&self) -> usize {
        self.target
    }

    /// The path has become longer or shorter: what was late against the former one is so much less late or later.
    fn rebase(&mut self, fastest: i64) {
        let base = *self.base.get_or_insert(fastest);
        // In range: whatever is longer counts as the longest.
        let steps = ((fastest - base) / BUCKET as i64).clamp(-(BUCKETS as i64), BUCKETS as i64);
        if steps == 0 {
            return;
        }
        self.base = Some(base + steps * BUCKET as i64);
        let mut moved = [0.0; BUCKETS];
        for (index, share) in self.shares.iter().enumerate() {
            let to = (index as i64 - steps).clamp(0, BUCKETS as i64 - 1);
            moved[to as usize] += share;
        }
        self.shares = moved;
    }

    fn quantile(&self) -> usize {
        let mut sum = 0.0;
        for (index, share) in self.shares.iter().enumerate() {
            sum += share;
            if sum >= IN_TIME {
                // Punctual packets are in the first bucket.
                return if index == 0 { 0 } else { (index + 1) * BUCKET };
            }
        }
        BUCKETS * BUCKET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lateness: impl Fn(u64) -> u64, packets: u64) -> usize {
        let (mut arrival, start) = (Arrival::default(), Instant::now());
        for n in 0..packets {
            let at = start + Duration::from_millis(n * 20 + lateness(n));
            arrival.packet(at, n as i64 * 960);
        }
        arrival.lateness() / MS
    }

    #[test]
    fn punctual_packets_need_no_wait() {
        assert_eq!(after(|_| 7, 100), 0);
    }

    #[test]
    fn one_late_packet_in_a_hundred_is_not_waited_for_but_one_in_ten_is() {
        assert!(after(|n| if n % 100 == 50 { 90 } else { 0 }, 1_000) <= 10);
        assert!((85..=100).contains(&after(|n| if n % 10 == 5 { 90 } else { 0 }, 1_000)));
    }

    #[test]
    fn a_path_that_got_longer_is_no_lateness_for_long() {
        let lateness = |packets| after(|n| if n < 500 { 0 } else { 150 }, packets);
        assert!(lateness(550) >= 150 && lateness(660) <= 10);
    }

    #[test]
    fn a_drifting_clock_is_no_lateness() {
        // 1 ms every second.
        assert!(after(|n| n / 50, 3_000) <= 10);
    }
}
