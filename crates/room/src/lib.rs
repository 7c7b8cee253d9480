//! The server's core: who sits where, who hears what.
//!
//! Sans-IO: [`Rooms::handle`] takes the time and an [`Input`] and says what to do as [`Output`]s; [`Rooms::deadline`]
//! says when to call again with [`Input::Tick`]. There is no socket, clock, dice or await in here; the secrets come from a
//! generator that the driver seeds. PROTOCOL.md has the numbered rules that the comments and the tests name.
//!
//! ```text
//!            Opened                 join                     Closed, or a stalled reader
//! (nothing) --------> at the door ---------> seated, live -----------------------------+
//!                       ^   |   ^  left, full     |  ^                                 |
//!                       |   +---------------------+  |  resume (another socket)        v
//!                 idle: closed                       +---------------------------  seated, away
//!                                                                                      |  grace over,
//!                                                                                      v  outbox full
//!                                                                                   (nothing)
//! ```

mod answered;
mod bucket;
mod dice;
mod gate;
mod join;
mod outbox;
mod relay;
mod resume;
mod rooms;
mod seat;

pub use bucket::Bucket;
pub use gate::{Gate, Verdict};
pub use rooms::{Config, Rooms};

use snug_protocol::{ClientFrame, CloseCode, LeaveReason, PeerId, RoomId};
use std::net::IpAddr;
use std::sync::Arc;

/// One encoded message, shared by everyone who is sent it.
pub type Frame = Arc<str>;

/// A socket's name, chosen by the driver, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Driver: a socket opened. Joins are counted by its address, where there is one.
    Opened { socket: SocketId, address: Option<IpAddr> },
    /// Client: a frame came, parsed and within its rate.
    Frame { socket: SocketId, frame: ClientFrame },
    /// Driver: the socket is gone, or does not read what it is sent.
    Closed { socket: SocketId },
    /// Driver: the deadline passed.
    Tick,
    /// Operator: the server ends. Everyone is told to resume elsewhere, and nobody comes in any more.
    Drain,
}

/// What to do about it, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    Send {
        socket: SocketId,
        frame: Frame,
    },
    /// Close, once the frames before are written. The core has forgotten this socket already.
    Close {
        socket: SocketId,
        code: CloseCode,
    },
    /// A join that carries a `joinId` passed this point.
    Trace {
        join_id: String,
        point: Point,
    },
    /// A step in a seat's life, for the log.
    Happened(Event),
}

/// The trace points of the join's walk that lie in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The core let the client in.
    Room = 7,
    /// The seat is stored.
    Store = 8,
}

/// A step in a seat's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Joined {
        room: RoomId,
        peer: PeerId,
        seats: usize,
    },
    Away {
        room: RoomId,
        peer: PeerId,
    },
    /// `taken_over`: the old socket still looked alive.
    Resumed {
        room: RoomId,
        peer: PeerId,
        replayed: usize,
        taken_over: bool,
    },
    Left {
        room: RoomId,
        peer: PeerId,
        reason: LeaveReason,
    },
    RoomEmpty {
        room: RoomId,
    },
}

/// Why the core wants to be called again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The socket has not joined.
    Idle(SocketId),
    /// The seat's socket has not come back.
    Grace(PeerId),
}
