//! H.264 in RTP (RFC 6184) with packetization mode 1: single NAL units, STAP-A and FU-A. Frames are byte streams (Annex B)
//! on this side: NAL units behind start codes.

use bytes::{BufMut, Bytes, BytesMut};

use super::format::{Head, MAX_PAYLOAD};

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// NAL unit types (ITU-T H.264, table 7-1; RFC 6184, table 1).
const PARAMETERS: u8 = 7;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const AGGREGATE: u8 = 24;
const FRAGMENT: u8 = 28;
/// The type and the rest of a NAL unit's first byte.
const TYPE: u8 = 0x1f;
const IMPORTANCE: u8 = 0x60;
const FORBIDDEN: u8 = 0x80;
/// Bits of a fragment's second byte.
const FIRST: u8 = 0x80;
const LAST: u8 = 0x40;

/// The payloads of one frame; the last one gets the marker. A frame without a start code has none.
pub fn payloads(frame: &Bytes) -> Vec<Bytes> {
    let mut all = Vec::new();
    let mut small: Vec<Bytes> = Vec::new();
    let mut size = 1;
    for unit in units(frame) {
        // Where a picture ends, the marker says, and what fills a constant bitrate is not needed here. Types that are
        // packets' own would be taken for those.
        let kind = unit[0] & TYPE;
        if (DELIMITER..=FILLER).contains(&kind) || !(1..AGGREGATE).contains(&kind) {
            continue;
        }
        if size + 2 + unit.len() > MAX_PAYLOAD {
            all.extend(aggregate(&mut small));
            size = 1;
        }
        if unit.len() > MAX_PAYLOAD {
            fragment(&unit, &mut all);
        } else {
            size += 2 + unit.len();
            small.push(unit);
        }
    }
    all.extend(aggregate(&mut small));
    all
}

/// The NAL units of a byte stream, none of them empty. Sealed ones may end with a zero: only one in front of a start code
/// is taken for a part of that.
fn units(frame: &Bytes) -> impl Iterator<Item = Bytes> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(bytes) = frame.get(at..at + 3) {
        match bytes {
            [0, 0, 1] => {
                starts.push(at + 3);
                at += 3;
            }
            [_, _, 2..=255] => at += 3,
            _ => at += 1,
        }
    }
    let long = |start: usize| frame.get(start.wrapping_sub(4)) == Some(&0);
    let ends = starts
        .iter()
        .skip(1)
        .map(|start| start - if long(*start) { 4 } else { 3 });
    let spans: Vec<_> = starts.iter().copied().zip(ends.chain([frame.len()])).collect();
    spans
        .into_iter()
        .filter(|(start, end)| start < end)
        .map(|(start, end)| frame.slice(start..end))
}

/// Small units in one packet; a single one is a packet by itself.
fn aggregate(units: &mut Vec<Bytes>) -> Option<Bytes> {
    if units.len() < 2 {
        return units.pop();
    }
    let mut payload = BytesMut::with_capacity(MAX_PAYLOAD);
    let importance = units.iter().map(|unit| unit[0] & IMPORTANCE).max().unwrap_or(0);
    let forbidden = units.iter().fold(0, |bits, unit| bits | unit[0] & FORBIDDEN);
    payload.put_u8(forbidden | importance | AGGREGATE);
    for unit in units.drain(..) {
        // It fits a packet.
        payload.put_u16(unit.len() as u16);
        payload.put_slice(&unit);
    }
    Some(payload.freeze())
}

/// A unit that is too large, in parts of about one size.
fn fragment(unit: &Bytes, out: &mut Vec<Bytes>) {
    let (head, body) = (unit[0], &unit[1..]);
    let count = body.len().div_ceil(MAX_PAYLOAD - 2);
    let size = body.len().div_ceil(count);
    for (index, part) in body.chunks(size).enumerate() {
        let first = if index == 0 { FIRST } else { 0 };
        let last = if index + 1 == count { LAST } else { 0 };
        let mut payload = BytesMut::with_capacity(2 + part.len());
        payload.put_slice(&[head & !TYPE | FRAGMENT, first | last | head & TYPE]);
        payload.put_slice(part);
        out.push(payload.freeze());
    }
}

/// What a payload says of its place; `None` if it is cut short or of a type that mode 1 does not have. Only a frame that
/// brings its parameters along is a key frame, as browsers send them all (RFC 7742, 6.2). Where a frame begins, a
/// payload does not say: every one may, but for what continues a fragment.
pub fn head(payload: &[u8]) -> Option<Head> {
    let first = *payload.first()?;
    let (start, key) = match first & TYPE {
        AGGREGATE => {
            let mut types = aggregated(payload).map(|unit| unit[0] & TYPE).peekable();
            types.peek()?;
            (true, types.any(|one| one == PARAMETERS))
        }
        FRAGMENT => {
            let (second, start) = (*payload.get(1)?, payload[1] & FIRST != 0);
            payload.get(2)?;
            (start, start && second & TYPE == PARAMETERS)
        }
        one @ 1..AGGREGATE => (true, one == PARAMETERS),
        _ => return None,
    };
    Some(Head { start, key })
}

