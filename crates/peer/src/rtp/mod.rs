//! Packets to frames and back, without a socket or a clock: time is an argument.

pub mod bandwidth;
pub mod clock;
pub mod codec;
pub mod format;
pub mod h264;
pub mod lips;
pub mod missing;
pub mod pacer;
pub mod pictures;
pub mod playout;
pub mod resend;
pub mod sequence;
pub mod tones;
pub mod video;
pub mod vp8;
pub mod vp9;
pub mod wall;

use std::time::Instant;

use bytes::Bytes;

use format::VideoCodec;

/// More packets that are missing in a row are no loss but an outage: a key frame is smaller and sooner there.
const OUTAGE: i64 = 128;

/// The part of an RTP packet that frames are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    /// Empty for padding.
    pub payload: Bytes,
}

/// Where packets of pictures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Source {
    pub ssrc: u32,
    pub codec: VideoCodec,
}

/// A frame put together from packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    pub source: Source,
    pub key: bool,
    /// Something was lost right before it.
    pub gap: bool,
    pub timestamp: u32,
    /// When the first of its packets came.
    pub came: Instant,
    pub payload: Bytes,
}
