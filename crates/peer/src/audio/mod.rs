//! What one page says and hears, in blocks of 10 ms: mono, 48 kHz, 16 bit. No socket, no clock, no thread.
//!
//! The page only carries samples. Every 10 ms of its AudioContext it sends what its microphones took together with
//! what it played meanwhile, and how much of each remote's voice it wants next ([`message`]). Here the echo of the one
//! is taken out of the other ([`processor`]), Opus is written and read ([`speech`], [`opus`]), and a remote's packets
//! wait for their turn ([`jitter`]). [`duplex`] holds the parts together.

pub mod clock;
pub(crate) mod driver;
pub mod duplex;
pub mod energy;
pub mod jitter;
pub mod message;
pub mod opus;
pub mod processor;
pub mod speech;
pub mod transform;

/// Samples a second.
pub const RATE: usize = 48_000;
/// Samples in a millisecond.
pub const MS: usize = RATE / 1_000;
/// Samples in a block.
pub const BLOCK: usize = 10 * MS;

/// 10 ms of one voice.
pub type Block = [i16; BLOCK];
