use super::*;
use std::future::poll_fn;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

const MOST: usize = 1000;

/// A small generator, so that a failing seed can be named.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Frames as a client might send them, and now and then as none may.
fn stream(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut fragmented = false;
    for _ in 0..dice.below(12) {
        let wrong = dice.below(40);
        let control = dice.below(4) == 0;
        let is_final = control || dice.below(3) > 0;
        let opcode = match (control, fragmented) {
            (true, _) => 9 + dice.below(2) as u8,
            (false, true) => 0,
            (false, false) => 1 + dice.below(2) as u8,
        };
        if !control {
            fragmented = !is_final;
        }
        let size = match dice.below(5) {
            0 => 0,
            1 => dice.below(126),
            2 if !control => 126 + dice.below(500),
            3 if wrong == 7 => 2000,
            _ => dice.below(20),
        };
        let first = if is_final { 0x80 } else { 0 } | if wrong == 1 { dice.below(128) as u8 } else { opcode };
        bytes.push(first);
        let masked = if wrong == 2 { 0 } else { 0x80 };
        if size < 126 {
            bytes.push(masked | size as u8);
        } else {
            bytes.push(masked | 126);
            bytes.extend_from_slice(&(size as u16).to_be_bytes());
        }
        let mask = if wrong == 3 { [0; 4] } else { [1, 2, 3, 4] };
        bytes.extend_from_slice(&mask);
        bytes.extend((0..size).map(|at| (b'a' + (at % 26) as u8) ^ mask[(at % 4) as usize]));
    }
    bytes
}

/// What tungstenite makes of the bytes.
fn theirs(bytes: &[u8]) -> Vec<(Received, Vec<u8>)> {
    struct Source(Cursor<Vec<u8>>);
    impl io::Read for Source {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }
    impl io::Write for Source {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MOST))
        .max_frame_size(Some(MOST));
    let mut socket = WebSocket::from_raw_socket(Source(Cursor::new(bytes.to_vec())), Role::Server, Some(config));
    let mut messages = Vec::new();
    while let Ok(message) = socket.read() {
        let kind = match &message {
            Message::Text(_) => Received::Text,
            Message::Binary(_) => Received::Binary,
            Message::Ping(_) => Received::Ping,
            Message::Pong(_) => Received::Pong,
            Message::Close(_) => Received::Close,
            Message::Frame(_) => panic!("never read"),
        };
        messages.push((kind, message.into_data().to_vec()));
    }
    messages
}

async fn ours(bytes: &[u8], dice: &mut Dice) -> Vec<(Received, Vec<u8>)> {
    let mut reader = Reader::new(MOST);
    let mut messages = Vec::new();
    let mut rest = bytes;
    loop {
        match reader.next() {
            Ok(Some(kind)) => {
                let payload = reader.payload().to_vec();
                messages.push((kind, payload));
                if kind == Received::Close {
                    return messages;
                }
            }
            Ok(None) if rest.is_empty() => return messages,
            Ok(None) => {
                let most = 1 << dice.below(11);
                let count = 1 + dice.below(rest.len().min(most) as u64) as usize;
                let (mut now, later) = rest.split_at(count);
                rest = later;
                poll_fn(|context| reader.poll_fill(Pin::new(&mut now), context))
                    .await
                    .expect("a slice can be read");
                assert!(now.is_empty());
            }
            Err(_) => return messages,
        }
    }
}

#[tokio::test]
async fn it_reads_what_tungstenite_reads_however_the_bytes_come() {
    for seed in 1..3000 {
        let dice = &mut Dice(seed);
        let bytes = stream(dice);
        assert_eq!(ours(&bytes, dice).await, theirs(&bytes), "seed {seed}");
    }
}

#[tokio::test]
async fn between_messages_it_holds_nothing() {
    let mut reader = Reader::new(MOST);
    let mut bytes: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'x', 0x81];
    poll_fn(|context| reader.poll_fill(Pin::new(&mut bytes), context))
        .await
        .expect("a slice can be read");
    assert_eq!(reader.next().expect("a message"), Some(Received::Text));
    assert_eq!(reader.payload(), b"x");
    assert_eq!(reader.next().expect("a part of one"), None);
    reader.stow();
    assert!(reader.held.capacity() < 16, "the part alone");
}
