//! What was sent lately, to be sent again when the remote misses it (RFC 4585, RFC 4588).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::sequence::Sequence;

/// Packets kept: over two seconds of 4 Mbit/s.
const CAPACITY: usize = 1_024;
/// For so long at most.
const AGE: Duration = Duration::from_secs(2);
/// A packet is sent again so many times at most.
const TIMES: u8 = 6;
/// Only packets that are so young are of use to somebody who missed them or as a filler.
const FILLER: usize = 32;

#[derive(Debug)]
struct Stored<T> {
    item: T,
    size: usize,
    sent: Instant,
    again: Option<Instant>,
    times: u8,
}

/// The packets of one stream.
#[derive(Debug)]
pub struct Resend<T> {
    packets: VecDeque<Option<Stored<T>>>,
    first: i64,
    sequence: Sequence,
}

impl<T> Default for Resend<T> {
    fn default() -> Self {
        Self {
            packets: VecDeque::new(),
            first: 0,
            sequence: Sequence::default(),
        }
    }
}

impl<T: Clone> Resend<T> {
    /// Keeps a packet that leaves, of `size` bytes.
    pub fn sent(&mut self, number: u16, item: T, size: usize, now: Instant) {
        let number = self.sequence.unwrap(number);
        if self.packets.is_empty() || number > self.first + (self.packets.len() + CAPACITY) as i64 {
            self.packets.clear();
            self.first = number;
        }
        let Ok(index) = usize::try_from(number - self.first) else {
            return;
        };
        while self.packets.len() <= index {
            self.packets.push_back(None);
        }
        self.packets[index] = Some(Stored {
            item,
            size,
            sent: now,
            again: None,
            times: 0,
        });
        let old = |one: &Option<Stored<T>>| {
            one.as_ref()
                .is_none_or(|one| now.saturating_duration_since(one.sent) > AGE)
        };
        while self.packets.len() > CAPACITY || self.packets.front().is_some_and(old) {
            self.packets.pop_front();
            self.first += 1;
        }
    }

    /// The packet to send again, unless that has been done so lately that the remote cannot know of it.
    pub fn asked(&mut self, number: u16, round_trip: Duration, now: Instant) -> Option<T> {
        let offset = number.wrapping_sub(self.first as u16);
        let stored = self.packets.get_mut(usize::from(offset))?.as_mut()?;
        let waits = stored
            .again
            .is_some_and(|again| now.saturating_duration_since(again) < round_trip);
        if waits || stored.times >= TIMES || now.saturating_duration_since(stored.sent) > AGE {
            return None;
        }
        stored.again = Some(now);
        stored.times += 1;
        Some(stored.item.clone())
    }

    /// The largest of the last packets: something to send when nothing else is there but has to be sent.
    pub fn filler(&self) -> Option<T> {
        let last = self.packets.iter().rev().take(FILLER).flatten();
        last.max_by_key(|stored| stored.size).map(|stored| stored.item.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIP: Duration = Duration::from_millis(100);

    #[test]
    fn a_packet_is_sent_again_once_a_round_trip() {
        let (mut resend, now) = (Resend::default(), Instant::now());
        (65_530..=65_535)
            .chain(0..10)
            .for_each(|n: u16| resend.sent(n, n, usize::from(n % 7), now));
        assert_eq!(resend.asked(65_533, TRIP, now), Some(65_533));
        assert_eq!(resend.asked(65_533, TRIP, now + TRIP / 2), None);
        assert_eq!(resend.asked(65_533, TRIP, now + TRIP), Some(65_533));
        assert_eq!(resend.asked(5, TRIP, now), Some(5));
        assert_eq!(resend.asked(10, TRIP, now), None);
        assert_eq!(resend.asked(65_529, TRIP, now), None);
        assert_eq!((2..10).filter_map(|n| resend.asked(4, TRIP, now + TRIP * n)).count(), 6);
    }

    #[test]
    fn it_keeps_a_bounded_number_for_a_bounded_time() {
        let (mut resend, now) = (Resend::default(), Instant::now());
        (0..3_000).for_each(|n: u16| resend.sent(n, n, 1, now));
        assert_eq!(resend.packets.len(), CAPACITY);
        assert_eq!(resend.asked(1_900, TRIP, now), None);
        assert_eq!(resend.asked(2_990, TRIP, now), Some(2_990));
        resend.sent(3_000, 3_000, 1, now + AGE * 2);
        assert_eq!(resend.packets.len(), 1);
        resend.sent(20_000, 20_000, 1, now + AGE * 2);
        assert_eq!(resend.filler(), Some(20_000));
    }
}
