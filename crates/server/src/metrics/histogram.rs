use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many values lie below which bound. The bounds never change.
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// What a value is divided by when it is written.
    scale: f64,
    buckets: [AtomicU64; MOST],
    sum: AtomicU64,
}

/// Buckets, the unbounded one included.
const MOST: usize = 16;

/// Nanoseconds.
const TIMES: [u64; MOST - 1] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    50_000_000,
    250_000_000,
];

const COUNTS: [u64; MOST - 1] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1_024, 1_280, 2_048, 4_096];

impl Histogram {
    /// Of nanoseconds, written as seconds.
    pub(crate) const fn seconds() -> Self {
        Self::new(&TIMES, 1e9)
    }

    pub(crate) const fn counts() -> Self {
        Self::new(&COUNTS, 1.0)
    }

    const fn new(bounds: &'static [u64], scale: f64) -> Self {
        Self {
            bounds,
            scale,
            buckets: [const { AtomicU64::new(0) }; MOST],
            sum: AtomicU64::new(0),
        }
    }

    pub(crate) fn observe(&self, value: u64) {
        let slot = self.bounds.iter().take_while(|&&bound| bound < value).count();
        if let Some(bucket) = self.buckets.get(slot) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// Each upper bound with how many lie at or below it; the last bound is infinite.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().map(|&bound| bound as f64 / self.scale);
        let mut below = 0;
        bounds
            .chain([f64::INFINITY])
            .zip(&self.buckets)
            .map(move |(bound, bucket)| {
                below += bucket.load(Relaxed);
                (bound, below)
            })
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum.load(Relaxed) as f64 / self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_every_bucket_at_or_above_it() {
        let histogram = Histogram::counts();
        for value in [0, 1, 2, 3, 4_096, 4_097] {
            histogram.observe(value);
        }
        let buckets: Vec<_> = histogram.cumulative().collect();
        assert_eq!(buckets.len(), MOST);
        assert_eq!(buckets[..3], [(1.0, 2), (2.0, 3), (4.0, 4)]);
        assert_eq!(buckets[MOST - 2..], [(4_096.0, 5), (f64::INFINITY, 6)]);
        assert_eq!(histogram.sum(), 8_199.0);
    }
}
