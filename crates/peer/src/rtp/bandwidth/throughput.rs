//! How much arrives, and how much the path takes while packets queue on it.

use std::collections::VecDeque;

/// What arrives is counted over this time, in microseconds of the remote's clock.
const WINDOW: i64 = 500_000;
/// The path's capacity is measured over the last packets that queued.
const BUSY_WINDOW: i64 = 600_000;
/// A packet that has waited for so many seconds has met a queue.
const QUEUED: f64 = 0.01;
/// So long must the queue have been there, in all, to say something.
const BUSY: i64 = 80_000;

#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: i64,
    bits: f64,
    /// How long the path worked on this packet, if it has had no pause.
    worked: Option<i64>,
}

/// Measures one path.
#[derive(Debug, Default)]
pub struct Throughput {
    arrivals: VecDeque<Arrival>,
    last: Option<(i64, bool)>,
}

impl Throughput {
    /// Takes a packet that arrived at `at` microseconds after having waited for `queue` seconds.
    pub fn arrived(&mut self, at: i64, size: usize, queue: f64) {
        let queued = queue > QUEUED;
        let worked = self
            .last
            .filter(|(last, before)| *before && queued && at >= *last)
            .map(|(last, _)| at - last);
        self.last = Some((self.last.map_or(at, |(last, _)| last.max(at)), queued));
        self.arrivals.push_back(Arrival {
            at,
            bits: size as f64 * 8.0,
            worked,
        });
        while self.arrivals.front().is_some_and(|one| at - one.at > BUSY_WINDOW) {
            self.arrivals.pop_front();
        }
    }

    /// Bits per second that arrive.
    pub fn rate(&self) -> Option<f64> {
        let newest = self.arrivals.back()?.at;
        let recent = || self.arrivals.iter().filter(|one| newest - one.at <= WINDOW);
        let oldest = recent().map(|one| one.at).min()?;
        let span = newest - oldest;
        // The first of them marks the beginning only.
        let bits: f64 = recent().map(|one| one.bits).sum::<f64>() - recent().next()?.bits;
        (span >= WINDOW / 2).then(|| bits / (span as f64 / 1e6))
    }

    /// Bits per second that the path takes, if it has been busy lately.
    pub fn capacity(&self) -> Option<f64> {
        let busy = self.arrivals.iter().filter_map(|one| Some((one.bits, one.worked?)));
        let (bits, time) = busy.fold((0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (time >= BUSY).then(|| bits / (time as f64 / 1e6))
    }

    /// Forgets what was measured of the path: it has changed.
    pub fn forget(&mut self) {
        self.arrivals.iter_mut().for_each(|one| one.worked = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_counted() {
        let mut throughput = Throughput::default();
        (0..100).for_each(|n| throughput.arrived(n * 10_000, 1_250, 0.0));
        assert!((throughput.rate().unwrap() - 1e6).abs() < 1.0);
        assert_eq!(throughput.capacity(), None);
    }

    #[test]
    fn the_capacity_shows_while_packets_queue_whatever_the_pauses() {
        let mut throughput = Throughput::default();
        for frame in 0..10 {
            // Eight packets in a row, 4 ms each, then nothing until the next 100 ms.
            (0..8).for_each(|n| throughput.arrived(frame * 100_000 + n * 4_000, 1_000, 0.004 * n as f64));
        }
        let (rate, capacity) = (throughput.rate().unwrap(), throughput.capacity().unwrap());
        assert!((capacity - 2e6).abs() < 1.0 && rate < 0.8e6, "{rate} {capacity}");
        throughput.forget();
        assert_eq!(throughput.capacity(), None);
    }
}
