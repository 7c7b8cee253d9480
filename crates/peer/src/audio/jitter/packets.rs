//! Packets that wait to be decoded, in order.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::audio::decoder::duration;
use crate::audio::{Arrived, MS, RATE};
use crate::rtp::sequence::Sequence;
use crate::rtp::wall::RtpTime;

/// Packets that may wait: two seconds of 20 ms.
const CAPACITY: usize = 100;
/// Samples of the shortest packet.
const SHORTEST: usize = 5 * MS / 2;

/// One packet, its place counted so that it does not wrap.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub number: i64,
    /// Its first sample in the remote's time.
    pub start: i64,
    /// Samples.
    pub length: i64,
    pub payload: Bytes,
}

/// The latest packet: the same moment as the remote said it, and in samples.
#[derive(Debug, Clone, Copy)]
struct Last {
    rtp: RtpTime,
    start: i64,
}

impl Last {
    /// Samples in one of the remote's ticks.
    fn scale(&self) -> i64 {
        (RATE as i64 / i64::from(self.rtp.rate)).max(1)
    }
}

/// Packets of one codec.
#[derive(Debug, Default)]
pub struct Packets {
    sequence: Sequence,
    last: Option<Last>,
    /// Packets that may wait beyond `CAPACITY`.
    room: usize,
    waiting: BTreeMap<i64, Waiting>,
}

impl Packets {
    /// Takes a packet; gives its first sample's time, `None` if it cannot be of its codec or has come already.
    pub fn push(&mut self, arrived: Arrived, payload: Bytes) -> Option<i64> {
        let length = duration(arrived.codec, &payload)? as i64;
        let number = self.sequence.unwrap(arrived.sequence);
        let rtp = RtpTime {
            ticks: arrived.timestamp,
            rate: arrived.codec.clock_rate(),
        };
        let start = self.last.map_or(0, |last| {
            last.start + i64::from(rtp.ticks.wrapping_sub(last.rtp.ticks) as i32) * last.scale()
        });
        if self.last.is_none_or(|last| last.start < start) {
            self.last = Some(Last { rtp, start });
        }
        if self.waiting.contains_key(&number) {
            return None;
        }
        if self.waiting.len() >= CAPACITY + self.room {
            self.waiting.pop_first();
        }
        self.waiting.insert(
            number,
            Waiting {
                number,
                start,
                length,
                payload,
            },
        );
        Some(start)
    }

    /// The remote's own time of a sample.
    pub fn rtp(&self, sample: i64) -> Option<RtpTime> {
        let last = self.last?;
        // The low 32 bits are the RTP clock.
        let ticks = ((sample - last.start) / last.scale()) as u32;
        Some(RtpTime {
            ticks: last.rtp.ticks.wrapping_add(ticks),
            rate: last.rtp.rate,
        })
    }

    /// So many samples may wait in whatever packets, now and later: what waits already must not be lost.
    pub fn make_room(&mut self, samples: usize) {
        self.room = self.room.max(samples / SHORTEST);
    }

    pub fn first(&self) -> Option<&Waiting> {
        self.waiting.first_key_value().map(|(_, packet)| packet)
    }

    pub fn pop(&mut self) -> Option<Waiting> {
        self.waiting.pop_first().map(|(_, packet)| packet)
    }

    /// The remote's time right after the last packet.
    pub fn end(&self) -> Option<i64> {
        self.waiting
            .last_key_value()
            .map(|(_, packet)| packet.start + packet.length)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}
