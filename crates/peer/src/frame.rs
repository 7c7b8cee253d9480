//! The binary messages of the loopback socket: a 24-byte little-endian header, then the payload.

use bytes::{BufMut, Bytes, BytesMut};

use crate::rtp::codec::{AudioCodec, Codec, Law};
use crate::rtp::format::VideoCodec;
use crate::wire::PcId;

/// Bytes before the payload.
pub const HEADER_LEN: usize = 24;

/// The number of a video codec.
fn video(codec: VideoCodec) -> u8 {
    match codec {
        VideoCodec::Vp8 => VP8,
        VideoCodec::Vp9 => VP9,
        VideoCodec::H264 => H264,
    }
}

/// The number of an audio codec.
fn audio(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Opus => OPUS,
        AudioCodec::G711(Law::Mu) => PCMU,
        AudioCodec::G711(Law::A) => PCMA,
    }
}

/// What a binary message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    VideoToSend(VideoCodec),
    AudioToSend(AudioCodec),
    VideoReceived(VideoCodec),
    AudioReceived,
    DataToSend,
    DataReceived,
    /// 10 ms of the page's audio ([`crate::audio::message`]).
    AudioTick,
    AudioToPlay,
    /// A voice that the page transforms before it is sent; it comes back as `AudioToSend`.
    VoiceToSend(AudioCodec),
    /// A received voice that the page transforms before it is decoded (`engine` has the bytes), and its way back.
    VoiceReceived(AudioCodec),
    VoiceTransformed(AudioCodec),
}

/// One encoded frame or one data-channel message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: FrameKind,
    /// A key frame (video).
    pub key: bool,
    /// A string rather than bytes (data channel).
    pub text: bool,
    /// Something was lost right before this frame.
    pub gap: bool,
    /// The level of audio to send as RFC 6464 writes it; `None` when unknown.
    pub level: Option<u8>,
    /// The layer of a simulcast (video to send), or 0.
    pub layer: u8,
    pub pc: PcId,
    /// A transceiver's or a channel's number.
    pub target: u32,
    /// Microseconds.
    pub timestamp: i64,
    /// Microseconds, or 0 when unknown; the SSRC of a received picture, the RTP time of a received voice to transform.
    pub duration: u32,
    pub payload: Bytes,
}

const KEY: u8 = 1;
const TEXT: u8 = 2;
const GAP: u8 = 4;

const VP8: u8 = 1;
const OPUS: u8 = 2;
const PCM: u8 = 3;
const VP9: u8 = 4;
const H264: u8 = 5;
const PCMU: u8 = 6;
const PCMA: u8 = 7;

impl FrameKind {
    /// The codec of what is to be sent in packets.
    pub fn to_packets(self) -> Option<Codec> {
        if let Self::VideoToSend(codec) = self {
            return Some(Codec::Video(codec));
        }
        if let Self::AudioToSend(codec) = self {
            return Some(Codec::Audio(codec));
        }
        None
    }

    fn number(self) -> u8 {
        match self {
            Self::VideoToSend(_) => 1,
            Self::AudioToSend(_) => 2,
            Self::VideoReceived(_) => 3,
            Self::AudioReceived => 4,
            Self::DataToSend => 5,
            Self::DataReceived => 6,
            Self::AudioTick => 7,
            Self::AudioToPlay => 8,
            Self::VoiceToSend(_) => 9,
            Self::VoiceReceived(_) => 10,
            Self::VoiceTransformed(_) => 11,
        }
    }

    fn codec(self) -> u8 {
        match self {
            Self::VideoToSend(codec) | Self::VideoReceived(codec) => video(codec),
            Self::AudioToSend(codec)
            | Self::VoiceToSend(codec)
            | Self::VoiceReceived(codec)
            | Self::VoiceTransformed(codec) => audio(codec),
            Self::AudioReceived | Self::DataToSend | Self::DataReceived => 0,
            Self::AudioTick | Self::AudioToPlay => PCM,
        }
    }

    /// Only what a worker may send.
    fn to_send(number: u8, codec: u8) -> Option<Self> {
        let voice = || AudioCodec::ALL.into_iter().find(|one| audio(*one) == codec);
        match number {
            1 => {
                let mut all = VideoCodec::ALL.into_iter();
                all.find(|one| video(*one) == codec).map(Self::VideoToSend)
            }
            2 => voice().map(Self::AudioToSend),
            5 => Some(Self::DataToSend),
            7 => Some(Self::AudioTick),
            11 => voice().map(Self::VoiceTransformed),
            _ => None,
        }
    }
}

impl Frame {
    /// Reads a message from the worker; `None` if it is short, of an unknown kind or codec, or one only Rust sends.
    pub fn parse(message: Bytes) -> Option<Self> {
        let header: &[u8; HEADER_LEN] = message.first_chunk()?;
        let kind = FrameKind::to_send(header[0], header[2])?;
        if header[2] != kind.codec() {
            return None;
        }
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let timestamp = u64::from(word(12)) | u64::from(word(16)) << 32;
        Some(Self {
            kind,
            key: header[1] & KEY != 0,
            text: header[1] & TEXT != 0,
            gap: header[1] & GAP != 0,
            level: Some(header[3]).filter(|level| *level != 0 && matches!(kind, FrameKind::AudioToSend(_))),
            layer: if matches!(kind, FrameKind::VideoToSend(_)) {
                header[3]
            } else {
                0
            },
            pc: word(4),
            target: word(8),
            timestamp: timestamp.cast_signed(),
            duration: word(20),
            payload: message.slice(HEADER_LEN..),
        })
    }

    /// The message as it crosses the socket.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEADER_LEN + self.payload.len());
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        out.put_u8(self.kind.number());
        out.put_u8(flag(self.key, KEY) | flag(self.text, TEXT) | flag(self.gap, GAP));
        out.put_u8(self.kind.codec());
        out.put_u8(self.level.unwrap_or(self.layer));
        out.put_u32_le(self.pc);
        out.put_u32_le(self.target);
        out.put_i64_le(self.timestamp);
        out.put_u32_le(self.duration);
        out.extend_from_slice(&self.payload);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            kind: FrameKind::VideoToSend(VideoCodec::Vp8),
            key: true,
            text: false,
            gap: true,
            level: None,
            layer: 2,
            pc: 7,
            target: 0x0102_0304,
            timestamp: -5_000_000_000,
            duration: 33_333,
            payload: Bytes::from_static(b"frame"),
        }
    }

    #[test]
    fn a_frame_survives_the_trip() {
        for codec in VideoCodec::ALL {
            let mut frame = frame();
            frame.kind = FrameKind::VideoToSend(codec);
            assert_eq!(Frame::parse(frame.to_bytes()), Some(frame));
        }
        for codec in AudioCodec::ALL {
            let mut frame = frame();
            (frame.kind, frame.layer) = (FrameKind::AudioToSend(codec), 0);
            assert_eq!(Frame::parse(frame.to_bytes()), Some(frame));
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let bytes = frame().to_bytes();
        assert_eq!(&bytes[..4], &[1, 5, 1, 2]);
        assert_eq!(&bytes[4..12], &[7, 0, 0, 0, 4, 3, 2, 1]);
        assert_eq!(&bytes[24..], b"frame");
    }

    #[test]
    fn short_foreign_and_wrong_messages_are_refused() {
        let good = frame().to_bytes();
        assert_eq!(Frame::parse(good.slice(..23)), None);
        for (at, value) in [(0, 3), (0, 9), (2, 2)] {
            let mut bad = good.to_vec();
            bad[at] = value;
            assert_eq!(Frame::parse(bad.into()), None);
        }
    }
}
