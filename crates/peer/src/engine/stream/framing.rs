//! STUN messages and channel data in a stream (RFC 8656, 12.5): their own headers tell where they end.

use bytes::{Buf, BytesMut};

/// The largest message that a server may send.
const LIMIT: usize = 16_384;

/// The stream is not one of TURN messages.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled;

/// Takes the next whole message from what was received, without the padding that a stream adds.
pub fn take(received: &mut BytesMut) -> Result<Option<BytesMut>, Garbled> {
    let Some(header) = received.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let (size, padded) = match header[0] >> 6 {
        0 => (20 + length, 20 + length),
        1 => (4 + length, 4 + length.next_multiple_of(4)),
        _ => return Err(Garbled),
    };
    if padded > LIMIT {
        return Err(Garbled);
    }
    if received.len() < padded {
        return Ok(None);
    }
    let message = received.split_to(size);
    received.advance(padded - size);
    Ok(Some(message))
}

/// The zeros that a stream needs behind a datagram.
pub fn padding(datagram: &[u8]) -> &'static [u8] {
    let channel = datagram.first().is_some_and(|first| first >> 6 == 1);
    let missing = datagram.len().next_multiple_of(4) - datagram.len();
    if channel { &[0; 3][..missing] } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_however_they_come_in() {
        let mut stream: Vec<u8> = Vec::new();
        let stun: Vec<u8> = [0, 1, 0, 4].into_iter().chain([7; 20]).collect();
        let channel = [0x40, 0, 0, 5, 1, 2, 3, 4, 5];
        for message in [&stun[..], &channel, &stun] {
            stream.extend(message);
            stream.extend(padding(message));
        }
        let mut received = BytesMut::new();
        let mut messages = Vec::new();
        for byte in stream {
            received.extend([byte]);
            while let Some(message) = take(&mut received).unwrap() {
                messages.push(message.to_vec());
            }
        }
        assert_eq!(messages, [stun.clone(), channel.to_vec(), stun]);
        assert!(received.is_empty());
    }

    #[test]
    fn another_protocol_is_noticed() {
        for garbled in [&b"HTTP/1.1"[..], &[0xff; 8], &[0, 1, 0xff, 0xff]] {
            assert_eq!(take(&mut BytesMut::from(garbled)), Err(Garbled));
        }
    }
}
