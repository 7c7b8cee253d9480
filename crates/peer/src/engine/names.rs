//! Connectivity checks that are here before the candidate they come from. No socket, no clock.
//!
//! The engine would take their address for a peer-reflexive candidate, which ranks above the server-reflexive ones (RFC
//! 8445, 5.1.2.2), and would not hear of it when the remote names the address as what it is. So a relay, which is often
//! let in first, would be preferred to the direct way for good. Such checks are not looked at until their address is
//! named, or until it had time enough for that: then there is a router which gives each flow a port of its own.
//! Checks are repeated, so nothing is lost but the wait.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::tap::lock;

/// How long signalling may be slower than a check. No pair is nominated sooner whose remote address nobody has named.
pub const FOR_ITS_NAME: Duration = Duration::from_millis(200);
/// Addresses that are kept of each kind. Beyond them nothing is held back.
const KEPT: usize = 512;

#[derive(Debug, Default)]
pub struct Names {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    named: HashSet<SocketAddr>,
    /// When something came from them first.
    unnamed: HashMap<SocketAddr, Instant>,
}

impl Names {
    /// The remote has named a candidate (RFC 8839, 5.1). An mDNS name is none of an address.
    pub fn named(&self, candidate: &str) {
        let mut words = candidate.split_whitespace().skip(4);
        let (Some(Ok(ip)), Some(Ok(port))) = (words.next().map(str::parse), words.next().map(str::parse)) else {
            return;
        };
        let address = SocketAddr::new(ip, port);
        let mut state = lock(&self.state);
        state.unnamed.remove(&address);
        if state.named.len() < KEPT {
            state.named.insert(address);
        }
    }

    /// Whether a check from there may be looked at.
    pub fn admit(&self, from: SocketAddr, now: Instant) -> bool {
        // There is no relay, and its owner may hide its name.
        if is_private(from.ip()) {
            return true;
        }
        let mut state = lock(&self.state);
        if state.named.contains(&from) || state.named.len() >= KEPT {
            return true;
        }
        if state.unnamed.len() >= KEPT && !state.unnamed.contains_key(&from) {
            return true;
        }
        let first = *state.unnamed.entry(from).or_insert(now);
        now.saturating_duration_since(first) >= FOR_ITS_NAME
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: &str = "198.18.0.1:49505";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_check_waits_for_its_name_and_no_longer() {
        let names = Names::default();
        let start = Instant::now();
        assert!(!names.admit(address(RELAY), start));
        assert!(!names.admit(address(RELAY), start + Duration::from_millis(199)));
        names.named("candidate:4 1 udp 16777215 198.18.0.1 49505 typ relay raddr 10.0.9.2 rport 48858");
        assert!(names.admit(address(RELAY), start + Duration::from_millis(199)));
        // Another port is another address.
        assert!(!names.admit(address("198.18.0.1:49506"), start));
    }

    #[test]
    fn a_port_that_a_router_made_up_is_never_named() {
        let names = Names::default();
        let start = Instant::now();
        assert!(!names.admit(address(RELAY), start));
        assert!(names.admit(address(RELAY), start + FOR_ITS_NAME));
    }

    #[test]
    fn neighbours_need_no_name() {
        let names = Names::default();
        for neighbour in ["192.168.1.7:5000", "127.0.0.1:5000", "[fd00::7]:5000", "[fe80::7]:5000"] {
            assert!(names.admit(address(neighbour), Instant::now()), "{neighbour}");
        }
        names.named("candidate:1 1 udp 2130706431 8f1c7b4e-0e54.local 5000 typ host");
        names.named("candidate:1 1 udp");
        assert!(!names.admit(address("203.0.113.7:5000"), Instant::now()));
    }

    #[test]
    fn whoever_sends_from_everywhere_is_held_back_no_more() {
        let names = Names::default();
        let start = Instant::now();
        let port = |port| SocketAddr::new([203, 0, 113, 7].into(), port);
        for one in 0..KEPT as u16 {
            assert!(!names.admit(port(one), start));
        }
        assert!(names.admit(port(KEPT as u16), start));
        assert_eq!(lock(&names.state).unnamed.len(), KEPT);
        assert!(!names.admit(port(0), start));
    }
}
