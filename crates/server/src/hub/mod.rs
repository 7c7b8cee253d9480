//! Where sockets meet the core.

mod memory;

use crate::outlet::{Inbox, outlet};
use memory::Memory;
use snug_protocol::{ClientFrame, Limits};
use snug_room::{Rooms, SocketId};
use std::net::IpAddr;
use std::sync::Arc;

/// The rooms of this server, as its sockets and its operator see them.
#[derive(Clone)]
pub(crate) struct Hub {
    rooms: Arc<Memory>,
    /// Frames and bytes that may wait for one socket.
    most: (usize, usize),
}

/// The server takes no frames any more.
#[derive(Debug)]
pub(crate) struct Ended;

impl Hub {
    pub(crate) fn new(rooms: Rooms, limits: &Limits) -> Self {
        let (messages, bytes) = limits.outbox;
        Self {
            rooms: Arc::new(Memory::new(rooms)),
            // A resume replays a whole outbox at once, and that is no sign of a slow reader.
            most: (messages + 256, 2 * bytes + limits.frame_bytes),
        }
    }

    /// Keeps the core's deadlines, for ever.
    pub(crate) async fn keep_time(self) {
        self.rooms.keep_time().await;
    }

    /// A socket opened. What it is to be sent arrives in the inbox.
    pub(crate) fn open(&self, address: IpAddr) -> (SocketId, Inbox) {
        let (outlet, inbox) = outlet(self.most);
        (self.rooms.open(address, outlet), inbox)
    }

    /// A frame came, parsed and within its rate. It waits while the rooms cannot take it.
    pub(crate) async fn frame(&self, socket: SocketId, frame: ClientFrame) -> Result<(), Ended> {
        self.rooms.frame(socket, frame)
    }

    /// The socket is gone.
    pub(crate) async fn closed(&self, socket: SocketId) {
        self.rooms.closed(socket);
    }

    /// Tells everyone to resume elsewhere, and takes nobody any more.
    pub(crate) async fn drain(&self) {
        self.rooms.drain();
    }
}
