//! The words of the wire, and nothing else: no logic, no I/O.
//!
//! One WebSocket per client, JSON text frames, one message a frame. PROTOCOL.md, at the root of the repository, has the
//! numbered rules; the names and shapes are here, once. The TypeScript twins in `ui/src/generated` are written from these
//! types (`./dev gen`), and a test fails when they differ.

mod client;
mod error;
mod ice;
mod ids;
mod json;
mod limits;
mod payload;
mod relay;
mod scan;
mod server;
mod shared;
mod track;

pub use client::{ClientFrame, ClientMessage, Join, Resume};
pub use error::{CloseCode, ErrorCode, ParseError};
pub use ice::IceServer;
pub use ids::{Identity, PeerId, ResumeToken, RoomId, TrackId};
pub use limits::Limits;
pub use payload::Payload;
pub use relay::{Relay, RelayKind};
pub use server::{Joined, LeaveReason, PeerInfo, Role, ServerMessage, Topology};
pub use track::{MediaKind, TrackInfo};

/// The version of the protocol that this crate speaks. A client announces none; the server says its own in `joined`.
pub const PROTOCOL_VERSION: u32 = 1;
