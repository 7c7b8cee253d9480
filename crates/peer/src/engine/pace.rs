//! How often connectivity checks are sent. No socket, no clock.
//!
//! The engine checks all pairs whenever checks are due or a candidate has come, and nominates a pair only then. So they
//! are due often, and of the checks of a pair those are sent that others would send as well (RFC 8445, 14), with those that
//! answer a check of the remote's (7.3.1.4).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::stun::{DATA, INDICATION, RECEIVED, SEND, USE_CANDIDATE, USERNAME, attribute, is_check, kind, peer_address};

/// A pair is not checked again sooner.
const AGAIN: Duration = Duration::from_millis(30);
/// Pairs that are remembered. Beyond them nothing is kept back.
const KEPT: usize = 512;

/// A check between one of our addresses and one of the remote's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Check {
    far: Far,
    nominates: bool,
}

/// Where a check goes, or comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Far {
    Direct(SocketAddr),
    /// The relay, and the number that it knows the other by (RFC 8656, 12).
    Channel(SocketAddr, u16),
    Relayed(SocketAddr, SocketAddr),
}

#[derive(Debug, Default)]
pub struct Pace(HashMap<Check, Instant>);

impl Pace {
    /// Whether a check is to be sent now.
    pub fn admit(&mut self, check: Check, now: Instant) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < AGAIN;
        if self.0.get(&check).is_some_and(recent) {
            return false;
        }
        if self.0.len() >= KEPT {
            self.0.retain(|_, at| recent(at));
        }
        if self.0.len() < KEPT {
            self.0.insert(check, now);
        }
        true
    }

    /// The remote has made this check: it is answered with one of the same pair.
    pub fn heard(&mut self, check: Check) {
        self.0.remove(&Check {
            nominates: false,
            ..check
        });
    }
}

/// The check that a datagram is, or that a relay carries, to or from there.
pub fn check(there: SocketAddr, datagram: &[u8]) -> Option<Check> {
    let (far, message) = match *datagram {
        [first @ 0x40..=0x4f, second, _, _, ref message @ ..] => {
            (Far::Channel(there, u16::from_be_bytes([first, second])), message)
        }
        _ if kind(datagram).is_some_and(|kind| kind == SEND | INDICATION || kind == RECEIVED | INDICATION) => {
            (Far::Relayed(there, peer_address(datagram)?), attribute(datagram, DATA)?)
        }
        _ => (Far::Direct(there), datagram),
    };
    // A server is asked without a name.
    if !is_check(message) || attribute(message, USERNAME).is_none() {
        return None;
    }
    let nominates = attribute(message, USE_CANDIDATE).is_some();
    Some(Check { far, nominates })
}

#[cfg(test)]
mod tests {
    use super::super::stun::{BINDING, MESSAGE_INTEGRITY, PEER_ADDRESS, SUCCESS, message};
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    fn ping(nominates: bool) -> Vec<u8> {
        let signed: (u16, &[u8]) = (MESSAGE_INTEGRITY, &[1; 20]);
        let mut attributes: Vec<(u16, &[u8])> = vec![(USERNAME, b"far:near"), signed];
        if nominates {
            attributes.insert(1, (USE_CANDIDATE, &[]));
        }
        message(BINDING, &attributes)
    }

    fn over_channel(channel: u8, inner: &[u8]) -> Vec<u8> {
        let mut all = vec![0x40, channel];
        all.extend((inner.len() as u16).to_be_bytes());
        all.extend(inner);
        all
    }

    fn relayed(method: u16, peer: u8, inner: &[u8]) -> Vec<u8> {
        let peer = [0, 1, 2, 3, 4, 5, 6, peer];
        message(method | INDICATION, &[(PEER_ADDRESS, &peer), (DATA, inner)])
    }

    #[test]
    fn a_pair_is_checked_again_after_a_while_only() {
        let mut pace = Pace::default();
        let start = Instant::now();
        let mut sent = |port: u16, nominates: bool, after: u64| {
            let check = check(address(port), &ping(nominates)).unwrap();
            pace.admit(check, start + Duration::from_millis(after))
        };
        assert!(sent(1, false, 0));
        assert!(!sent(1, false, 29));
        assert!(sent(2, false, 29), "another pair");
        assert!(sent(1, true, 29), "its nomination");
        assert!(!sent(1, true, 58));
        assert!(sent(1, false, 30));
        assert!(!sent(1, false, 59), "since it was sent last");
    }

    #[test]
    fn what_goes_through_a_relay_is_known_by_whom_it_is_for() {
        let relay = address(3478);
        let of = |datagram: &[u8]| check(relay, datagram);
        assert_eq!(of(&over_channel(1, &ping(false))), of(&over_channel(1, &ping(false))));
        assert_ne!(of(&over_channel(1, &ping(false))), of(&over_channel(2, &ping(false))));
        assert_ne!(of(&over_channel(1, &ping(false))), of(&over_channel(1, &ping(true))));
        assert_eq!(of(&relayed(SEND, 1, &ping(false))), of(&relayed(SEND, 1, &ping(false))));
        assert_ne!(of(&relayed(SEND, 1, &ping(false))), of(&relayed(SEND, 2, &ping(false))));
        assert!(of(&relayed(SEND, 1, &ping(false))).is_some());
        let (there, back) = (relayed(SEND, 1, &ping(false)), relayed(RECEIVED, 1, &ping(false)));
        assert_eq!(of(&there), of(&back));
    }

    #[test]
    fn a_check_of_the_remote_s_is_answered_with_one() {
        let mut pace = Pace::default();
        let start = Instant::now();
        let of = |port, nominates| check(address(port), &ping(nominates)).unwrap();
        assert!(pace.admit(of(1, false), start) && pace.admit(of(2, false), start));
        pace.heard(of(1, true));
        assert!(!pace.admit(of(2, false), start));
        assert!(pace.admit(of(1, false), start));
        assert!(!pace.admit(of(1, false), start));
    }

    #[test]
    fn nothing_else_is_kept_back() {
        let others = [
            message(BINDING, &[]),
            message(BINDING | SUCCESS, &[(USERNAME, b"far:near")]),
            over_channel(1, &[0x80; 40]),
            over_channel(1, &[]),
            relayed(SEND, 1, &[0x16; 40]),
            message(SEND | INDICATION, &[(DATA, &ping(false))]),
            vec![0x16; 60],
            vec![0x80; 60],
            ping(false)[..30].to_vec(),
            Vec::new(),
        ];
        for other in others {
            assert_eq!(check(address(1), &other), None, "{other:?}");
        }
    }

    #[test]
    fn of_too_many_pairs_nothing_is_kept_back() {
        let mut pace = Pace::default();
        let start = Instant::now();
        let of = |port| check(address(port), &ping(false)).unwrap();
        for port in 0..KEPT as u16 {
            assert!(pace.admit(of(port), start));
        }
        let last = KEPT as u16;
        assert!(pace.admit(of(last), start) && pace.admit(of(last), start));
        assert!(pace.0.len() <= KEPT);
        let later = start + AGAIN;
        assert!(pace.admit(of(last), later) && !pace.admit(of(last), later));
        assert_eq!(pace.0.len(), 1);
    }
}