/// Adds a payload's NAL units, or its part of one, to a byte stream.
pub fn append(payload: &[u8], out: &mut BytesMut) {
    let Some(first) = payload.first() else { return };
    match first & TYPE {
        AGGREGATE => {
            for unit in aggregated(payload) {
                out.put_slice(&START_CODE);
                out.put_slice(unit);
            }
        }
        FRAGMENT => {
            let [_, second, body @ ..] = payload else { return };
            if second & FIRST != 0 {
                out.put_slice(&START_CODE);
                out.put_u8(first & !TYPE | second & TYPE);
            }
            out.put_slice(body);
        }
        1..AGGREGATE => {
            out.put_slice(&START_CODE);
            out.put_slice(payload);
        }
        _ => {}
    }
}

/// The units of an aggregate up to where it is broken, none of them empty.
fn aggregated(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = payload.get(1..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (len, behind) = rest.split_first_chunk::<2>()?;
        let (unit, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        rest = behind;
        (!unit.is_empty()).then_some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(head: u8, len: usize) -> Vec<u8> {
        let mut unit: Vec<u8> = (0..len).map(|n| (n % 250) as u8 + 2).collect();
        unit[0] = head;
        unit
    }

    fn stream(units: &[Vec<u8>]) -> Bytes {
        let parts: Vec<u8> = units.iter().flat_map(|unit| [&START_CODE[..], unit].concat()).collect();
        parts.into()
    }

    fn joined(payloads: &[Bytes]) -> Bytes {
        let mut out = BytesMut::new();
        payloads.iter().for_each(|payload| append(payload, &mut out));
        out.freeze()
    }

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        for len in [1, 1_158, 1_159, 1_160, 1_161, 2_317, 2_318, 50_000] {
            let frame = stream(&[unit(0x67, 20), unit(0x68, 5), unit(0x65, len)]);
            let payloads = payloads(&frame);
            assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD), "{len}");
            assert_eq!(joined(&payloads), frame, "{len}");
            assert_eq!(head(&payloads[0]), Some(Head { start: true, key: true }));
            assert!(payloads[1..].iter().all(|payload| !head(payload).unwrap().key));
        }
    }

    #[test]
    fn the_forms_are_those_of_the_standard() {
        let small = payloads(&stream(&[unit(0x67, 3), unit(0x28, 2)]));
        assert_eq!(small, [vec![0x78, 0, 3, 0x67, 3, 4, 0, 2, 0x28, 3]]);
        let single = payloads(&stream(&[unit(0x41, 4)]));
        assert_eq!(single, [vec![0x41, 3, 4, 5]]);
        let large = payloads(&stream(&[unit(0x65, 3_000)]));
        let heads: Vec<&[u8]> = large.iter().map(|payload| &payload[..2]).collect();
        assert_eq!(heads, [[0x7c, 0x85], [0x7c, 0x05], [0x7c, 0x45]]);
        let starts: Vec<bool> = large.iter().map(|payload| head(payload).unwrap().start).collect();
        assert_eq!(starts, [true, false, false]);
    }

    #[test]
    fn start_codes_of_either_length_are_found_and_what_is_not_needed_is_left_out() {
        let frame = [
            &[0, 0, 0, 1, 0x09, 0xf0][..],
            &[0, 0, 1, 0x67, 1],
            &[0, 0, 0, 0, 1, 0x68, 2],
            &[0, 0, 1, 0x0c, 0xff],
            &[0, 0, 1, 0x7c, 0x85, 1],
            &[0, 0, 1],
            &[0, 0, 1, 0x65, 3, 0, 0, 3, 0],
        ];
        let payloads = payloads(&frame.concat().into());
        let units: Vec<&[u8]> = aggregated(&payloads[0]).collect();
        assert_eq!(units, [&[0x67, 1, 0][..], &[0x68, 2], &[0x65, 3, 0, 0, 3, 0]]);
        assert!(super::payloads(&Bytes::from_static(&[0x65, 0, 0, 2])).is_empty());
        assert!(super::payloads(&Bytes::new()).is_empty());
    }

    #[test]
    fn what_is_cut_off_or_of_another_mode_is_refused() {
        let bad: [&[u8]; 9] = [
            &[],
            &[0x60],
            &[0x78],
            &[0x78, 0, 0],
            &[0x78, 0, 9, 0x67],
            &[0x7c, 0x85],
            &[0x79, 0, 0, 0, 1, 0x67],
            &[0x7d, 0x85, 0, 0, 1],
            &[0x7f, 1],
        ];
        for payload in bad {
            assert_eq!(head(payload), None, "{payload:?}");
        }
        // What is whole of an aggregate counts.
        let broken = [0x78, 0, 2, 0x67, 1, 0, 9, 0x68];
        assert_eq!(head(&broken), Some(Head { start: true, key: true }));
        assert_eq!(joined(&[Bytes::copy_from_slice(&broken)])[..], [0, 0, 0, 1, 0x67, 1]);
    }
}
