//! Opus packets in order: each is a frame.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::sequence::Sequence;
use super::{Assembled, Packet};

/// How long a packet out of order is waited for: two frames and a little.
const HOLD: Duration = Duration::from_millis(50);
/// Packets that may wait.
const CAPACITY: usize = 64;
/// A jump further than this is a new beginning.
const JUMP: i64 = 500;

/// Brings the packets of one stream into order.
#[derive(Debug, Default)]
pub struct AudioOrder {
    sequence: Sequence,
    waiting: BTreeMap<i64, (Packet, Instant)>,
    next: Option<i64>,
    gap: bool,
}

impl AudioOrder {
    /// Takes a packet; duplicates and late ones are ignored.
    pub fn push(&mut self, packet: Packet, now: Instant) {
        let number = self.sequence.unwrap(packet.sequence);
        if let Some(next) = self.next {
            if number > next + JUMP || number < next - JUMP {
                self.waiting.clear();
                self.next = None;
                self.gap = true;
            } else if number < next {
                return;
            }
        }
        self.waiting.entry(number).or_insert((packet, now));
    }

    /// The next frame, once it is its turn or what comes before it is given up.
    pub fn poll(&mut self, now: Instant) -> Option<Assembled> {
        loop {
            let (number, _) = self.waiting.first_key_value()?;
            let number = *number;
            if self.next.is_some_and(|next| number > next) {
                let due = self.deadline().is_some_and(|deadline| now >= deadline);
                if !due && self.waiting.len() < CAPACITY {
                    return None;
                }
                self.gap = true;
            }
            self.next = Some(number + 1);
            let (packet, _) = self.waiting.remove(&number)?;
            if packet.payload.is_empty() {
                continue;
            }
            let gap = std::mem::take(&mut self.gap);
            return Some(Assembled {
                key: true,
                gap,
                timestamp: packet.timestamp,
                payload: packet.payload,
            });
        }
    }

    /// When what is missing will be given up.
    pub fn deadline(&self) -> Option<Instant> {
        let (number, (_, arrived)) = self.waiting.first_key_value()?;
        self.next.filter(|next| number > next).map(|_| *arrived + HOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(sequence: u16) -> Packet {
        let payload = Bytes::from(sequence.to_be_bytes().to_vec());
        Packet {
            sequence,
            timestamp: u32::from(sequence) * 960,
            marker: false,
            payload,
        }
    }

    fn numbers(order: &mut AudioOrder, now: Instant) -> Vec<(u8, bool)> {
        std::iter::from_fn(|| order.poll(now))
            .map(|frame| (frame.payload[1], frame.gap))
            .collect()
    }

    #[test]
    fn packets_are_brought_into_order_and_duplicates_dropped() {
        let (mut order, now) = (AudioOrder::default(), Instant::now());
        [1, 3, 3, 2, 2, 4]
            .into_iter()
            .for_each(|number| order.push(packet(number), now));
        assert_eq!(
            numbers(&mut order, now),
            [(1, false), (2, false), (3, false), (4, false)]
        );
    }

    #[test]
    fn a_lost_packet_is_waited_for_and_then_told() {
        let (mut order, now) = (AudioOrder::default(), Instant::now());
        [1, 3].into_iter().for_each(|number| order.push(packet(number), now));
        assert_eq!(numbers(&mut order, now), [(1, false)]);
        assert_eq!(order.deadline(), Some(now + HOLD));
        assert_eq!(numbers(&mut order, now + HOLD), [(3, true)]);
        order.push(packet(2), now + HOLD);
        order.push(packet(4), now + HOLD);
        assert_eq!(numbers(&mut order, now + HOLD), [(4, false)]);
    }

    #[test]
    fn the_queue_is_bounded_and_a_jump_starts_anew() {
        let (mut order, now) = (AudioOrder::default(), Instant::now());
        order.push(packet(1), now);
        numbers(&mut order, now);
        (3..200).for_each(|number| {
            order.push(packet(number), now);
            while order.poll(now).is_some() {}
        });
        assert!(order.waiting.len() <= CAPACITY);
        order.push(packet(9_000), now);
        assert_eq!(numbers(&mut order, now), [((9_000 % 256) as u8, true)]);
    }
}
