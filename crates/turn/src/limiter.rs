//! Token buckets: of bytes for a user, of requests for an address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// A bucket that fills by `rate` a second up to `burst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    left: u64,
    filled: Instant,
}

/// How a bucket fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub per_second: u64,
    pub burst: u64,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self {
            left: rate.burst,
            filled: now,
        }
    }

    /// Takes `amount` if it is there.
    pub(crate) fn take(&mut self, amount: u64, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        let enough = self.left >= amount;
        if enough {
            self.left -= amount;
        }
        enough
    }

    pub(crate) fn is_full(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.left >= rate.burst
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_nanos();
        let earned = passed.saturating_mul(u128::from(rate.per_second)) / 1_000_000_000;
        if earned > 0 {
            self.left = rate
                .burst
                .min(self.left.saturating_add(u64::try_from(earned).unwrap_or(u64::MAX)));
            // The fraction of a token that has been earned besides stays earned.
            let spent = earned.saturating_mul(1_000_000_000) / u128::from(rate.per_second.max(1));
            self.filled += Duration::from_nanos(u64::try_from(spent).unwrap_or(u64::MAX));
        }
    }
}

/// Addresses that are remembered at most; beyond them, newcomers share one bucket.
const ADDRESSES: usize = 16_384;
const SWEEP: Duration = Duration::from_secs(1);

/// A bucket for each address, in bounded memory.
pub(crate) struct Limiter {
    rate: Rate,
    buckets: HashMap<IpAddr, Bucket>,
    crowd: Bucket,
    swept: Instant,
}

impl Limiter {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            buckets: HashMap::new(),
            crowd: Bucket::full(rate, now),
            swept: now,
        }
    }

    /// Takes one from the bucket of `ip`.
    pub(crate) fn take(&mut self, ip: IpAddr, now: Instant) -> bool {
        let ip = whose(ip);
        if let Some(bucket) = self.buckets.get_mut(&ip) {
            return bucket.take(1, self.rate, now);
        }
        if self.buckets.len() >= ADDRESSES && now.saturating_duration_since(self.swept) >= SWEEP {
            self.sweep(now);
        }
        if self.buckets.len() >= ADDRESSES {
            return self.crowd.take(1, self.rate, now);
        }
        self.buckets
            .entry(ip)
            .or_insert_with(|| Bucket::full(self.rate, now))
            .take(1, self.rate, now)
    }

    /// Forgets those who asked nothing for long enough to have a full bucket again.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.swept = now;
        let rate = self.rate;
        self.buckets.retain(|_, bucket| !bucket.is_full(rate, now));
        self.buckets.shrink_to(64);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

/// The address that a household holds: one of IPv4, 2^64 of IPv6.
pub(crate) fn whose(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10,
        burst: 20,
    };

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        assert!(bucket.take(20, RATE, start) && !bucket.take(1, RATE, start));
        // Asking often must not lose the fractions.
        let mut given = 0;
        for step in 1..=100 {
            given += usize::from(bucket.take(1, RATE, start + Duration::from_millis(step * 10 + step % 7)));
        }
        assert_eq!(given, 10);
        assert!(bucket.is_full(RATE, start + Duration::from_secs(60)));
        assert!(!bucket.take(21, RATE, start + Duration::from_secs(60)));
    }

    #[test]
    fn memory_is_bounded_and_old_acquaintances_keep_their_bucket() {
        let start = Instant::now();
        let mut limiter = Limiter::new(RATE, start);
        let friend = IpAddr::from([192, 0, 2, 1]);
        assert!(limiter.take(friend, start));
        let mut served = 0;
        for n in 0..100_000_u32 {
            served += usize::from(limiter.take(IpAddr::from((n + (10 << 24)).to_be_bytes()), start));
        }
        assert_eq!(limiter.buckets.len(), ADDRESSES);
        assert_eq!(served, ADDRESSES - 1 + 20);
        assert!(limiter.take(friend, start));
        assert!(limiter.take(IpAddr::from([192, 0, 2, 2]), start + Duration::from_secs(60)));
        assert_eq!(limiter.buckets.len(), 1);
    }

    #[test]
    fn an_ipv6_household_has_one_bucket() {
        let start = Instant::now();
        let mut limiter = Limiter::new(RATE, start);
        let taken = (0..100_u128).filter(|n| limiter.take(Ipv6Addr::from_bits((0x2001 << 112) + n).into(), start));
        assert_eq!(taken.count(), 20);
    }
}
