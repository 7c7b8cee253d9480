//! What was sent under which transport-wide number, and what the remote says became of it
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::collections::VecDeque;
use std::time::Instant;

/// Packets remembered: over ten seconds of 4 Mbit/s.
const CAPACITY: usize = 8_192;
/// The reference time is in multiples of 64 ms and has 24 bits.
const REFERENCE: i64 = 64_000;
const REFERENCE_BITS: u32 = 24;

/// One feedback message, as far as it concerns packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The transport-wide number of the first packet.
    pub base: u16,
    /// In units of 64 ms, 24 bits of it.
    pub reference: u32,
    pub statuses: Vec<Status>,
}

/// What a feedback message says of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Missing,
    /// Arrived this many microseconds after the one that arrived before it.
    Arrived(i64),
    /// Arrived, nobody says when.
    Untimed,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fate {
    pub departure: Instant,
    /// Microseconds on the remote's clock.
    pub arrival: Option<i64>,
    pub lost: bool,
    /// Bytes on the wire.
    pub size: usize,
    pub probe: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    departure: Instant,
    size: usize,
    probe: Option<u32>,
}

/// The packets whose fate is not known yet.
#[derive(Debug, Default)]
pub struct History {
    packets: VecDeque<Option<Sent>>,
    /// The number of the first of them.
    first: i64,
    reference: Option<i64>,
}

impl History {
    /// Notes a packet that leaves; its transport-wide number.
    pub fn sent(&mut self, size: usize, probe: Option<u32>, departure: Instant) -> u16 {
        let number = self.first + self.packets.len() as i64;
        self.packets.push_back(Some(Sent { departure, size, probe }));
        while self.packets.len() > CAPACITY || self.packets.front().is_some_and(Option::is_none) {
            self.packets.pop_front();
            self.first += 1;
        }
        // The low 16 bits are the number on the wire.
        number as u16
    }

    /// When the oldest packet left whose fate is unknown.
    pub fn oldest(&self) -> Option<Instant> {
        self.packets.iter().flatten().next().map(|sent| sent.departure)
    }

    /// What the remote says, in the order of sending; each packet once.
    pub fn resolve(&mut self, feedback: &Feedback) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(feedback.statuses.len());
        let base = self.first + i64::from(feedback.base.wrapping_sub(self.first as u16) as i16);
        let mut arrival = self.time(feedback.reference);
        for (number, status) in (base..).zip(&feedback.statuses) {
            let arrived = match status {
                Status::Missing => None,
                Status::Arrived(delta) => {
                    arrival += delta;
                    Some(Some(arrival))
                }
                Status::Untimed => Some(None),
            };
            let index = usize::try_from(number - self.first).ok();
            let Some(sent) = index
                .and_then(|index| self.packets.get_mut(index))
                .and_then(Option::take)
            else {
                continue;
            };
            fates.push(Fate {
                departure: sent.departure,
                arrival: arrived.flatten(),
                lost: arrived.is_none(),
                size: sent.size,
                probe: sent.probe,
            });
        }
        while self.packets.front().is_some_and(Option::is_none) {
            self.packets.pop_front();
            self.first += 1;
        }
        fates
    }

    /// The reference time in microseconds, as if it had never wrapped.
    fn time(&mut self, reference: u32) -> i64 {
        let raw = i64::from(reference);
        let cycle = 1_i64 << REFERENCE_BITS;
        let near = match self.reference {
            None => raw,
            Some(last) => {
                let step = (raw - last).rem_euclid(cycle);
                last + if step >= cycle / 2 { step - cycle } else { step }
            }
        };
        self.reference = Some(near);
        near * REFERENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(base: u16, statuses: &[Status]) -> Feedback {
        Feedback {
            base,
            reference: 1,
            statuses: statuses.to_vec(),
        }
    }

    #[test]
    fn each_fate_is_told_once_and_in_order() {
        let (mut history, now) = (History::default(), Instant::now());
        let numbers: Vec<u16> = (0..5).map(|size| history.sent(size, None, now)).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        let statuses = [
            Status::Arrived(5_000),
            Status::Missing,
            Status::Arrived(-1_000),
            Status::Untimed,
        ];
        let fates = history.resolve(&feedback(0, &statuses));
        let told: Vec<_> = fates.iter().map(|fate| (fate.size, fate.lost, fate.arrival)).collect();
        let expected = [
            (0, false, Some(69_000)),
            (1, true, None),
            (2, false, Some(68_000)),
            (3, false, None),
        ];
        assert_eq!(told, expected);
        assert!(history.resolve(&feedback(0, &statuses)).is_empty());
        assert_eq!(history.oldest(), Some(now));
    }

    #[test]
    fn numbers_and_reference_times_wrap() {
        let (mut history, now) = (History::default(), Instant::now());
        let mut last = 0;
        for _ in 0..70_000 {
            last = history.sent(1, None, now);
        }
        assert_eq!(last, (69_999 % 65_536) as u16);
        let of = |history: &mut History, base, reference| {
            let statuses = vec![Status::Arrived(0)];
            history.resolve(&Feedback {
                base,
                reference,
                statuses,
            })[0]
                .arrival
                .unwrap()
        };
        let before = of(&mut history, last - 1, (1 << 24) - 1);
        assert_eq!(of(&mut history, last, 0) - before, REFERENCE);
        assert!(
            history
                .resolve(&feedback(last.wrapping_add(9), &[Status::Missing]))
                .is_empty()
        );
    }
}
