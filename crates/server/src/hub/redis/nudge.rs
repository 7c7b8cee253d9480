//! What one node tells another: a nudge may be lost, and what it says can be had from the store.

use snug_protocol::{CloseCode, PeerId, RoomId};
use snug_room::{Frame, SeatNo, SocketId};
use std::fmt::Write;

/// One item of what is published to a node.
#[derive(Debug, PartialEq)]
pub(super) enum Nudge {
    /// These seats hear this frame, each under its own number.
    Tell {
        frame: Frame,
        seats: Vec<(PeerId, u64)>,
    },
    /// This socket is sent this frame, outside of any count.
    Send {
        socket: SocketId,
        frame: Frame,
    },
    Close {
        socket: SocketId,
        code: CloseCode,
    },
    Door {
        socket: SocketId,
    },
    /// The socket was let in.
    Seated {
        socket: SocketId,
        seat: SeatNo,
        peer: PeerId,
        room: RoomId,
    },
}

pub(super) fn send(socket: SocketId, frame: &Frame) -> String {
    item("S", frame, |head| write!(head, " {}", socket.0))
}

pub(super) fn close(socket: SocketId, code: CloseCode) -> String {
    item("C", "", |head| write!(head, " {} {}", socket.0, code as u16))
}

pub(super) fn door(socket: SocketId) -> String {
    item("D", "", |head| write!(head, " {}", socket.0))
}

pub(super) fn seated(socket: SocketId, seat: SeatNo, peer: &PeerId, room: &RoomId) -> String {
    item("J", room.as_str(), |head| {
        write!(head, " {} {} {peer}", socket.0, seat.0)
    })
}

/// A head, `KIND BYTES WORD...`, a line's end, and so many bytes.
fn item(kind: &str, body: &str, words: impl Fn(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::with_capacity(64 + body.len());
    let written = write!(text, "{kind} {}", body.len()).and_then(|()| words(&mut text));
    debug_assert!(written.is_ok(), "a String takes whatever is written");
    text.push('\n');
    text.push_str(body);
    text
}

/// Reads what was published; `None` where it is of no form that this version knows.
pub(super) fn parse(mut text: &str) -> Option<Vec<Nudge>> {
    let mut nudges = Vec::new();
    while !text.is_empty() {
        let (head, rest) = text.split_once('\n')?;
        let mut words = head.split(' ');
        let kind = words.next()?;
        let bytes: usize = words.next()?.parse().ok()?;
        let body = rest.get(..bytes)?;
        text = rest.get(bytes..)?;
        nudges.push(match kind {
            "T" => Nudge::Tell {
                frame: Frame::from(body),
                seats: words.map(told).collect::<Option<_>>()?,
            },
            "S" => Nudge::Send {
                socket: socket(words.next()?)?,
                frame: Frame::from(body),
            },
            "C" => Nudge::Close {
                socket: socket(words.next()?)?,
                code: code(words.next()?)?,
            },
            "D" => Nudge::Door {
                socket: socket(words.next()?)?,
            },
            "J" => Nudge::Seated {
                socket: socket(words.next()?)?,
                seat: SeatNo(words.next()?.parse().ok()?),
                peer: PeerId::from(words.next()?),
                room: RoomId::from(body),
            },
            _ => return None,
        });
    }
    Some(nudges)
}

fn socket(word: &str) -> Option<SocketId> {
    word.parse().ok().map(SocketId)
}

/// What a room closes sockets with.
fn code(word: &str) -> Option<CloseCode> {
    let codes = [
        CloseCode::Draining,
        CloseCode::Kicked,
        CloseCode::Ended,
        CloseCode::TakenOver,
    ];
    let number: u16 = word.parse().ok()?;
    codes.into_iter().find(|code| *code as u16 == number)
}

fn told(word: &str) -> Option<(PeerId, u64)> {
    let (peer, seq) = word.split_once(':')?;
    Some((PeerId::from(peer), seq.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let frame = Frame::from("{\"type\":\"message\",\"data\":\"a\\n\u{1f600}\"}");
        let room = RoomId::from("a room\nof two lines");
        let text = [
            send(SocketId(3), &frame),
            close(SocketId(4), CloseCode::Kicked),
            format!("T {} p_-1:7 q:8\n{frame}", frame.len()),
            door(SocketId(5)),
            seated(SocketId(6), SeatNo(2), &PeerId::from("p_-1"), &room),
        ]
        .concat();
        let expected = vec![
            Nudge::Send {
                socket: SocketId(3),
                frame: frame.clone(),
            },
            Nudge::Close {
                socket: SocketId(4),
                code: CloseCode::Kicked,
            },
            Nudge::Tell {
                frame,
                seats: vec![(PeerId::from("p_-1"), 7), (PeerId::from("q"), 8)],
            },
            Nudge::Door { socket: SocketId(5) },
            Nudge::Seated {
                socket: SocketId(6),
                seat: SeatNo(2),
                peer: PeerId::from("p_-1"),
                room,
            },
        ];
        assert_eq!(parse(&text), Some(expected));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let text = send(SocketId(3), &Frame::from("{}"));
        for end in 1..text.len() {
            assert_eq!(parse(&text[..end]), None, "{end}");
        }
        assert_eq!(parse("X 0\n"), None);
    }
}
