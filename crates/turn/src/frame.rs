//! Packets out of a byte stream (RFC 8656, section 12.5, and RFC 8489, section 6.2.2): a STUN message says its length in
//! its header, channel data in its own, and is padded to four bytes.

use std::ops::Range;

/// Bytes in front of a packet, where a longer header may be put instead of its own.
pub(crate) const HEADROOM: usize = 48;
/// Bytes behind a packet, for padding.
pub(crate) const TAILROOM: usize = 4;
/// The longest packet: channel data of 65,535 bytes, padded.
pub(crate) const PACKET_MAX: usize = 4 + 65_536;
/// The longest packet of a stranger: a request.
pub(crate) const REQUEST_MAX: usize = 2048;

const SMALL: usize = HEADROOM + 4096 + TAILROOM;

/// A buffer, and where in it a packet lies.
pub(crate) type Packet<'a> = (&'a mut [u8], Range<usize>);

/// Neither STUN nor channel data, or too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The bytes of a stream that are not a whole packet yet: no more than one packet of them.
pub(crate) struct Framer {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Framer {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; SMALL],
            start: HEADROOM,
            end: HEADROOM,
        }
    }

    /// Where the next bytes of the stream go; never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (HEADROOM, HEADROOM);
            if self.buffer.len() > 4 * SMALL {
                self.buffer = vec![0; SMALL];
            }
        } else if self.start > HEADROOM {
            self.buffer.copy_within(self.start..self.end, HEADROOM);
            self.end -= self.start - HEADROOM;
            self.start = HEADROOM;
        }
        if self.end + TAILROOM >= self.buffer.len() {
            let longest = HEADROOM + PACKET_MAX + TAILROOM;
            self.buffer.resize((self.buffer.len() * 2).min(longest + 1), 0);
        }
        let room = self.buffer.len() - TAILROOM;
        &mut self.buffer[self.end..room]
    }

    /// That many bytes were put into the [`space`](Self::space).
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len() - TAILROOM);
    }

    /// The next whole packet: the buffer, and where in it the packet lies, padding left off. `HEADROOM` bytes before
    /// and `TAILROOM` bytes after it may be overwritten, but for what the next packet needs.
    pub(crate) fn packet(&mut self, longest: usize) -> Result<Option<Packet<'_>>, Malformed> {
        let Some((length, padded)) = lengths(&self.buffer[self.start..self.end])? else {
            return Ok(None);
        };
        if padded > longest {
            return Err(Malformed);
        }
        if self.end - self.start < padded {
            return Ok(None);
        }
        let packet = self.start..self.start + length;
        self.start += padded;
        Ok(Some((&mut self.buffer, packet)))
    }
}

/// The first packet of well-framed bytes, with its padding, and the rest.
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, padded) = lengths(bytes).ok()??;
    bytes.split_at_checked(padded)
}

/// The length of the packet that begins with these bytes, without and with its padding, once enough of them are there.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let &[first, _, high, low, ..] = bytes else {
        return match bytes.first() {
            Some(first) if *first >= 0x80 => Err(Malformed),
            _ => Ok(None),
        };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    match first >> 6 {
        0 if length.is_multiple_of(4) => Ok(Some((20 + length, 20 + length))),
        1 => Ok(Some((4 + length, (4 + length).next_multiple_of(4)))),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packets of a stream that comes in pieces of `step` bytes.
    fn read(stream: &[u8], step: usize) -> Result<Vec<Vec<u8>>, Malformed> {
        let mut framer = Framer::new();
        let mut packets = Vec::new();
        let mut left = stream;
        while !left.is_empty() {
            let space = framer.space();
            let count = step.min(left.len()).min(space.len());
            space[..count].copy_from_slice(&left[..count]);
            left = &left[count..];
            framer.filled(count);
            while let Some((buffer, range)) = framer.packet(PACKET_MAX)? {
                assert!(range.start >= HEADROOM && range.end + TAILROOM <= buffer.len());
                packets.push(buffer[range].to_vec());
            }
            assert!(framer.buffer.len() <= HEADROOM + PACKET_MAX + TAILROOM + 1);
        }
        Ok(packets)
    }

    #[test]
    fn packets_come_out_whole_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        let mut sent = Vec::new();
        for length in [0_u16, 1, 2, 3, 4, 100, 1200, 65_535, 5, 30_000] {
            let mut packet = vec![0x40, 0];
            packet.extend(length.to_be_bytes());
            packet.resize(4 + usize::from(length), 7);
            stream.extend(&packet);
            stream.resize(stream.len().next_multiple_of(4), 0);
            sent.push(packet);
            let mut message = vec![0, 1, 0, 8];
            message.resize(28, 9);
            stream.extend(&message);
            sent.push(message);
        }
        for step in [1, 3, 4, 1000, 100_000] {
            assert_eq!(read(&stream, step).as_ref(), Ok(&sent), "{step}");
        }
    }

    #[test]
    fn other_protocols_and_long_packets_are_refused() {
        for stream in [&b"\x80"[..], b"\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n\0\0\0"] {
            // An HTTP request looks like channel data, and waits for the rest of it.
            assert!(read(stream, 1).map_or(true, |packets| packets.is_empty()));
        }
        assert_eq!(read(&[0, 1, 0, 3], 4), Err(Malformed));
        let mut framer = Framer::new();
        framer.space()[..4].copy_from_slice(&[0, 1, 0x10, 0]);
        framer.filled(4);
        assert!(framer.packet(REQUEST_MAX).is_err());
    }
}
