//! WebSocket framing (RFC 6455, section 5), the client's half: as little as a load generator needs.

/// Any mask will do: what it costs is the server's to undo it.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// Appends one masked frame.
pub(crate) fn encode(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        middle @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    let start = out.len();
    out.extend_from_slice(payload);
    for chunk in out[start..].chunks_mut(4) {
        for (byte, mask) in chunk.iter_mut().zip(MASK) {
            *byte ^= mask;
        }
    }
}

/// One whole text frame, to be sent more than once.
pub(crate) fn text(payload: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 14);
    encode(TEXT, payload.as_bytes(), &mut out);
    out
}

/// The first frame of what a server sent, if it is all there: opcode, payload, and how many bytes it took.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (head, length) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    let end = head + usize::try_from(length).ok()?;
    Some((first & 0x0f, bytes.get(head..end)?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_as_what_was_written() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; size];
            let mut frame = Vec::new();
            encode(TEXT, &payload, &mut frame);
            let mask = frame.len() - size - 4;
            let mut plain: Vec<u8> = [&frame[..mask], &frame[mask + 4..]].concat();
            plain[1] &= 0x7f;
            for (at, byte) in plain[mask..].iter_mut().enumerate() {
                *byte ^= MASK[at % 4];
            }
            assert_eq!(decode(&plain), Some((TEXT, &payload[..], plain.len())));
            assert_eq!(decode(&plain[..plain.len() - 1]), None);
        }
    }
}
