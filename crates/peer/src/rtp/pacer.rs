//! Spreads what leaves at once, a large key frame above all, over a few milliseconds: a short queue that is bounded in
//! time, not one in which media waits for a rate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How much faster than the target packets leave.
const HASTE: f64 = 2.5;
/// What leaves at once after a pause, in seconds of that rate.
const BURST: Duration = Duration::from_millis(20);
/// All that waits leaves within this time.
const LIMIT: f64 = 0.12;
/// Packets that wait at most; more push the first ones out.
pub const CAPACITY: usize = 2_048;

/// Packets of one path on their way out.
#[derive(Debug)]
pub struct Pacer<T> {
    urgent: VecDeque<(T, usize)>,
    queue: VecDeque<(T, usize)>,
    bytes: usize,
    /// When the next packet may leave.
    next: Option<Instant>,
}

impl<T> Default for Pacer<T> {
    fn default() -> Self {
        Self {
            urgent: VecDeque::new(),
            queue: VecDeque::new(),
            bytes: 0,
            next: None,
        }
    }
}

impl<T> Pacer<T> {
    /// Takes a packet of `size` bytes. Urgent ones leave before all others and without delay.
    pub fn push(&mut self, item: T, size: usize, urgent: bool) {
        if urgent {
            self.urgent.push_back((item, size));
            return;
        }
        self.bytes += size;
        self.queue.push_back((item, size));
        if self.queue.len() > CAPACITY
            && let Some((_, size)) = self.queue.pop_front()
        {
            self.bytes -= size;
        }
    }

    /// The next packet that may leave now, with its size, at `target` bits per second or, while probing, exactly at
    /// `probe`.
    pub fn pop(&mut self, now: Instant, target: f64, probe: Option<f64>) -> Option<(T, usize)> {
        if let Some((item, size)) = self.urgent.pop_front() {
            self.passed(size, now, target, probe);
            return Some((item, size));
        }
        if self.queue.is_empty() || !self.due(now) {
            return None;
        }
        let (item, size) = self.queue.pop_front()?;
        self.passed(size, now, target, probe);
        self.bytes -= size;
        Some((item, size))
    }

    /// Whether another packet may leave now.
    pub fn due(&self, now: Instant) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// Whether anything waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.urgent.is_empty()
    }

    /// When something more may leave, if anything waits or, with `always`, also if not.
    pub fn deadline(&self, always: bool) -> Option<Instant> {
        self.next.filter(|_| always || !self.queue.is_empty())
    }

    /// Counts a packet of `size` bytes that leaves now.
    pub fn passed(&mut self, size: usize, now: Instant, target: f64, probe: Option<f64>) {
        let (rate, burst) = match probe {
            Some(rate) => (rate, Duration::ZERO),
            None => ((target * HASTE).max(self.bytes as f64 * 8.0 / LIMIT), BURST),
        };
        let start = now.checked_sub(burst).unwrap_or(now);
        let from = self.next.map_or(start, |next| next.max(start));
        let next = from + Duration::from_secs_f64(size as f64 * 8.0 / rate.max(10_000.0));
        // Many urgent packets do not silence the others.
        self.next = Some(next.min(now + Duration::from_secs_f64(LIMIT)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_frame_leaves_at_once_and_a_large_one_within_the_limit() {
        let (mut pacer, start) = (Pacer::default(), Instant::now());
        (0..3).for_each(|n| pacer.push(n, 1_200, false));
        assert_eq!((0..3).filter_map(|_| pacer.pop(start, 1e6, None)).count(), 3);
        (0..60).for_each(|n| pacer.push(n, 1_200, false));
        let mut now = start;
        let mut left = 0;
        while let Some(next) = pacer.deadline(false) {
            now = now.max(next);
            left += std::iter::from_fn(|| pacer.pop(now, 1e6, None)).count();
        }
        let took = now - start;
        assert!(left == 60 && took > Duration::from_millis(80), "{left} {took:?}");
        assert!(took < Duration::from_millis(300), "{took:?}");
    }

    #[test]
    fn urgent_packets_do_not_wait() {
        let (mut pacer, now) = (Pacer::default(), Instant::now());
        (0..100).for_each(|n| pacer.push(n, 1_200, false));
        while pacer.pop(now, 1e6, None).is_some() {}
        pacer.push(1_000, 100, true);
        assert_eq!(pacer.pop(now, 1e6, None), Some((1_000, 100)));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut pacer = Pacer::default();
        (0..2 * CAPACITY).for_each(|n| pacer.push(n, 10, false));
        assert_eq!(pacer.queue.len(), CAPACITY);
        assert_eq!(pacer.bytes, CAPACITY * 10);
    }
}
