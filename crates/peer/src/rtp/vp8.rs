//! VP8 in RTP (RFC 7741).

use bytes::{BufMut, Bytes, BytesMut};

pub use super::format::MAX_PAYLOAD;

/// Bytes of our payload descriptor: X, I with a 15-bit picture id.
const DESCRIPTOR: usize = 4;

/// Cuts frames into payloads.
#[derive(Debug, Default)]
pub struct Payloader {
    picture: u16,
}

impl Payloader {
    pub fn new(picture: u16) -> Self {
        Self {
            picture: picture & 0x7fff,
        }
    }

    /// The payloads of one frame; the last one gets the marker.
    pub fn frame(&mut self, frame: &Bytes) -> Vec<Bytes> {
        let [high, low] = self.picture.to_be_bytes();
        self.picture = (self.picture + 1) & 0x7fff;
        // Packets of about one size: none is tiny, and losing any costs the same.
        let count = frame.len().div_ceil(MAX_PAYLOAD - DESCRIPTOR).max(1);
        let size = frame.len().div_ceil(count).max(1);
        frame
            .chunks(size)
            .enumerate()
            .map(|(index, part)| {
                let mut payload = BytesMut::with_capacity(DESCRIPTOR + part.len());
                payload.put_u8(if index == 0 { 0x90 } else { 0x80 });
                payload.put_slice(&[0x80, 0x80 | high, low]);
                payload.put_slice(part);
                payload.freeze()
            })
            .collect()
    }
}

/// What a payload descriptor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The first payload of a frame.
    pub start: bool,
    /// That of a key frame; only known of a first payload.
    pub key: bool,
    pub data: Bytes,
}

impl Payload {
    /// Reads a packet's payload; `None` if it is cut short.
    pub fn parse(payload: &Bytes) -> Option<Self> {
        let first = *payload.first()?;
        let mut at = 1;
        if first & 0x80 != 0 {
            let extension = *payload.get(at)?;
            at += 1;
            if extension & 0x80 != 0 {
                at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
            }
            if extension & 0x40 != 0 {
                at += 1;
            }
            if extension & 0x30 != 0 {
                at += 1;
            }
        }
        if at >= payload.len() {
            return None;
        }
        let start = first & 0x10 != 0 && first & 0x07 == 0;
        let data = payload.slice(at..);
        let key = start && data.first().is_some_and(|byte| byte & 1 == 0);
        Some(Self { start, key, data })
    }
}

/// Whether an encoded frame is a key frame (RFC 6386, 9.1).
pub fn is_key(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 1 == 0)
}

/// Width and height, which only key frames tell.
pub fn dimensions(frame: &[u8]) -> Option<(u16, u16)> {
    let head: &[u8; 10] = frame.first_chunk()?;
    if !is_key(frame) || head[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let side = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
    Some((side(head[6], head[7]), side(head[8], head[9])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        for len in [1, 1_155, 1_156, 1_157, 50_000] {
            let frame = Bytes::from((0..len).map(|n| (n % 251) as u8).collect::<Vec<_>>());
            let mut payloader = Payloader::new(0x7fff);
            let payloads = payloader.frame(&frame);
            assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
            let parsed: Vec<_> = payloads
                .iter()
                .map(|payload| Payload::parse(payload).unwrap())
                .collect();
            assert!(parsed[0].start && parsed[0].key && parsed[1..].iter().all(|one| !one.start));
            let joined: Vec<u8> = parsed.iter().flat_map(|one| one.data.to_vec()).collect();
            assert_eq!(joined, frame);
            assert_eq!(payloader.picture, 0);
        }
    }

    #[test]
    fn all_descriptor_forms_are_skipped() {
        for descriptor in [
            &[0x10][..],
            &[0x90, 0x00],
            &[0x90, 0x80, 0x05],
            &[0x90, 0x80, 0x85, 0x01],
            &[0x90, 0xf0, 0x85, 0x01, 0x09, 0x0a],
        ] {
            let payload = Bytes::from([descriptor, &[0x01, 0xff]].concat());
            let parsed = Payload::parse(&payload).unwrap();
            assert_eq!(
                (parsed.start, parsed.key, &parsed.data[..]),
                (true, false, &[0x01, 0xff][..])
            );
            assert_eq!(Payload::parse(&payload.slice(..descriptor.len())), None);
        }
        assert_eq!(Payload::parse(&Bytes::new()), None);
    }

    #[test]
    fn key_frames_tell_their_size() {
        let frame = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x41];
        assert_eq!(dimensions(&frame), Some((640, 480)));
        assert_eq!(dimensions(&frame[..9]), None);
        assert_eq!(dimensions(&[0x11; 10]), None);
    }
}
