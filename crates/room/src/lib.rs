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

mod bucket;
mod dice;
mod gate;
mod grant;
mod map;
mod outcome;
mod room;
mod rooms;

pub use bucket::Bucket;
pub use dice::Dice;
pub use gate::{Gate, Verdict};
pub use grant::{Grant, Rights};
pub use map::InTurn;
pub use outcome::{Outcome, Refusal};
pub use room::{Claim, Effect, Holder, Millis, Presence, Room, RoomInfo, RoomInput, RoomPlace, SeatInfo, SeatNo, Turn};
pub use rooms::{Admin, AdminReply, Answered, Config, Rooms};

use serde::{Deserialize, Serialize};
use snug_protocol::{ClientFrame, CloseCode, IceServer, Identity, Join, LeaveReason, PeerId, RoomId};
use std::net::IpAddr;
use std::sync::Arc;

/// One encoded message, shared by everyone who is sent it.
pub type Frame = Arc<str>;

/// A socket's name, chosen by the driver, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Driver: a socket opened. Joins are counted by its address, where there is one.
    Opened { socket: SocketId, address: Option<IpAddr> },
    /// Client: a frame came, parsed and within its rate. A `join` in it is one of an open server.
    Frame { socket: SocketId, frame: ClientFrame },
    /// Client: a `join` came, and the driver found out what its token allows.
    Join {
        socket: SocketId,
        id: Option<u64>,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
    },
    /// Driver: the socket is gone, or does not read what it is sent.
    Closed { socket: SocketId },
    /// Operator: see [`Output::Admin`] for what becomes of it.
    Admin(Admin),
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
    /// A step in the life of a room or a seat, for the log and for whoever listens.
    Happened(Box<Event>),
    /// The answer to an [`Input::Admin`]; the last of its outputs.
    Admin(AdminReply),
}

/// The trace points of the join's walk that lie in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The core let the client in.
    Room = 7,
    /// The seat is stored.
    Store = 8,
}

/// A step in the life of a room or a seat. `seats` is how many there are after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    RoomStarted {
        room: RoomId,
    },
    Joined {
        room: RoomId,
        peer: PeerId,
        identity: Identity,
        name: Option<String>,
        seats: usize,
    },
    /// Somebody waits to be let in.
    Waiting {
        room: RoomId,
        peer: PeerId,
        identity: Identity,
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
        identity: Identity,
        reason: LeaveReason,
        seats: usize,
        stayed_ms: u64,
    },
    RoomEnded {
        room: RoomId,
        lasted_ms: u64,
    },
}

/// A room's number within one process: grows, and is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomNo(u64);

/// Why the core wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The socket has not joined.
    Idle(SocketId),
    /// Something in this room is over: somebody's grace period, for one.
    Room(RoomNo),
    /// Addresses whose joins need not be counted any more.
    Joins,
}
