use bytes::Bytes;

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
    let (mut source, mut assembler, now) = (Source::new(65_533), VideoAssembler::default(), Instant::now());
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
    assert!(frames[0].key && frames.iter().all(|frame| !frame.gap) && !assembler.needs_key(now));
}

#[test]
fn a_retransmission_saves_the_frame_even_when_a_key_frame_is_asked_for() {
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
    let key = source.frame(true, 1).remove(0);
    let (lost, later) = (source.frame(false, 1).remove(0), source.frame(false, 1).remove(0));
    assembler.push(key, now);
    assembler.push(later, now);
    assert_eq!(all(&mut assembler, now).len(), 1);
    let late = assembler.deadline(now).unwrap();
    assert_eq!(late, now + hold(TRIP));
    assert!(all(&mut assembler, late).is_empty() && assembler.needs_key(late));
    assembler.push(lost, late);
    assert_eq!(all(&mut assembler, late).len(), 2);
    assert_eq!(assembler.deadline(late), None);
    assert!(!assembler.needs_key(late));
}

#[test]
fn a_long_way_is_waited_for_longer_but_not_for_ever() {
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
    assembler.push(source.frame(true, 1).remove(0), now);
    source.frame(false, 1);
    assembler.push(source.frame(false, 1).remove(0), now);
    all(&mut assembler, now);
    for (trip, hold) in [(10, HOLD), (100, Duration::from_millis(415)), (2_000, HOLD_MAX)] {
        assembler.set_round_trip(Duration::from_millis(trip));
        assert_eq!(assembler.deadline(now), Some(now + hold));
    }
}

#[test]
fn what_never_comes_costs_everything_up_to_the_next_key_frame() {
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
    let push = |assembler: &mut VideoAssembler, packets: Vec<Packet>, skip, at| {
        packets
            .into_iter()
            .skip(skip)
            .for_each(|packet| assembler.push(packet, at));
    };
    push(&mut assembler, source.frame(true, 2), 0, now);
    push(&mut assembler, source.frame(false, 2), 1, now);
    push(&mut assembler, source.frame(false, 1), 0, now);
    assert_eq!(all(&mut assembler, now).len(), 1);
    let late = now + hold(TRIP);
    assert!(all(&mut assembler, late).is_empty() && assembler.needs_key(late));
    // Part of a key frame is here: another one would not be sooner.
    let mut key = source.frame(true, 2);
    let second = key.pop();
    push(&mut assembler, key, 0, late);
    assert!(all(&mut assembler, late).is_empty() && !assembler.needs_key(late));
    assert_eq!(assembler.deadline(late), Some(late + hold(TRIP)));
    push(&mut assembler, second.into_iter().collect(), 0, late);
    let frames = all(&mut assembler, late);
    assert!(frames.len() == 1 && frames[0].gap && frames[0].key && !assembler.needs_key(late));
    assert!(assembler.dropped() >= 2);
    // Nothing more is waited for at the end.
    source.frame(false, 1);
    push(&mut assembler, source.frame(false, 1), 0, late);
    assert!(all(&mut assembler, late + GIVE_UP).is_empty() && assembler.waiting.is_empty());
    assert!(assembler.needs_key(late + GIVE_UP));
}

#[test]
fn a_stream_joined_in_the_middle_of_a_key_frame_waits_for_the_next() {
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
    source
        .frame(true, 3)
        .into_iter()
        .skip(1)
        .for_each(|packet| assembler.push(packet, now));
    assert!(all(&mut assembler, now).is_empty() && assembler.needs_key(now));
    source
        .frame(true, 3)
        .into_iter()
        .for_each(|packet| assembler.push(packet, now + HOLD));
    assert_eq!(all(&mut assembler, now + HOLD).len(), 1);
}

#[test]
fn padding_is_passed_over() {
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
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
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
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
    let (mut source, mut assembler, now) = (Source::new(0), VideoAssembler::default(), Instant::now());
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
