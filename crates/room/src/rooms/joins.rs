use crate::map::{Keys, Map};
use crate::room::Millis;
use snug_protocol::Limits;
use std::net::{IpAddr, Ipv6Addr};

/// Who joined just now, by address (rule L3).
pub(super) struct Joins {
    /// When the address will have all its joins again, in milliseconds; in fractions of them, as the rate wants.
    full_at: Map<IpAddr, f64>,
    /// Whether a deadline stands to forget those that have.
    pub(super) has_deadline: bool,
}

impl Joins {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            full_at: Map::with_hasher(keys),
            has_deadline: false,
        }
    }

    /// Counts a join.
    ///
    /// # Errors
    /// The milliseconds until there may be another one, where there are too many.
    pub(super) fn take(&mut self, now: Millis, address: IpAddr, limits: &Limits) -> Result<(), u64> {
        let (rate, burst) = limits.joins;
        let each = 1000.0 / f64::from(rate.max(1));
        let now = now as f64;
        let full_at = self.full_at.entry(address).or_insert(now);
        let next = full_at.max(now) + each;
        // A bucket of `burst`: it may be emptied, and no more.
        let over = next - now - each * f64::from(burst.max(1));
        if over > f64::EPSILON {
            return Err(over.ceil() as u64);
        }
        *full_at = next;
        Ok(())
    }

    pub(super) fn footprint(&self) -> usize {
        self.full_at.capacity()
    }

    pub(super) fn clear(&mut self) {
        self.full_at.clear();
        self.full_at.shrink_to_fit();
        self.has_deadline = false;
    }

    /// Forgets those who would be counted like strangers; says when to do so again.
    pub(super) fn forget(&mut self, now: Millis) -> Option<Millis> {
        self.full_at.retain(|_, full_at| *full_at > now as f64);
        self.full_at.shrink_to(self.full_at.len() * 2);
        self.has_deadline = !self.full_at.is_empty();
        self.has_deadline.then_some(now + FORGET_MS)
    }
}

/// How often to look for who can be forgotten.
pub(super) const FORGET_MS: u64 = 5_000;

/// What counts as one address: IPv4 whole, IPv6 by the /64 that one subscriber has.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}
