use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Handshakes at one time, and of one address: silent connections cannot keep others out.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 128;

/// The handshakes that are going on.
#[derive(Debug, Default)]
pub(super) struct Handshakes(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_one: HashMap<IpAddr, usize>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    handshakes: Arc<Handshakes>,
    network: IpAddr,
}

impl Handshakes {
    pub(super) fn begin(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let network = network(peer);
        let mut counts = self.lock();
        let of_one = counts.of_one.get(&network).copied().unwrap_or_default();
        if counts.all >= MOST || of_one >= MOST_OF_ONE {
            return None;
        }
        counts.all += 1;
        counts.of_one.insert(network, of_one + 1);
        Some(Place {
            handshakes: self.clone(),
            network,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.handshakes.lock();
        counts.all -= 1;
        if let Some(of_one) = counts.of_one.get_mut(&self.network) {
            *of_one -= 1;
            if *of_one == 0 {
                counts.of_one.remove(&self.network);
            }
        }
    }
}

/// IPv4 whole, IPv6 by the /64 that one subscriber has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let handshakes = Arc::new(Handshakes::default());
        let greedy: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8::2".parse().expect("an address");
        let other: IpAddr = "192.0.2.1".parse().expect("an address");
        let places: Vec<_> = (0..MOST_OF_ONE).map_while(|_| handshakes.begin(greedy)).collect();
        assert_eq!(places.len(), MOST_OF_ONE);
        assert!(handshakes.begin(neighbour).is_none() && handshakes.begin(other).is_some());
        drop(places);
        assert!(handshakes.begin(greedy).is_some());
        let counts = handshakes.lock();
        assert!(
            counts.all == 0 && counts.of_one.is_empty(),
            "nothing is left: {counts:?}"
        );
    }
}
