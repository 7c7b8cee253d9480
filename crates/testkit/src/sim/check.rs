//! What must hold of all that was said, whatever went wrong.

use super::Guest;
use snug_session::Outcome;
use std::collections::BTreeMap;

/// Nobody heard anything twice or late, and each message went to as many as its sender was told. `untouched`: nobody lost
/// a seat, so that none may be missing either. `run` names the run where it fails.
///
/// # Panics
/// Where one of that does not hold.
pub fn check_messages(run: &str, guests: &[Guest], untouched: bool) {
    let mut arrivals: BTreeMap<(usize, u64), u32> = BTreeMap::new();
    for (receiver, guest) in guests.iter().enumerate() {
        let mut last = BTreeMap::new();
        for &(who, number) in &guest.received {
            let before = last.insert(who, number);
            assert!(
                before < Some(number),
                "{run}: {receiver} hears {number} of {who} after {before:?}"
            );
            *arrivals.entry((who, number)).or_default() += 1;
        }
    }
    for (who, guest) in guests.iter().enumerate() {
        for (at, sent) in guest.sent.iter().enumerate() {
            let number = at as u64 + 1;
            let place = format!("{run}: message {number} of {who} to {:?}", sent.to);
            let arrived = arrivals.get(&(who, number)).copied().unwrap_or_default();
            match sent.outcomes.as_slice() {
                [Outcome::Delivered { delivered, queued }] => {
                    let promised = delivered + queued;
                    assert!(arrived <= promised, "{place}: {arrived} of {promised} arrived");
                    assert!(!untouched || arrived == promised, "{place}: {arrived} of {promised}");
                }
                // Of a seat that lives a message fails only where it was too much for the session to keep.
                [Outcome::Failed { code, .. }] => assert!(!untouched, "{place}: {code:?}"),
                [] if guest.crashed => {}
                other => panic!("{place}: settled as {other:?}"),
            }
        }
    }
}
