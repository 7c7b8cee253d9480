//! What is missing of a stream, and when to ask for it again (RFC 4585).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::OUTAGE;
use super::sequence::Sequence;

/// Packets that come in another order are waited for this long before they are asked for, and longer on paths on which
/// such ones were seen to come later.
const REORDERING: Duration = Duration::from_millis(8);
const REORDERING_MAX: Duration = Duration::from_millis(40);
/// A request may get lost as its answer may, and is a few bytes: each is made twice, so much of a round trip apart, at most so long. Who
/// has answered the first one ignores the second, which comes within half a round trip.
const ECHO: u32 = 5;
const ECHO_MAX: Duration = Duration::from_millis(20);
/// A packet is asked for so many times, and for so long.
const TIMES: u8 = 6;
const AGE: Duration = Duration::from_millis(1_500);
/// Packets asked for at a time.
const CAPACITY: usize = 512;
/// A jump further than this is a new beginning.
const JUMP: i64 = 3_000;
/// What a round trip takes before it has been measured, and what it is taken for at least.
const TRIP: Duration = Duration::from_millis(100);
const TRIP_MIN: Duration = Duration::from_millis(20);
const TRIP_MAX: Duration = Duration::from_millis(1_000);
/// Packets that came after they were asked for, of which the times are remembered.
const TRIPS: usize = 15;

#[derive(Debug, Clone, Copy)]
struct Wanted {
    since: Instant,
    /// For the first time, and for the last.
    first: Option<Instant>,
    asked: Option<Instant>,
    times: u8,
    /// The last request has been made twice.
    echoed: bool,
}

/// Follows one stream.
#[derive(Debug)]
pub struct Missing {
    sequence: Sequence,
    highest: Option<i64>,
    wanted: BTreeMap<i64, Wanted>,
    trips: VecDeque<Duration>,
    trip: Option<Duration>,
    reordering: Duration,
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            sequence: Sequence::default(),
            highest: None,
            wanted: BTreeMap::new(),
            trips: VecDeque::new(),
            trip: None,
            reordering: REORDERING,
        }
    }
}

impl Missing {
    /// Takes a packet; false if it was there before. `again` tells that it may have been sent again, and not only late.
    pub fn arrived(&mut self, number: u16, again: bool, now: Instant) -> bool {
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
            match wanted.first.filter(|_| again) {
                Some(asked) => {
                    self.measured(now.saturating_duration_since(asked));
                    self.reordering = (self.reordering * 63 / 64).max(REORDERING);
                }
                // It was on its way when it was asked for.
                None => {
                    let late = now.saturating_duration_since(wanted.since) * 5 / 4;
                    self.reordering = self.reordering.max(late).min(REORDERING_MAX);
                }
            }
            return true;
        }
        if number - highest > OUTAGE {
            self.highest = Some(number);
            return true;
        }
        let since = Wanted {
            since: now,
            first: None,
            asked: None,
            times: 0,
            echoed: true,
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
        // One that is asked for no more may still come.
        self.wanted
            .retain(|_, one| now.saturating_duration_since(one.since) < AGE);
        let paces = self.paces();
        let mut due = Vec::new();
        for (number, wanted) in &mut self.wanted {
            if wanted.next(&paces).is_none_or(|next| next > now) {
                continue;
            }
            if wanted.echoed {
                wanted.times += 1;
                wanted.first.get_or_insert(now);
                wanted.asked = Some(now);
            }
            wanted.echoed = !wanted.echoed;
            // The low 16 bits are the number on the wire.
            due.push(*number as u16);
        }
        due
    }

    /// When `due` will have something.
    pub fn deadline(&self) -> Option<Instant> {
        let paces = self.paces();
        self.wanted.values().filter_map(|wanted| wanted.next(&paces)).min()
    }

    fn paces(&self) -> Paces {
        let trip = self.round_trip();
        Paces {
            reordering: self.reordering,
            echo: (trip / ECHO).min(ECHO_MAX),
            pause: trip * 9 / 8 + Duration::from_millis(5),
        }
    }

