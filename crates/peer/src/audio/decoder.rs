//! The decoder of one voice, of whatever codec, and what its packets say about themselves.

use super::narrow::{self, NarrowDecoder};
use super::opus::{self, OpusDecoder};
use crate::rtp::codec::AudioCodec;

/// The samples of a packet; `None` if it cannot be of that codec.
pub fn duration(codec: AudioCodec, packet: &[u8]) -> Option<usize> {
    match codec {
        AudioCodec::Opus => opus::duration(packet),
        AudioCodec::G711(_) => narrow::duration(packet),
    }
}

/// A decoder of one voice.
pub enum VoiceDecoder {
    Opus(Box<OpusDecoder>),
    G711(Box<NarrowDecoder>),
}

impl VoiceDecoder {
    pub fn new(codec: AudioCodec) -> Self {
        match codec {
            AudioCodec::Opus => Self::Opus(Box::default()),
            AudioCodec::G711(law) => Self::G711(Box::new(NarrowDecoder::new(law))),
        }
    }

    pub fn codec(&self) -> AudioCodec {
        match self {
            Self::Opus(_) => AudioCodec::Opus,
            Self::G711(decoder) => AudioCodec::G711(decoder.law()),
        }
    }

    /// Whether a packet begins a pause of the sender.
    pub fn is_quiet(&self, packet: &[u8]) -> bool {
        match self {
            Self::Opus(_) => opus::is_quiet(packet),
            Self::G711(_) => false,
        }
    }

    /// Whether packets may repeat the one before them.
    pub fn restores(&self) -> bool {
        matches!(self, Self::Opus(_))
    }

    /// Whether a packet repeats the one before it.
    pub fn repeats_former(&self, packet: &[u8]) -> bool {
        match self {
            Self::Opus(_) => opus::repeats_former(packet),
            Self::G711(_) => false,
        }
    }

    /// Appends a packet's samples; gives their number, 0 if they could not be made out.
    pub fn decode(&mut self, packet: &[u8], into: &mut Vec<i16>) -> usize {
        match self {
            Self::Opus(decoder) => decoder.decode(packet, into),
            Self::G711(decoder) => decoder.decode(packet, into),
        }
    }

    /// Appends the `samples` before `packet`, from what it repeats of them.
    pub fn decode_former(&mut self, packet: &[u8], samples: usize, into: &mut Vec<i16>) -> usize {
        match self {
            Self::Opus(decoder) => decoder.decode_former(packet, samples, into),
            Self::G711(_) => 0,
        }
    }

    /// Appends `samples` that go on from the last ones: made up after a loss, comfort noise in a pause.
    pub fn make_up(&mut self, samples: usize, into: &mut Vec<i16>) -> usize {
        match self {
            Self::Opus(decoder) => decoder.make_up(samples, into),
            Self::G711(decoder) => decoder.make_up(samples, into),
        }
    }
}
