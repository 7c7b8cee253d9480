//! The codecs, as descriptions know them.

use super::format::VideoCodec;
use crate::wire::Kind;

/// What packets carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Audio(AudioCodec),
    Video(VideoCodec),
}

/// A codec of voices: those that RFC 7874, 3, wants every end to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum AudioCodec {
    #[default]
    Opus,
    G711(Law),
}

/// The two laws by which G.711 makes bytes of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    Mu,
    A,
}

impl AudioCodec {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Opus, Self::G711(Law::Mu), Self::G711(Law::A)];

    /// Its name in descriptions and MIME types.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G711(Law::Mu) => "PCMU",
            Self::G711(Law::A) => "PCMA",
        }
    }

    /// The codec of this name, in whatever case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    /// RTP ticks a second.
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::G711(_) => 8_000,
        }
    }

    /// As descriptions say: those of Opus are two whatever is sent (RFC 7587, 7).
    pub fn channels(self) -> u16 {
        match self {
            Self::Opus => 2,
            Self::G711(_) => 1,
        }
    }
}

impl Codec {
    pub fn kind(self) -> Kind {
        match self {
            Self::Audio(_) => Kind::Audio,
            Self::Video(_) => Kind::Video,
        }
    }

    pub fn mime_type(self) -> String {
        match self {
            Self::Audio(codec) => format!("audio/{}", codec.name()),
            Self::Video(codec) => format!("video/{}", codec.name()),
        }
    }

    /// RTP ticks a second.
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Audio(codec) => codec.clock_rate(),
            Self::Video(_) => 90_000,
        }
    }

    /// Channels of sound; none of pictures.
    pub fn channels(self) -> Option<u16> {
        match self {
            Self::Audio(codec) => Some(codec.channels()),
            Self::Video(_) => None,
        }
    }

    /// What its `rtpmap` says.
    pub fn map(self) -> String {
        match self {
            Self::Audio(AudioCodec::Opus) => "opus/48000/2".to_owned(),
            Self::Audio(codec) => format!("{}/{}", codec.name(), codec.clock_rate()),
            Self::Video(codec) => format!("{}/90000", codec.name()),
        }
    }
}
