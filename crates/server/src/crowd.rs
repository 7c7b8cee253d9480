use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who is here, in all and by address: nobody can take every place.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    most_of_one: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_one: HashMap<IpAddr, usize>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    /// Whose; nobody's yet, where a proxy stands in between.
    network: Option<IpAddr>,
}

/// There is no place left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Nobody can come in.
    All,
    /// This address has as many places as one may have.
    Address,
}

impl Crowd {
    /// A crowd of so many in all, and so many of one address.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            counts: Mutex::default(),
        })
    }

    /// Takes a place, for this address if it is known.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        let network = address.map(network);
        {
            let mut counts = self.lock();
            if counts.all >= self.most {
                return Err(Full::All);
            }
            counts.add(network, self.most_of_one)?;
            counts.all += 1;
        }
        let crowd = self.clone();
        Ok(Place { crowd, network })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says whose place it is: this address's, and no longer the one's before.
    ///
    /// # Errors
    /// When this address has too many; nothing changes then.
    pub(crate) fn belongs_to(&mut self, address: IpAddr) -> Result<(), Full> {
        let network = Some(network(address));
        if network != self.network {
            let mut counts = self.crowd.lock();
            counts.add(network, self.crowd.most_of_one)?;
            counts.remove(self.network);
            self.network = network;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.lock();
        counts.all -= 1;
        counts.remove(self.network);
    }
}

impl Counts {
    fn add(&mut self, network: Option<IpAddr>, most: usize) -> Result<(), Full> {
        let Some(network) = network else { return Ok(()) };
        let count = self.of_one.get(&network).copied().unwrap_or_default();
        if count >= most {
            return Err(Full::Address);
        }
        self.of_one.insert(network, count + 1);
        Ok(())
    }

    fn remove(&mut self, network: Option<IpAddr>) {
        let Some(network) = network else { return };
        if let Some(count) = self.of_one.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.of_one.remove(&network);
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

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn is_empty(crowd: &Crowd) -> bool {
        let counts = crowd.lock();
        counts.all == 0 && counts.of_one.is_empty()
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let crowd = Crowd::new(10, 3);
        let places: Vec<Place> = ["2001:db8::1", "2001:db8::2", "2001:db8::3"]
            .into_iter()
            .map(|address| crowd.enter(Some(ip(address))).expect("a place"))
            .collect();
        assert_eq!(crowd.enter(Some(ip("2001:db8::4"))).err(), Some(Full::Address));
        let other = crowd.enter(Some(ip("::ffff:192.0.2.1"))).expect("a place");
        drop(places);
        drop(crowd.enter(Some(ip("2001:db8::4"))).expect("a place again"));
        drop(other);
        assert!(is_empty(&crowd), "{crowd:?}");
    }

    #[test]
    fn all_together_are_limited_and_those_turned_away_leave_no_trace() {
        let crowd = Crowd::new(2, 2);
        let places = (crowd.enter(Some(ip("192.0.2.1"))), crowd.enter(None));
        assert_eq!(crowd.enter(Some(ip("192.0.2.2"))).err(), Some(Full::All));
        drop(places);
        assert!(is_empty(&crowd), "{crowd:?}");
    }

    #[test]
    fn behind_a_proxy_a_place_is_whose_the_request_says() {
        let crowd = Crowd::new(9, 1);
        let mut one = crowd.enter(None).expect("a place");
        let mut two = crowd.enter(None).expect("a place");
        one.belongs_to(ip("192.0.2.1")).expect("the first of it");
        assert_eq!(two.belongs_to(ip("192.0.2.1")), Err(Full::Address));
        two.belongs_to(ip("192.0.2.2")).expect("the first of it");
        one.belongs_to(ip("192.0.2.1")).expect("its own already");
        one.belongs_to(ip("192.0.2.3"))
            .expect("another request, another client");
        two.belongs_to(ip("192.0.2.1")).expect("free again");
        drop((one, two));
        assert!(is_empty(&crowd), "{crowd:?}");
    }
}
