//! What one page says and hears, in blocks of 10 ms: mono, 48 kHz, 16 bit. No socket, no clock, no thread.
//!
//! The page only carries samples. Every 10 ms of its AudioContext it sends what its microphones took together with
//! what it played meanwhile, and how much of each remote's voice it wants next ([`message`]). Here the echo of the one
//! is taken out of the other ([`processor`]), packets of Opus or G.711 are written ([`speech`], [`narrow`]) and read
//! ([`decoder`]), and a remote's wait for their turn ([`jitter`]). [`duplex`] holds the parts together.

pub mod clock;
pub mod decoder;
pub(crate) mod driver;
pub mod duplex;
pub mod energy;
pub mod g711;
pub mod jitter;
pub mod message;
pub mod narrow;
pub mod opus;
pub mod processor;
pub mod resample;
pub mod speech;
pub mod transform;

use std::time::Instant;

use crate::rtp::codec::AudioCodec;

/// Samples a second.
pub const RATE: usize = 48_000;
/// Samples in a millisecond.
pub const MS: usize = RATE / 1_000;
/// Samples in a block.
pub const BLOCK: usize = 10 * MS;

/// Samples of a packet that is sent, 20 ms.
pub const FRAME: usize = 2 * BLOCK;

/// 10 ms of one voice.
pub type Block = [i16; BLOCK];

/// What a packet was when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    pub codec: AudioCodec,
    pub sequence: u16,
    pub timestamp: u32,
    pub at: Instant,
}
