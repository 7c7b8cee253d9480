//! The video codecs, and how their frames travel in RTP.

use bytes::{Bytes, BytesMut};

use super::{h264, vp8, vp9};

/// The largest payload of a packet: an Ethernet frame less IP, UDP, a TURN header, SRTP, the RTP header with its
/// extensions and a retransmission's two bytes.
pub const MAX_PAYLOAD: usize = 1_160;

/// A video codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VideoCodec {
    /// Every end has it.
    #[default]
    Vp8,
    Vp9,
    /// Constrained Baseline.
    H264,
}

/// What a payload says of its place in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// It may be the first one.
    pub start: bool,
    /// It is the first one of a key frame that a decoder can begin with.
    pub key: bool,
}

impl VideoCodec {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Vp8, Self::Vp9, Self::H264];

    /// Its name in descriptions and MIME types.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
        }
    }

    /// The codec of this name, in whatever case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    /// Reads the head of a payload; `None` if it is cut short.
    pub fn head(self, payload: &Bytes) -> Option<Head> {
        match self {
            Self::Vp8 => vp8::Payload::parse(payload).map(|one| Head {
                start: one.start,
                key: one.key,
            }),
            Self::Vp9 => vp9::parse(payload).map(|(head, _)| head),
            Self::H264 => h264::head(payload),
        }
    }

    /// The frame that payloads make; what cannot be read of them is left out.
    pub fn join<'a>(self, payloads: impl Iterator<Item = &'a Bytes>) -> Bytes {
        if self == Self::H264 {
            let mut frame = BytesMut::new();
            payloads.for_each(|payload| h264::append(payload, &mut frame));
            return frame.freeze();
        }
        let data = |payload: &Bytes| match self {
            Self::Vp9 => vp9::parse(payload).map(|(_, data)| data),
            Self::Vp8 | Self::H264 => vp8::Payload::parse(payload).map(|one| one.data),
        };
        let mut parts: Vec<Bytes> = payloads.filter_map(data).collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut frame = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
        parts.iter().for_each(|part| frame.extend_from_slice(part));
        frame.freeze()
    }

    /// Width and height, where a frame tells them in front.
    pub fn dimensions(self, frame: &[u8]) -> Option<(u16, u16)> {
        match self {
            Self::Vp8 => vp8::dimensions(frame),
            Self::Vp9 => vp9::dimensions(frame),
            Self::H264 => None,
        }
    }
}

/// Cuts frames of any codec into payloads.
#[derive(Debug)]
pub struct Payloader {
    vp8: vp8::Payloader,
    vp9: vp9::Payloader,
}

impl Payloader {
    /// `picture` is where picture ids begin.
    pub fn new(picture: u16) -> Self {
        Self {
            vp8: vp8::Payloader::new(picture),
            vp9: vp9::Payloader::new(picture),
        }
    }

    /// The payloads of one frame, none if it cannot be read; the last one gets the marker.
    pub fn frame(&mut self, codec: VideoCodec, frame: &Bytes, key: bool) -> Vec<Bytes> {
        match codec {
            VideoCodec::Vp8 => self.vp8.frame(frame),
            VideoCodec::Vp9 => self.vp9.frame(frame, key),
            VideoCodec::H264 => h264::payloads(frame),
        }
    }
}
