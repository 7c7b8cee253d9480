use snug_room::Bucket;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Addresses that are remembered at a time.
const MOST: usize = 10_000;

/// How often each address may ask. One that is not remembered has asked little.
pub(crate) struct Throttle {
    rate: (u32, u32),
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Throttle {
    /// A steady rate a second, and a burst.
    pub(crate) fn new(rate: (u32, u32)) -> Self {
        Self {
            rate,
            buckets: Mutex::default(),
        }
    }

    /// Whether this address (of IPv6: its /64) may ask now.
    pub(crate) fn admit(&self, now: Instant, address: IpAddr) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= MOST {
                return false;
            }
        }
        buckets
            .entry(network(address))
            .or_insert_with(|| Bucket::new(now, self.rate))
            .take(now)
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_address_does_not_use_up_another_one_s() {
        let throttle = Throttle::new((1, 2));
        let now = Instant::now();
        let one = IpAddr::from([192, 0, 2, 1]);
        assert!(throttle.admit(now, one) && throttle.admit(now, one));
        assert!(!throttle.admit(now, one));
        assert!(!throttle.admit(now, "::ffff:192.0.2.1".parse().expect("an address")));
        assert!(throttle.admit(now, IpAddr::from([192, 0, 2, 2])));
        assert!(throttle.admit(now + Duration::from_secs(1), one));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = Throttle::new((1, 2));
        let now = Instant::now();
        for number in 0..MOST as u32 {
            assert!(throttle.admit(now, IpAddr::from(number.to_be_bytes())));
        }
        assert!(
            !throttle.admit(now, IpAddr::from([192, 0, 2, 2])),
            "all places are taken"
        );
        assert!(throttle.admit(now + Duration::from_secs(9), IpAddr::from([192, 0, 2, 2])));
    }
}
