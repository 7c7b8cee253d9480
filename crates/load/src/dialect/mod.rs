//! How each server is spoken to. The load is the same for all of them: the same candidates and descriptions, inside of what
//! each server's own wire wraps around them.

mod floor;
mod matchbox;
mod node;
mod peerjs;
mod snug;
mod socketio;

use crate::wire;
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::time::{Duration, Instant};

/// Whose wire is spoken.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Name {
    Snug,
    /// Snug, every message with an `id`, and so with an `ack`.
    SnugAcked,
    Floor,
    Node,
    Socketio,
    Peerjs,
    Matchbox,
}

impl Name {
    pub(crate) fn dialect(self) -> Box<dyn Dialect> {
        match self {
            Self::Snug => Box::new(snug::Snug { acked: false }),
            Self::SnugAcked => Box::new(snug::Snug { acked: true }),
            Self::Floor => Box::new(floor::Floor),
            Self::Node => Box::new(node::Node),
            Self::Socketio => Box::new(socketio::SocketIo),
            Self::Peerjs => Box::new(peerjs::PeerJs),
            Self::Matchbox => Box::new(matchbox::Matchbox),
        }
    }
}

/// Where a client sits, as far as the load generator must know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seat {
    pub(crate) room: String,
    /// Unlike that of any other client of this server.
    pub(crate) name: String,
    /// As the server calls this client.
    pub(crate) me: String,
    /// As the server calls the one that messages go to; empty for everyone else in the room.
    pub(crate) to: String,
    /// Sequenced messages that arrived.
    pub(crate) seq: u64,
    /// Messages sent with an id.
    pub(crate) id: u64,
    /// When its next heartbeat is due, and the time between two of them.
    pub(crate) heartbeat: Option<(Instant, Duration)>,
}

/// What is relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    Candidate,
    Offer,
    Answer,
}

/// What a client heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It has its seat; its `me` is set where the server gives one.
    Joined,
    Relayed(Load),
    /// The seat is given up; the connection may end.
    Left,
    Closed,
}

pub(crate) trait Dialect {
    /// The path of the upgrade.
    fn path(&self, seat: &Seat) -> String;

    /// The socket is open. What is put into `out` is sent.
    fn opened(&self, seat: &mut Seat, out: &mut Vec<u8>, heard: &mut Vec<Heard>);

    /// A text frame came.
    fn hear(&self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()>;

    /// The text of a message to `seat.to`.
    fn relay(&self, seat: &mut Seat, load: Load) -> String;

    /// Whether each message differs from the one before, so that it must be written anew.
    fn differs(&self) -> bool {
        false
    }

    /// What a client says from time to time that changes what the server holds for it.
    fn heartbeat(&self, _: &Seat) -> Option<String> {
        None
    }

    /// What gives the seat up, where closing the socket is not the way. It is answered with [`Heard::Left`].
    fn leave(&self) -> Option<&'static str> {
        None
    }
}

impl Load {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Offer => "offer",
            Self::Answer => "answer",
        }
    }

    /// The name of the field that tutorials put it in.
    fn field(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Offer | Self::Answer => "sdp",
        }
    }

    fn from_word(word: &[u8]) -> Option<Self> {
        match word {
            b"candidate" | b"CANDIDATE" => Some(Self::Candidate),
            b"offer" | b"OFFER" => Some(Self::Offer),
            b"answer" | b"ANSWER" => Some(Self::Answer),
            _ => None,
        }
    }

    /// JSON: about 200 bytes of candidate, 5.9 kB of description.
    fn json(self) -> &'static str {
        match self {
            Self::Candidate => CANDIDATE,
            Self::Offer | Self::Answer => description(),
        }
    }
}

const CANDIDATE: &str = r#"{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.7 rport 46154 generation 0 ufrag EsAw network-cost 50","sdpMid":"0","sdpMLineIndex":0}"#;

fn description() -> &'static str {
    static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = String::from(r#""v=0\r\no=- 4611733055214 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"#);
        for payload in 96.. {
            if text.len() > 5_840 {
                break;
            }
            text += &format!(r"a=rtpmap:{payload} VP8/90000\r\na=rtcp-fb:{payload} nack pli\r\n");
        }
        text.push('"');
        text
    })
}

/// The word behind `"type":"`.
fn kind(frame: &[u8]) -> Option<&[u8]> {
    let mark = br#""type":""#;
    let start = memchr::memmem::find(&frame[..frame.len().min(256)], mark)? + mark.len();
    let end = start + memchr::memchr(b'"', &frame[start..])?;
    Some(&frame[start..end])
}

/// Whether the payload came through whole: asked of some frames only, for it takes time.
fn intact(load: Load, frame: &[u8]) -> Result<()> {
    if memchr::memmem::find(frame, load.json().as_bytes()).is_none() {
        bail!("a {} came through changed", load.word());
    }
    Ok(())
}

fn send(text: &str, out: &mut Vec<u8>) {
    wire::encode(wire::TEXT, text.as_bytes(), out);
}