    /// Which request a packet answers cannot be told. Most answer the first: a number that most do not exceed is right
    /// as long as fewer than a third of all attempts fail, and otherwise too patient.
    fn measured(&mut self, trip: Duration) {
        if self.trips.len() == TRIPS {
            self.trips.pop_front();
        }
        self.trips.push_back(trip);
        let mut all: Vec<Duration> = self.trips.iter().copied().collect();
        all.sort_unstable();
        self.trip = all.get(all.len() * 2 / 3).copied();
    }
}

/// What passes before the first request for a packet, before one is made again, and before the next one.
struct Paces {
    reordering: Duration,
    echo: Duration,
    pause: Duration,
}

impl Wanted {
    fn next(&self, paces: &Paces) -> Option<Instant> {
        match self.asked {
            None => Some(self.since + paces.reordering),
            Some(asked) if !self.echoed => Some(asked + paces.echo),
            Some(asked) => (self.times < TIMES).then(|| asked + paces.pause),
        }
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
        assert!(
            [65_533, 65_535, 2]
                .iter()
                .all(|number| missing.arrived(*number, true, now))
        );
        assert!(missing.due(now).is_empty());
        assert_eq!(missing.deadline(), Some(now + REORDERING));
        assert!(missing.arrived(0, true, now + millis(2)));
        assert_eq!(missing.due(now + REORDERING), [65_534, 1]);
        assert!(missing.due(now + REORDERING + ECHO_MAX - millis(1)).is_empty());
        assert_eq!(missing.due(now + REORDERING + ECHO_MAX), [65_534, 1]);
        assert!(missing.due(now + REORDERING + ECHO_MAX).is_empty());
        // One comes after 40 ms, which is the round trip from now on.
        assert!(missing.arrived(65_534, true, now + REORDERING + millis(40)));
        assert!(!missing.arrived(65_534, true, now + REORDERING + millis(41)));
        assert_eq!(missing.round_trip(), millis(40));
        assert!(missing.due(now + REORDERING + millis(49)).is_empty());
        assert_eq!(missing.due(now + REORDERING + millis(60)), [1]);
        assert_eq!(
            missing.deadline(),
            Some(now + REORDERING + millis(60) + millis(40) / ECHO)
        );
    }

    #[test]
    fn a_round_trip_that_gets_longer_than_the_pause_is_noticed() {
        let (mut missing, mut now) = (Missing::default(), Instant::now());
        let mut asked = 0;
        for round in 0..40_u16 {
            let trip = millis(if round < 20 { 40 } else { 400 });
            missing.arrived(round * 2, true, now);
            now += millis(500);
            missing.arrived(round * 2 + 2, true, now);
            let until = now + REORDERING + trip;
            while let Some(next) = missing.deadline().filter(|next| *next < until) {
                let due = missing.due(next).len();
                asked += if round >= 35 { due } else { 0 };
            }
            now = until;
            assert!(missing.arrived(round * 2 + 1, true, now));
        }
        // Once each, and each request twice.
        assert_eq!((missing.round_trip(), asked), (millis(400), 10));
    }

    #[test]
    fn packets_that_are_only_late_are_asked_for_later() {
        let (mut missing, mut now) = (Missing::default(), Instant::now());
        let mut asked = 0;
        for round in 0..50_u16 {
            missing.arrived(round * 2, true, now);
            missing.arrived(round * 2 + 2, true, now);
            now += millis(20);
            asked += missing.due(now).len();
            assert!(missing.arrived(round * 2 + 1, false, now));
        }
        assert_eq!((asked, missing.round_trip()), (1, TRIP));
    }

    #[test]
    fn it_gives_up() {
        let (mut missing, start) = (Missing::default(), Instant::now());
        assert!([1, 3].iter().all(|number| missing.arrived(*number, true, start)));
        let mut now = start;
        let mut asked = 0;
        while let Some(next) = missing.deadline() {
            now = now.max(next);
            asked += missing.due(now).len();
        }
        assert!(asked == 2 * usize::from(TIMES) && now <= start + AGE, "{asked}");
        assert!(missing.arrived(2, true, now));
        // An outage is not asked for, nor a jump, and many holes only in part.
        missing.arrived(200, true, now);
        assert!(missing.wanted.len() <= 1);
        (300..2_000)
            .step_by(100)
            .for_each(|number| assert!(missing.arrived(number, true, now)));
        assert_eq!(missing.wanted.len(), CAPACITY);
        missing.arrived(20_000, true, now);
        assert_eq!(missing.deadline(), None);
    }
}
