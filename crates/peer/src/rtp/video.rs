//! Video packets to frames: in order, whole, and never after something missing without a key frame.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::sequence::Sequence;
use super::vp8::Payload;
use super::{Assembled, Packet};

/// How long a missing packet is waited for, at least, before the frames it belongs to are given up.
const HOLD: Duration = Duration::from_millis(120);
/// And at most: a picture that stands still for longer is worse than one that begins anew.
const HOLD_MAX: Duration = Duration::from_millis(600);
/// Packets that may wait: over a second of 4 Mbit/s.
const CAPACITY: usize = 1_024;
/// A jump further than this is a new beginning, not a loss.
const JUMP: i64 = 3_000;

/// Puts the VP8 frames of one stream together.
#[derive(Debug)]
pub struct VideoAssembler {
    sequence: Sequence,
    waiting: BTreeMap<i64, (Packet, Instant)>,
    /// The packet that continues what was delivered.
    next: Option<i64>,
    /// Nothing can be delivered before a key frame.
    needs_key: bool,
    gap: bool,
    dropped: u64,
    hold: Duration,
}

impl Default for VideoAssembler {
    fn default() -> Self {
        Self {
            sequence: Sequence::default(),
            waiting: BTreeMap::new(),
            next: None,
            needs_key: true,
            gap: false,
            dropped: 0,
            hold: HOLD,
        }
    }
}

impl VideoAssembler {
    pub fn new() -> Self {
        Self::default()
    }

    /// How long it takes to have a packet sent again: three attempts are waited for.
    pub fn set_round_trip(&mut self, trip: Duration) {
        self.hold = (trip * 15 / 4 + Duration::from_millis(40)).clamp(HOLD, HOLD_MAX);
    }

    /// Frames that were given up.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the stream is stuck until the remote sends a key frame.
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Takes a packet; duplicates and late ones are ignored.
    pub fn push(&mut self, packet: Packet, now: Instant) {
        let number = self.sequence.unwrap(packet.sequence);
        if let Some(next) = self.next {
            if number > next + JUMP || number < next - JUMP {
                self.waiting.clear();
                self.lose();
                self.next = None;
            } else if number < next {
                return;
            }
        }
        self.waiting.entry(number).or_insert((packet, now));
        while self.waiting.len() > CAPACITY {
            self.waiting.pop_first();
            self.lose();
        }
    }

    /// The next frame that is complete.
    pub fn poll(&mut self, now: Instant) -> Option<Assembled> {
        loop {
            if let Some(frame) = self.complete() {
                return Some(frame);
            }
            let deadline = self.deadline()?;
            if now < deadline {
                return None;
            }
            self.skip();
        }
    }

    /// When what is missing will be given up.
    pub fn deadline(&self) -> Option<Instant> {
        // Packets that wait while nothing is missing are the beginning of a frame whose end has not come yet.
        let mut expected = self.next;
        for (number, (_, arrived)) in &self.waiting {
            if expected.is_some_and(|expected| *number != expected) || (expected.is_none() && self.headless()) {
                return Some(*arrived + self.hold);
            }
            expected = Some(number + 1);
        }
        None
    }

    /// Whether what waits begins in the middle of a frame.
    fn headless(&self) -> bool {
        let first = self.waiting.first_key_value().map(|(_, (packet, _))| &packet.payload);
        first.is_some_and(|payload| !Payload::parse(payload).is_some_and(|payload| payload.start && payload.key))
    }

    fn complete(&mut self) -> Option<Assembled> {
        loop {
            let (first, end) = self.extent()?;
            let packets: Vec<Packet> = (first..end)
                .filter_map(|number| self.waiting.remove(&number))
                .map(|(packet, _)| packet)
                .collect();
            self.next = Some(end);
            let payloads: Vec<Payload> = packets
                .iter()
                .filter_map(|packet| Payload::parse(&packet.payload))
                .collect();
            let Some(head) = payloads.first() else { continue };
            if !head.start || (self.needs_key && !head.key) {
                self.dropped += 1;
                self.gap = true;
                self.needs_key = true;
                continue;
            }
            let key = head.key;
            let timestamp = packets.iter().find(|packet| !packet.payload.is_empty())?.timestamp;
            let gap = std::mem::take(&mut self.gap);
            self.needs_key = false;
            return Some(Assembled {
                key,
                gap,
                timestamp,
                payload: join(payloads),
            });
        }
    }

