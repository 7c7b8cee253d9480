//! Packets that wait to be decoded, in order.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::audio::opus::duration;
use crate::rtp::sequence::Sequence;

/// Packets that may wait: two seconds of 20 ms.
const CAPACITY: usize = 100;

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

#[derive(Debug, Default)]
pub struct Packets {
    sequence: Sequence,
    last: Option<i64>,
    waiting: BTreeMap<i64, Waiting>,
}

impl Packets {
    /// Takes a packet; gives its first sample's time, `None` if it is no Opus or has come already.
    pub fn push(&mut self, sequence: u16, timestamp: u32, payload: Bytes) -> Option<i64> {
        let length = duration(&payload)? as i64;
        let number = self.sequence.unwrap(sequence);
        let start = match self.last {
            None => i64::from(timestamp),
            Some(last) => last + i64::from(timestamp.wrapping_sub(last as u32) as i32),
        };
        self.last = Some(self.last.map_or(start, |last| last.max(start)));
        if self.waiting.contains_key(&number) {
            return None;
        }
        if self.waiting.len() >= CAPACITY {
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
