//! Where sockets meet the core: in this process, or in Redis, which many processes share.

mod memory;
mod redis;

use crate::config::Secret;
use crate::metrics::{Gauges, Metrics, Word};
use crate::observer::Observer;
use crate::outlet::{Inbox, outlet};
use memory::Memory;
use redis::Redis;
use snug_protocol::{ClientFrame, IceServer, Join, Relay, RoomId};
use snug_room::{Admin, AdminReply, Config, Grant, Input, RoomInfo, Rooms, SocketId};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// The rooms of this server, as its sockets and its operator see them.
#[derive(Clone)]
pub(crate) struct Hub {
    rooms: Store,
    /// Frames and bytes that may wait for one socket.
    most: (usize, usize),
    observer: Arc<Observer>,
}

/// The server takes no frames any more.
#[derive(Debug)]
pub(crate) struct Ended;

/// The rooms cannot be reached now.
#[derive(Debug)]
pub(crate) struct Unavailable;

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
    pub(crate) fn new(
        config: Config,
        redis: Option<&Secret>,
        seed: [u8; 32],
        observer: Arc<Observer>,
    ) -> io::Result<Self> {
        let (messages, bytes) = config.limits.outbox;
        // A resume replays a whole outbox at once, and that is no sign of a slow reader.
        let most = (messages + 256, 2 * bytes + config.limits.frame_bytes);
        let rooms = match redis {
            None => Store::Memory(Arc::new(Memory::new(Rooms::new(config, seed), observer.clone()))),
            Some(url) => {
                let redis = Redis::new(url.reveal(), config, seed, observer.clone());
                // Its own words might show the password.
                let redis =
                    redis.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "this is no URL of a Redis"))?;
                Store::Redis(Arc::new(redis))
            }
        };
        Ok(Self { rooms, most, observer })
    }

    /// Why nobody can join now, where that is so.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.rooms {
            Store::Memory(_) => None,
            Store::Redis(redis) => redis.trouble(),
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.observer.metrics
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
        self.metrics().opened();
        let (outlet, inbox) = outlet(self.most, self.observer.metrics.clone());
        let socket = match &self.rooms {
            Store::Memory(memory) => memory.open(address, outlet),
            Store::Redis(redis) => redis.open(address, outlet),
        };
        (socket, inbox)
    }

    /// A frame came, parsed and within its rate. It waits while the rooms cannot take it.
    pub(crate) async fn frame(&self, socket: SocketId, now: Instant, frame: ClientFrame) -> Result<(), Ended> {
        let timed = self.timed(Word::from(&frame.message));
        let taken = match &self.rooms {
            Store::Memory(memory) => memory.take(now, Input::Frame { socket, frame }),
            Store::Redis(redis) => Box::pin(redis.frame(socket, frame)).await,
        };
        self.took(timed);
        taken
    }

    /// The same for a frame that is relayed unread.
    pub(crate) async fn relay(&self, socket: SocketId, now: Instant, relay: &Relay<'_>) -> Result<(), Ended> {
        let timed = self.timed(Word::from(relay.kind));
        let taken = match &self.rooms {
            Store::Memory(memory) => memory.relay(now, socket, relay),
            Store::Redis(redis) => Box::pin(redis.frame(socket, relay.to_frame())).await,
        };
        self.took(timed);
        taken
    }

    /// Counts a frame; since when, if it is one that is timed.
    fn timed(&self, word: Word) -> Option<Instant> {
        self.metrics().received(word).then(Instant::now)
    }

    fn took(&self, timed: Option<Instant>) {
        if let Some(came) = timed {
            self.metrics().relayed(came.elapsed());
        }
    }

    /// A `join` came, within its rate, and this is what its token allows.
    pub(crate) async fn join(
        &self,
        socket: SocketId,
        id: Option<u64>,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
    ) -> Result<(), Ended> {
        self.metrics().received(Word::Join);
        match &self.rooms {
            Store::Memory(memory) => memory.take(
                Instant::now(),
                Input::Join {
                    socket,
                    id,
                    join,
                    grant,
                    ice_servers,
                },
            ),
            Store::Redis(redis) => Box::pin(redis.join(socket, id, join, grant, ice_servers)).await,
        }
    }

    /// The socket is gone.
    pub(crate) async fn closed(&self, socket: SocketId) {
        self.metrics().gone();
        match &self.rooms {
            Store::Memory(memory) => memory.closed(socket),
            Store::Redis(redis) => Box::pin(redis.closed(socket)).await,
        }
    }

    /// Tells everyone to resume elsewhere, and takes nobody any more.
    pub(crate) async fn drain(&self) {
        match &self.rooms {
            Store::Memory(memory) => memory.drain(),
            Store::Redis(redis) => redis.drain(),
        }
    }

    /// Does what an operator asks for.
    pub(crate) async fn admin(&self, admin: Admin) -> Result<AdminReply, Unavailable> {
        match &self.rooms {
            Store::Memory(memory) => Ok(memory.admin(admin)),
            Store::Redis(redis) => Ok(redis.admin(admin).await),
        }
    }

    /// Every room, in no order.
    pub(crate) async fn list(&self) -> Result<Vec<RoomInfo>, Unavailable> {
        match &self.rooms {
            Store::Memory(memory) => Ok(memory.list()),
            Store::Redis(redis) => redis.list().await.ok_or(Unavailable),
        }
    }

    /// One room, where there is one.
    pub(crate) async fn room(&self, id: &RoomId) -> Result<Option<RoomInfo>, Unavailable> {
        match &self.rooms {
            Store::Memory(memory) => Ok(memory.room(id)),
            Store::Redis(redis) => redis.room(id).await.map_err(|_| Unavailable),
        }
    }

    /// How many there are of what; of rooms that many processes share, only this one's part.
    pub(crate) fn gauges(&self) -> Gauges {
        match &self.rooms {
            Store::Memory(memory) => Gauges::of(&memory.list()),
            Store::Redis(redis) => Gauges::of_node(redis.counts().1),
        }
    }
}
