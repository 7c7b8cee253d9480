//! VP9 in RTP (RFC 9628): sent in non-flexible mode with one layer, received in either mode with any layers.

use bytes::{BufMut, Bytes, BytesMut};

use super::format::{Head, MAX_PAYLOAD};

/// Bits of a payload descriptor's first byte.
const PICTURE_ID: u8 = 0x80;
const PREDICTED: u8 = 0x40;
const LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const BEGIN: u8 = 0x08;
const END: u8 = 0x04;
const STRUCTURE: u8 = 0x02;
/// No layer above refers to this one.
const UNREFERRED: u8 = 0x01;
/// Bytes of our descriptor: flags, a 15-bit picture id, layer indices and the index of the base layer's picture.
const DESCRIPTOR: usize = 5;
/// The most bytes of our scalability structure.
const STRUCTURE_LEN: usize = 8;
/// Pictures that a picture of flexible mode may refer to.
const REFERENCES: usize = 3;

/// Cuts frames into payloads.
#[derive(Debug, Default)]
pub struct Payloader {
    picture: u16,
    base: u8,
}

impl Payloader {
    pub fn new(picture: u16) -> Self {
        Self {
            picture: picture & 0x7fff,
            base: 0,
        }
    }

    /// The payloads of one frame; the last one gets the marker.
    pub fn frame(&mut self, frame: &Bytes, key: bool) -> Vec<Bytes> {
        let [high, low] = self.picture.to_be_bytes();
        self.picture = (self.picture + 1) & 0x7fff;
        self.base = self.base.wrapping_add(1);
        let count = frame.len().div_ceil(MAX_PAYLOAD - DESCRIPTOR - STRUCTURE_LEN).max(1);
        let size = frame.len().div_ceil(count).max(1);
        let parts = frame.chunks(size).enumerate();
        let cut = |(index, part): (usize, &[u8])| {
            let (first, last) = (index == 0, (index + 1) * size >= frame.len());
            let mut flags = PICTURE_ID | LAYERS | UNREFERRED;
            for (on, bit) in [
                (!key, PREDICTED),
                (first, BEGIN),
                (last, END),
                (first && key, STRUCTURE),
            ] {
                flags |= if on { bit } else { 0 };
            }
            let mut payload = BytesMut::with_capacity(DESCRIPTOR + STRUCTURE_LEN + part.len());
            payload.put_slice(&[flags, 0x80 | high, low, 0, self.base]);
            if first && key {
                structure(frame, &mut payload);
            }
            payload.put_slice(part);
            payload.freeze()
        };
        parts.map(cut).collect()
    }
}

/// One spatial layer, its size if it is known, and pictures that refer to the one before.
fn structure(frame: &[u8], out: &mut BytesMut) {
    let size = dimensions(frame);
    out.put_u8(if size.is_some() { 0x18 } else { 0x08 });
    if let Some((width, height)) = size {
        out.put_u16(width);
        out.put_u16(height);
    }
    out.put_slice(&[1, 1 << 2, 1]);
}