    /// The numbers of the packets up to the end of the frame that comes next, if all of them are here.
    fn extent(&self) -> Option<(i64, i64)> {
        let first = match self.next {
            Some(next) => next,
            None => *self.waiting.first_key_value()?.0,
        };
        if self.next.is_none() && self.headless() {
            return None;
        }
        let mut timestamp = None;
        let mut number = first;
        loop {
            let (packet, _) = self.waiting.get(&number)?;
            if packet.payload.is_empty() {
                // Padding belongs to no frame; between frames it is simply passed.
                if timestamp.is_none() {
                    return Some((first, number + 1));
                }
            } else if timestamp.is_some_and(|timestamp| timestamp != packet.timestamp) {
                return Some((first, number));
            } else {
                timestamp = Some(packet.timestamp);
                if packet.marker {
                    return Some((first, number + 1));
                }
            }
            number += 1;
        }
    }

    /// Gives up what is missing: goes on with the next key frame that is here, or empties the queue.
    fn skip(&mut self) {
        self.lose();
        let floor = self.next.unwrap_or(i64::MIN);
        let key = self.waiting.iter().find_map(|(number, (packet, _))| {
            let payload = Payload::parse(&packet.payload)?;
            (payload.start && payload.key && *number > floor).then_some(*number)
        });
        match key {
            Some(key) => {
                self.waiting = self.waiting.split_off(&key);
                self.next = Some(key);
            }
            None => {
                self.next = self.waiting.last_key_value().map(|(number, _)| number + 1);
                self.waiting.clear();
            }
        }
    }

    fn lose(&mut self) {
        self.dropped += 1;
        self.needs_key = true;
        self.gap = true;
    }
}

