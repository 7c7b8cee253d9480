//! What crosses the loopback socket every 10 ms, little-endian, behind the header of [`crate::frame`].
//!
//! From the page, a tick: number of microphones u8, of remote voices u8, 1 if something was played u8, zero u8; then,
//! if so, the block that was played; for each microphone its number u32 and its block; for each remote voice its
//! connection u32, its transceiver u32, blocks wanted u16, samples that wait in the page u16, samples it lacked
//! lately u16, zero u16.
//!
//! To the page: number of voices u32; for each its connection u32, its transceiver u32, number of blocks u16, zero u16,
//! and the blocks.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{BLOCK, Block};
use crate::wire::{PcId, TransceiverId};

/// Blocks that a page may want of a voice at once.
pub const BLOCKS: u16 = 16;
/// Microphones and voices in a tick.
const SOURCES: usize = 16;
const VOICES: usize = 128;

/// A remote voice's address.
pub type Address = (PcId, TransceiverId);

/// 10 ms of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// What left the loudspeaker, all voices together.
    pub played: Option<Box<Block>>,
    /// What the microphones took.
    pub captured: Vec<(u32, Box<Block>)>,
    pub wanted: Vec<Wanted>,
}

/// What a page wants of a remote voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub address: Address,
    pub blocks: u16,
    /// Samples that wait in the page.
    pub waiting: u16,
    /// Samples that were not there in time since the last tick.
    pub lacked: u16,
}

impl Tick {
    /// Reads a tick; `None` if it is not exactly one.
    pub fn parse(mut payload: Bytes) -> Option<Self> {
        let (sources, voices) = (
            usize::from(payload.try_get_u8().ok()?),
            usize::from(payload.try_get_u8().ok()?),
        );
        let heard = payload.try_get_u8().ok()? == 1;
        payload.try_get_u8().ok()?;
        if sources > SOURCES || voices > VOICES {
            return None;
        }
        let size = usize::from(heard) * 2 * BLOCK + sources * (4 + 2 * BLOCK) + voices * 16;
        if payload.remaining() != size {
            return None;
        }
        let played = heard.then(|| block(&mut payload));
        let captured = (0..sources)
            .map(|_| (payload.get_u32_le(), block(&mut payload)))
            .collect();
        let wanted = (0..voices)
            .map(|_| {
                let wanted = Wanted {
                    address: (payload.get_u32_le(), payload.get_u32_le()),
                    blocks: payload.get_u16_le().min(BLOCKS),
                    waiting: payload.get_u16_le(),
                    lacked: payload.get_u16_le(),
                };
                payload.advance(2);
                wanted
            })
            .collect();
        Some(Self {
            played,
            captured,
            wanted,
        })
    }
}

fn block(payload: &mut Bytes) -> Box<Block> {
    let mut block = Box::new([0; BLOCK]);
    block.iter_mut().for_each(|sample| *sample = payload.get_i16_le());
    block
}

/// What is to be played, as it is put together.
#[derive(Debug, Default)]
pub struct Voices {
    count: u32,
    bytes: BytesMut,
}

impl Voices {
    /// Adds the next `blocks` of a voice, each made by `next`.
    pub fn add(&mut self, address: Address, blocks: u16, mut next: impl FnMut(&mut Block)) {
        if self.count == 0 {
            self.bytes.put_u32_le(0);
        }
        self.count += 1;
        self.bytes.put_u32_le(address.0);
        self.bytes.put_u32_le(address.1);
        self.bytes.put_u16_le(blocks);
        self.bytes.put_u16_le(0);
        let mut block = [0; BLOCK];
        for _ in 0..blocks {
            next(&mut block);
            block.iter().for_each(|sample| self.bytes.put_i16_le(*sample));
        }
    }

    /// The message; `None` if nothing was added.
    pub fn finish(mut self) -> Option<Bytes> {
        self.bytes.get_mut(..4)?.copy_from_slice(&self.count.to_le_bytes());
        Some(self.bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick() -> BytesMut {
        let mut bytes = BytesMut::from(&[1, 1, 1, 0][..]);
        bytes.put_bytes(1, 2 * BLOCK);
        bytes.put_u32_le(7);
        bytes.put_bytes(2, 2 * BLOCK);
        bytes.put_slice(&[3, 0, 0, 0, 4, 0, 0, 0, 255, 0, 5, 0, 6, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_tick_is_read_as_documented() {
        let read = Tick::parse(tick().freeze()).unwrap();
        assert_eq!(read.played, Some(Box::new([0x0101; BLOCK])));
        assert_eq!(read.captured, [(7, Box::new([0x0202; BLOCK]))]);
        let wanted = Wanted {
            address: (3, 4),
            blocks: BLOCKS,
            waiting: 5,
            lacked: 6,
        };
        assert_eq!(read.wanted, [wanted]);
    }

    #[test]
    fn what_is_longer_shorter_or_too_much_is_refused() {
        let good = tick().freeze();
        assert_eq!(Tick::parse(good.slice(1..)), None);
        assert_eq!(Tick::parse(good.slice(..good.len() - 1)), None);
        assert_eq!(Tick::parse(Bytes::from_static(&[0, 0])), None);
        assert_eq!(Tick::parse(Bytes::from_static(&[0, 0, 0, 0, 0])), None);
        let mut many = BytesMut::from(&[17, 0, 0, 0][..]);
        many.put_bytes(0, 17 * (4 + 2 * BLOCK));
        assert_eq!(Tick::parse(many.freeze()), None);
    }

    #[test]
    fn voices_are_counted() {
        assert_eq!(Voices::default().finish(), None);
        let mut voices = Voices::default();
        voices.add((1, 2), 1, |block| block.fill(3));
        let bytes = voices.finish().unwrap();
        assert_eq!(&bytes[..18], &[1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0]);
        assert_eq!(bytes.len(), 16 + 2 * BLOCK);
    }
}