/// What a payload descriptor says, and the rest; `None` if it is cut short or says what cannot be.
pub fn parse(payload: &Bytes) -> Option<(Head, Bytes)> {
    let flags = *payload.first()?;
    let mut at = 1;
    if flags & PICTURE_ID != 0 {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    let mut layer = 0;
    if flags & LAYERS != 0 {
        layer = payload.get(at)? >> 1 & 7;
        at += if flags & FLEXIBLE == 0 { 2 } else { 1 };
    }
    if flags & FLEXIBLE != 0 && flags & PREDICTED != 0 {
        at = references(payload, at)?;
    }
    if flags & STRUCTURE != 0 {
        at = structure_end(payload, at)?;
    }
    if at >= payload.len() {
        return None;
    }
    let start = flags & BEGIN != 0 && layer == 0;
    let key = start && flags & PREDICTED == 0;
    Some((Head { start, key }, payload.slice(at..)))
}

/// Behind the differences to the pictures that are referred to.
fn references(payload: &[u8], from: usize) -> Option<usize> {
    let all = payload.get(from..)?.iter().take(REFERENCES);
    let last = all.enumerate().find(|(_, difference)| **difference & 1 == 0)?.0;
    Some(from + last + 1)
}

/// Behind the scalability structure.
fn structure_end(payload: &[u8], from: usize) -> Option<usize> {
    let head = *payload.get(from)?;
    let mut at = from + 1;
    if head & 0x10 != 0 {
        at += 4 * (usize::from(head >> 5) + 1);
    }
    if head & 0x08 != 0 {
        let pictures = *payload.get(at)?;
        at += 1;
        for _ in 0..pictures {
            at += 1 + usize::from(payload.get(at)? >> 2 & 3);
        }
    }
    Some(at)
}

/// Width and height, which only key frames of profile 0 tell here (VP9 bitstream, 6.2).
pub fn dimensions(frame: &[u8]) -> Option<(u16, u16)> {
    let head: &[u8; 9] = frame.first_chunk()?;
    if head[0] & 0xfc != 0x80 || head[1..4] != [0x49, 0x83, 0x42] {
        return None;
    }
    // Four bits of colour are in front of the two sides.
    let side = |at: usize| {
        let word = u32::from_be_bytes([0, head[at], head[at + 1], head[at + 2]]);
        // The mask leaves 16 bits.
        ((word >> 4) & 0xffff) as u16
    };
    Some((side(4).checked_add(1)?, side(6).checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a key frame of 640x480.
    const KEY: [u8; 10] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xf0, 0x1d, 0xf0, 0x00];

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        for len in [10, 1_147, 1_148, 50_000] {
            for key in [true, false] {
                let mut bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
                bytes[..KEY.len()].copy_from_slice(&KEY);
                let frame = Bytes::from(bytes);
                let payloads = Payloader::new(0x7fff).frame(&frame, key);
                assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD));
                let parsed: Vec<_> = payloads.iter().map(|payload| parse(payload).unwrap()).collect();
                assert_eq!(parsed[0].0, Head { start: true, key });
                assert!(parsed[1..].iter().all(|(head, _)| !head.start && !head.key));
                let joined: Vec<u8> = parsed.iter().flat_map(|(_, data)| data.to_vec()).collect();
                assert_eq!(joined, frame);
                let ends = payloads.iter().filter(|payload| payload[0] & END != 0).count();
                assert!(ends == 1 && payloads.last().unwrap()[0] & END != 0);
            }
        }
    }

    #[test]
    fn a_key_frame_brings_what_receivers_of_non_flexible_mode_need() {
        let mut payloader = Payloader::new(0x7fff);
        let first = payloader.frame(&Bytes::from_static(&KEY), true).remove(0);
        let head = [0xaf, 0xff, 0xff, 0, 1, 0x18, 2, 0x80, 1, 0xe0, 1, 4, 1];
        assert_eq!(first[..head.len()], head);
        let next = payloader.frame(&Bytes::from_static(&KEY), false).remove(0);
        assert_eq!(next[..DESCRIPTOR], [0xed, 0x80, 0, 0, 2]);
    }

    #[test]
    fn all_descriptor_forms_are_skipped() {
        let forms: [(&[u8], bool, bool); 9] = [
            (&[BEGIN], true, true),
            (&[BEGIN | PREDICTED], true, false),
            (&[END], false, false),
            (&[PICTURE_ID | BEGIN, 0x05], true, true),
            (&[PICTURE_ID | LAYERS | BEGIN, 0x85, 1, 0x20, 9], true, true),
            // The second spatial layer of a picture begins no picture.
            (&[PICTURE_ID | LAYERS | BEGIN, 0x85, 1, 0x02, 9], false, false),
            (
                &[PICTURE_ID | PREDICTED | LAYERS | FLEXIBLE | BEGIN, 0x05, 0, 3, 4],
                true,
                false,
            ),
            (&[LAYERS | FLEXIBLE | BEGIN, 0], true, true),
            // Two layers with sizes, three pictures with 0, 1 and 2 references.
            (
                &[STRUCTURE | BEGIN, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 3, 0, 4, 1, 8, 1, 2],
                true,
                true,
            ),
        ];
        for (descriptor, start, key) in forms {
            let payload = Bytes::from([descriptor, &[0xaa, 0xbb]].concat());
            let (head, data) = parse(&payload).unwrap();
            assert_eq!((head, &data[..]), (Head { start, key }, &[0xaa, 0xbb][..]));
            for len in 0..=descriptor.len() {
                assert_eq!(parse(&payload.slice(..len)), None, "{descriptor:?} {len}");
            }
        }
        let endless = [PREDICTED | FLEXIBLE, 1, 1, 1, 1, 1];
        assert_eq!(parse(&Bytes::copy_from_slice(&endless)), None);
    }

    #[test]
    fn key_frames_tell_their_size() {
        assert_eq!(dimensions(&KEY), Some((640, 480)));
        assert_eq!(dimensions(&KEY[..8]), None);
        assert_eq!(dimensions(&[0x86; 10]), None);
    }
}
