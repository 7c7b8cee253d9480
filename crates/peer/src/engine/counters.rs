//! What is counted for `get-stats`, by stream.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::rtp::clock::Jitter;
use crate::rtp::sequence::Sequence;
use crate::rtp::wall::Mark;
use crate::wire::{EncodingId, TransceiverId};

#[derive(Default)]
pub struct Counters {
    pub inbound: HashMap<TransceiverId, Inbound>,
    pub outbound: HashMap<EncodingId, Outbound>,
}

#[derive(Default)]
pub struct Inbound {
    pub ssrc: u32,
    /// Of the last packet.
    pub payload_type: u8,
    pub packets: u64,
    pub bytes: u64,
    pub header_bytes: u64,
    pub retransmitted_packets: u64,
    pub retransmitted_bytes: u64,
    /// Packets that had come before: most of them are probes of the remote's.
    pub duplicates: u64,
    /// How long it takes from asking for a packet to having it.
    pub repair_trip: Option<Duration>,
    /// The remote's last sender report.
    pub mark: Option<Mark>,
    pub sent: Option<Sent>,
    pub nacks: u64,
    pub plis: u64,
    pub frames: u64,
    pub key_frames: u64,
    pub frames_dropped: u64,
    pub packets_discarded: u64,
    /// How long all the frames waited, each from its first packet on.
    pub waited: Duration,
    /// How long they would have had to for the network alone, and how long they should have.
    pub waited_least: Duration,
    pub waited_target: Duration,
    pub width: u16,
    pub height: u16,
    pub last: Option<Instant>,
    /// Seconds.
    pub jitter: f64,
    sequence: Sequence,
    jitter_of: Jitter,
    first: Option<(i64, Instant)>,
    highest: i64,
}

impl Inbound {
    /// Counts a packet of the media stream; `repaired` tells that it came as a retransmission.
    pub fn packet(
        &mut self,
        number: u16,
        timestamp: u32,
        rate: u32,
        sizes: (usize, usize),
        repaired: bool,
        now: Instant,
    ) {
        self.packets += 1;
        self.header_bytes += sizes.0 as u64;
        self.bytes += sizes.1 as u64;
        if repaired {
            self.retransmitted_packets += 1;
            self.retransmitted_bytes += sizes.1 as u64;
        }
        self.last = Some(now);
        let number = self.sequence.unwrap(number);
        let (_, start) = *self.first.get_or_insert((number, now));
        self.highest = self.highest.max(number);
        if !repaired {
            self.jitter = self
                .jitter_of
                .packet(now.saturating_duration_since(start), timestamp, rate);
        }
    }

    /// Packets that should have come and did not (RFC 3550, 6.4.1).
    pub fn lost(&self) -> i64 {
        self.first.map_or(0, |(first, _)| {
            (self.highest - first + 1).saturating_sub(i64::try_from(self.packets).unwrap_or(i64::MAX))
        })
    }
}

#[derive(Default)]
pub struct Outbound {
    pub ssrc: u32,
    /// Of the last frame.
    pub payload_type: Option<u8>,
    pub packets: u64,
    pub bytes: u64,
    pub header_bytes: u64,
    pub retransmitted_packets: u64,
    pub retransmitted_bytes: u64,
    pub nacks: u64,
    pub plis: u64,
    pub firs: u64,
    pub frames: u64,
    pub key_frames: u64,
    pub width: u16,
    pub height: u16,
    /// The last frame: when it was captured, in microseconds of the page's clock, and its RTP time.
    pub captured: Option<(i64, u32)>,
    /// Bits per second.
    pub target: Option<u32>,
    /// Bits per second beyond which an encoder has no use for more.
    pub wanted: Option<u32>,
    pub remote: Option<Reported>,
    /// The middle bits of the last sender reports' times, and when they were sent.
    pub reports: Vec<(u32, Instant)>,
}

/// What the remote says that it has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub packets: u32,
    pub bytes: u32,
    /// Reports so far.
    pub reports: u64,
    /// The remote's clock.
    pub ntp: u64,
}

/// The remote's last receiver report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reported {
    /// 0 to 1.
    pub fraction_lost: f64,
    pub lost: u32,
    /// Seconds.
    pub jitter: f64,
    pub round_trip: Option<Duration>,
    pub total_round_trip: Duration,
    pub measurements: u64,
}
