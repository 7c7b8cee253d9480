//! What is missing of a stream, and when to ask for it again (RFC 4585).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::sequence::Sequence;

/// Packets that come in another order are waited for this long before they are asked for.
const REORDERING: Duration = Duration::from_millis(8);
/// A packet is asked for so many times, and for so long.
const TIMES: u8 = 6;
const AGE: Duration = Duration::from_millis(1_500);
/// Packets asked for at a time; a larger hole is a matter for a key frame.
const CAPACITY: usize = 512;
/// A jump further than this is a new beginning.
const JUMP: i64 = 3_000;
/// What a round trip takes before it has been measured, and what it is taken for at least.
const TRIP: Duration = Duration::from_millis(100);
const TRIP_MIN: Duration = Duration::from_millis(20);
const TRIP_MAX: Duration = Duration::from_millis(1_000);

#[derive(Debug, Clone, Copy)]
struct Wanted {
    since: Instant,
    asked: Option<Instant>,
    times: u8,
}

/// Follows one stream.
#[derive(Debug, Default)]
pub struct Missing {
    sequence: Sequence,
    highest: Option<i64>,
    wanted: BTreeMap<i64, Wanted>,
    trip: Option<Duration>,
}

impl Missing {
    /// Takes a packet; false if it was there before.
    pub fn arrived(&mut self, number: u16, now: Instant) -> bool {
        let number = self.sequence.unwrap(number);
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            return true;
        };
        if number > highest + JUMP || number < highest - JUMP {
            self.wanted.clear();
            self.highest = Some(number);
            return true;
        }
        if number <= highest {
            let Some(wanted) = self.wanted.remove(&number) else {
                return false;
            };
            if let Some(asked) = wanted.asked.filter(|_| wanted.times == 1) {
                self.measured(now.saturating_duration_since(asked));
            }
            return true;
        }
        let since = Wanted {
            since: now,
            asked: None,
            times: 0,
        };
        self.wanted
            .extend((highest + 1..number).map(|missing| (missing, since)));
        while self.wanted.len() > CAPACITY {
            self.wanted.pop_first();
        }
        self.highest = Some(number);
        true
    }

    /// How long it takes from asking to having.
    pub fn round_trip(&self) -> Duration {
        self.trip.unwrap_or(TRIP).clamp(TRIP_MIN, TRIP_MAX)
    }

    /// The packets to ask for now.
    pub fn due(&mut self, now: Instant) -> Vec<u16> {
        self.wanted
            .retain(|_, one| one.times <= TIMES && now.saturating_duration_since(one.since) < AGE);
        let pause = self.pause();
        let mut due = Vec::new();
        for (number, wanted) in &mut self.wanted {
            if wanted.next(pause) > now {
                continue;
            }
            wanted.times += 1;
            wanted.asked = Some(now);
            if wanted.times <= TIMES {
                // The low 16 bits are the number on the wire.
                due.push(*number as u16);
            }
        }
        due
    }

    /// When `due` will have something.
    pub fn deadline(&self) -> Option<Instant> {
        let pause = self.pause();
        self.wanted.values().map(|wanted| wanted.next(pause)).min()
    }

    /// Between two requests for the same packet.
    fn pause(&self) -> Duration {
        self.round_trip() * 9 / 8 + Duration::from_millis(5)
    }

    fn measured(&mut self, trip: Duration) {
        self.trip = Some(self.trip.map_or(trip, |former| (former * 3 + trip) / 4));
    }
}

impl Wanted {
    fn next(&self, pause: Duration) -> Instant {
        self.asked.map_or(self.since + REORDERING, |asked| asked + pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn what_is_missing_is_asked_for_after_a_moment_and_then_once_a_round_trip() {
        let (mut missing, now) = (Missing::default(), Instant::now());
        assert!([65_533, 65_535, 2].iter().all(|number| missing.arrived(*number, now)));
        assert!(missing.due(now).is_empty());
        assert_eq!(missing.deadline(), Some(now + REORDERING));
        assert!(missing.arrived(0, now + millis(2)));
        assert_eq!(missing.due(now + REORDERING), [65_534, 1]);
        assert!(missing.due(now + REORDERING).is_empty());
        // One comes after 40 ms, which is the round trip from now on.
        assert!(missing.arrived(65_534, now + REORDERING + millis(40)));
        assert!(!missing.arrived(65_534, now + REORDERING + millis(41)));
        assert_eq!(missing.round_trip(), millis(40));
        assert!(missing.due(now + REORDERING + millis(49)).is_empty());
        assert_eq!(missing.due(now + REORDERING + millis(60)), [1]);
    }

    #[test]
    fn it_gives_up() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        assert!([1, 3].iter().all(|number| missing.arrived(*number, start)));
        let mut now = start;
        let mut asked = 0;
        while let Some(next) = missing.deadline() {
            now = now.max(next);
            asked += missing.due(now).len();
        }
        assert!(asked == usize::from(TIMES) && now <= start + AGE * 2, "{asked}");
        // A hole that is too large is asked for in part, a jump not at all.
        missing.arrived(2_000, now);
        assert_eq!(missing.wanted.len(), CAPACITY);
        missing.arrived(20_000, now);
        assert_eq!(missing.deadline(), None);
    }
}