fn join(mut payloads: Vec<Payload>) -> Bytes {
    if payloads.len() == 1 {
        return payloads.remove(0).data;
    }
    let mut frame = BytesMut::with_capacity(payloads.iter().map(|payload| payload.data.len()).sum());
    payloads
        .iter()
        .for_each(|payload| frame.extend_from_slice(&payload.data));
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::vp8::Payloader;

    struct Source {
        payloader: Payloader,
        sequence: u16,
        timestamp: u32,
    }

    impl Source {
        fn new(sequence: u16) -> Self {
            Self {
                payloader: Payloader::new(0),
                sequence,
                timestamp: 0,
            }
        }

        /// A frame of this many packets.
        fn frame(&mut self, key: bool, packets: usize) -> Vec<Packet> {
            let mut bytes = vec![self.sequence as u8; 1_100 * packets];
            bytes[0] = u8::from(!key);
            self.timestamp = self.timestamp.wrapping_add(3_000);
            let payloads = self.payloader.frame(&bytes.into());
            assert_eq!(payloads.len(), packets);
            let last = payloads.len() - 1;
            let packet = |(index, payload)| {
                self.sequence = self.sequence.wrapping_add(1);
                let (sequence, timestamp) = (self.sequence, self.timestamp);
                Packet {
                    sequence,
                    timestamp,
                    marker: index == last,
                    payload,
                }
            };
            payloads.into_iter().enumerate().map(packet).collect()
        }
    }

    fn all(assembler: &mut VideoAssembler, now: Instant) -> Vec<Assembled> {
        std::iter::from_fn(|| assembler.poll(now)).collect()
    }

    #[test]
    fn frames_are_delivered_whole_and_in_order_over_the_wrap() {
        let (mut source, mut assembler, now) = (Source::new(65_533), VideoAssembler::new(), Instant::now());
        let mut packets = source.frame(true, 3);
        packets.extend(source.frame(false, 2));
        packets.extend(source.frame(false, 1));
        packets.swap(1, 2);
        packets.swap(3, 4);
        for packet in packets {
            assembler.push(packet.clone(), now);
            assembler.push(packet, now);
        }
        let frames = all(&mut assembler, now);
        assert_eq!(
            frames
                .iter()
                .map(|frame| frame.payload.len() / 1_100)
                .collect::<Vec<_>>(),
            [3, 2, 1]
        );
        assert!(frames[0].key && frames.iter().all(|frame| !frame.gap) && !assembler.needs_key());
    }

    #[test]
    fn a_retransmission_within_the_hold_saves_the_frame() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        let key = source.frame(true, 1).remove(0);
        let (lost, later) = (source.frame(false, 1).remove(0), source.frame(false, 1).remove(0));
        assembler.push(key, now);
        assembler.push(later, now);
        assert_eq!(all(&mut assembler, now).len(), 1);
        assert_eq!(assembler.deadline(), Some(now + HOLD));
        assembler.push(lost, now + HOLD / 2);
        assert_eq!(all(&mut assembler, now + HOLD / 2).len(), 2);
        assert_eq!(assembler.deadline(), None);
    }

    #[test]
    fn a_long_way_is_waited_for_longer_but_not_for_ever() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        assembler.push(source.frame(true, 1).remove(0), now);
        source.frame(false, 1);
        assembler.push(source.frame(false, 1).remove(0), now);
        all(&mut assembler, now);
        for (trip, hold) in [(10, HOLD), (100, Duration::from_millis(415)), (2_000, HOLD_MAX)] {
            assembler.set_round_trip(Duration::from_millis(trip));
            assert_eq!(assembler.deadline(), Some(now + hold));
        }
    }

    #[test]
    fn a_loss_costs_everything_up_to_the_next_key_frame() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        source
            .frame(true, 2)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        source
            .frame(false, 2)
            .into_iter()
            .skip(1)
            .for_each(|packet| assembler.push(packet, now));
        source
            .frame(false, 1)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        assert_eq!(all(&mut assembler, now).len(), 1);
        assert_eq!(all(&mut assembler, now + HOLD).len(), 0);
        assert!(assembler.needs_key());
        source
            .frame(false, 1)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        assert_eq!(all(&mut assembler, now + HOLD).len(), 0);
        source
            .frame(true, 2)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        let frames = all(&mut assembler, now + HOLD);
        assert!(frames.len() == 1 && frames[0].gap && frames[0].key && !assembler.needs_key());
        assert!(assembler.dropped() >= 2);
    }

    #[test]
    fn a_stream_joined_in_the_middle_of_a_key_frame_waits_for_the_next() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        source
            .frame(true, 3)
            .into_iter()
            .skip(1)
            .for_each(|packet| assembler.push(packet, now));
        assert_eq!(all(&mut assembler, now).len(), 0);
        assert_eq!(all(&mut assembler, now + HOLD).len(), 0);
        source
            .frame(true, 3)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now + HOLD));
        assert_eq!(all(&mut assembler, now + HOLD).len(), 1);
    }

    #[test]
    fn padding_is_passed_over() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        let key = source.frame(true, 1).remove(0);
        source.sequence += 1;
        let padding = Packet {
            sequence: 2,
            timestamp: key.timestamp,
            marker: false,
            payload: Bytes::new(),
        };
        let next = source.frame(false, 1).remove(0);
        [key, padding, next]
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        assert_eq!(all(&mut assembler, now).len(), 2);
    }

    #[test]
    fn a_far_jump_is_a_new_beginning() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        source
            .frame(true, 1)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        assert_eq!(all(&mut assembler, now).len(), 1);
        source.sequence = 20_000;
        source
            .frame(true, 1)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        let frames = all(&mut assembler, now);
        assert!(frames.len() == 1 && frames[0].gap);
    }

    #[test]
    fn the_queue_is_bounded() {
        let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::new(), Instant::now());
        source
            .frame(true, 1)
            .into_iter()
            .for_each(|packet| assembler.push(packet, now));
        all(&mut assembler, now);
        source.sequence += 1;
        for _ in 0..2 * CAPACITY {
            source
                .frame(false, 1)
                .into_iter()
                .for_each(|packet| assembler.push(packet, now));
        }
        assert!(assembler.waiting.len() <= CAPACITY);
    }
}
