//! Where sockets meet the core: in this process, or in Redis, which many processes share.

mod memory;
mod redis;

use crate::config::Secret;
use crate::outlet::{Inbox, outlet};
use memory::Memory;
use redis::Redis;
use snug_protocol::ClientFrame;
use snug_room::{Config, Rooms, SocketId};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

/// The rooms of this server, as its sockets and its operator see them.
#[derive(Clone)]
pub(crate) struct Hub {
    rooms: Store,
    /// Frames and bytes that may wait for one socket.
    most: (usize, usize),
}

/// The server takes no frames any more.
#[derive(Debug)]
pub(crate) struct Ended;

#[derive(Clone)]
enum Store {
    Memory(Arc<Memory>),
    Redis(Arc<Redis>),
}

impl Hub {
    /// Rooms of this process, or those in the Redis at this URL. Whoever knows `seed` knows every peerId and resume token
    /// that this process gives.
    ///
    /// # Errors
    /// When the URL is none of Redis. Whether there is one is not asked: see [`Hub::trouble`].
    pub(crate) fn new(config: Config, redis: Option<&Secret>, seed: [u8; 32]) -> io::Result<Self> {
        let (messages, bytes) = config.limits.outbox;
        // A resume replays a whole outbox at once, and that is no sign of a slow reader.
        let most = (messages + 256, 2 * bytes + config.limits.frame_bytes);
        let rooms = match redis {
            None => Store::Memory(Arc::new(Memory::new(Rooms::new(config, seed)))),
            Some(url) => {
                let redis = Redis::new(url.reveal(), config, seed);
                // Its own words might show the password.
                let redis =
                    redis.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "this is no URL of a Redis"))?;
                Store::Redis(Arc::new(redis))
            }
        };
        Ok(Self { rooms, most })
    }

    /// Why nobody can join now, where that is so.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.rooms {
            Store::Memory(_) => None,
            Store::Redis(redis) => redis.trouble(),
        }
    }

    /// Keeps the core's deadlines, for ever.
    pub(crate) async fn keep_time(self) {
        match &self.rooms {
            Store::Memory(memory) => memory.keep_time().await,
            Store::Redis(redis) => redis.keep_time().await,
        }
    }

    /// A socket opened. What it is to be sent arrives in the inbox.
    pub(crate) fn open(&self, address: IpAddr) -> (SocketId, Inbox) {
        let (outlet, inbox) = outlet(self.most);
        let socket = match &self.rooms {
            Store::Memory(memory) => memory.open(address, outlet),
            Store::Redis(redis) => redis.open(address, outlet),
        };
        (socket, inbox)
    }

    /// A frame came, parsed and within its rate. It waits while the rooms cannot take it.
    pub(crate) async fn frame(&self, socket: SocketId, frame: ClientFrame) -> Result<(), Ended> {
        match &self.rooms {
            Store::Memory(memory) => memory.frame(socket, frame),
            Store::Redis(redis) => redis.frame(socket, frame).await,
        }
    }

    /// The socket is gone.
    pub(crate) async fn closed(&self, socket: SocketId) {
        match &self.rooms {
            Store::Memory(memory) => memory.closed(socket),
            Store::Redis(redis) => redis.closed(socket).await,
        }
    }

    /// Tells everyone to resume elsewhere, and takes nobody any more.
    pub(crate) async fn drain(&self) {
        match &self.rooms {
            Store::Memory(memory) => memory.drain(),
            Store::Redis(redis) => redis.drain(),
        }
    }
}
