//! Rooms that live in Redis: any node serves any client. README.md, beside this file, says how and why.
//!
//! ```text
//! socket --> local: where is it? --> desk (one a room): load, run the core, commit --> Redis
//!    ^                                                    (again, if another node was first)  |
//!    +------ local: outlets, in order  <======== nudges, published to this node ==============+
//!                 ^                                                                           |
//!                 +--- what is missing: read the seat's stream  <-----------------------------+
//! ```

mod desk;
mod keeper;
mod link;
mod local;
mod nudge;
mod reply;
mod step;
mod take;

use super::Ended;
use crate::observer::Observer;
use crate::outlet::Outlet;
use desk::{Ask, Desk, Mail, QUEUE};
use futures_util::future::join_all;
use link::{Down, Link};
use local::{Local, Place, Todo};
use redis::RedisError;
use snug_protocol::{ClientFrame, ClientMessage, IceServer, Join, Limits, RoomId, ServerMessage};
use snug_room::{
    Admin, AdminReply, Dice, Event, Grant, Holder, Millis, Outcome, Refusal, Room, RoomInfo, RoomPlace, SocketId,
};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What all keys begin with.
const PREFIX: &str = "snug:";

/// How long a first join waits for the first connection, and the end of a socket for the rooms to hear of it. They hear
/// of it later, if not by then.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many rooms are asked for at a time, for a list of all.
const AT_ONCE: usize = 128;

/// This process as one of the nodes that share their rooms.
pub(in crate::hub) struct Redis {
    observer: Arc<Observer>,
    limits: Limits,
    ice_servers: Vec<IceServer>,
    link: Link,
    local: Mutex<Local>,
    desks: Mutex<HashMap<RoomId, mpsc::Sender<Mail>>>,
    dice: Mutex<Dice>,
    /// The clock of rooms, as the last sign of life told it.
    clock: Mutex<Option<(Millis, Instant)>>,
    /// When rooms are looked for next that want to be told the time.
    due: Mutex<Millis>,
    /// That came nearer.
    nearer: Notify,
    commits: AtomicU64,
    /// All that runs for this node; they end with [`Redis::keep_time`].
    tasks: Mutex<JoinSet<()>>,
}

impl Redis {
    /// # Errors
    /// When the URL is none of Redis.
    pub(in crate::hub) fn new(
        url: &str,
        config: snug_room::Config,
        seed: [u8; 32],
        observer: Arc<Observer>,
    ) -> Result<Self, RedisError> {
        Ok(Self {
            observer,
            limits: config.limits,
            ice_servers: config.ice_servers,
            link: Link::new(url)?,
            local: Mutex::new(Local::new(new_node())),
            desks: Mutex::new(HashMap::new()),
            dice: Mutex::new(Dice::new(seed)),
            clock: Mutex::new(None),
            due: Mutex::new(Millis::MAX),
            nearer: Notify::new(),
            commits: AtomicU64::new(0),
            tasks: Mutex::new(JoinSet::new()),
        })
    }

    /// Why nobody can be served now.
    pub(in crate::hub) fn trouble(&self) -> Option<String> {
        self.link.trouble()
    }

    pub(in crate::hub) fn open(&self, address: IpAddr, outlet: Outlet) -> SocketId {
        self.local().open(Instant::now(), address, outlet, &self.limits)
    }

    pub(in crate::hub) async fn frame(self: &Arc<Self>, socket: SocketId, frame: ClientFrame) -> Result<(), Ended> {
        let ClientFrame { id, message } = frame;
        if let ClientMessage::Join(join) = message {
            let ice_servers = self.ice_servers.clone();
            return self.join(socket, id, join, Grant::open(), ice_servers).await;
        }
        let place = {
            let local = self.local();
            match local.place(socket) {
                Some(place) => place.clone(),
                None if local.draining => return Err(Ended),
                None => return Ok(()), // It was closed while this frame was on its way.
            }
        };
        match (place, message) {
            (Place::Seat { room, seat, .. }, message) => {
                let is_last = matches!(message, ClientMessage::Leave | ClientMessage::End { .. });
                let frame = ClientFrame { id, message };
                self.tell(&room, Ask::Said { socket, seat, frame }, is_last).await;
            }
            (Place::Door { .. } | Place::Waiting { .. }, ClientMessage::Ping { seq }) => {
                self.send(socket, &ServerMessage::Pong { seq });
                self.answer(socket, id, Outcome::QUIET);
            }
            (Place::Door { .. }, _) => self.answer(socket, id, Outcome::Refused(Refusal::NotJoined)),
            (Place::Waiting { room, peer }, ClientMessage::Leave) => {
                self.tell(&room, Ask::GiveUp { socket, peer, id }, true).await;
            }
            (Place::Waiting { .. }, _) => self.answer(socket, id, Outcome::Refused(Refusal::NotAdmitted)),
        }
        Ok(())
    }

    /// A `join`, and what its token allows.
    pub(in crate::hub) async fn join(
        self: &Arc<Self>,
        socket: SocketId,
        id: Option<u64>,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
    ) -> Result<(), Ended> {
        // A server that has just started is about to connect.
        timeout(PATIENCE, self.link.has_been_up()).await.ok();
        let place = self.local().place(socket).cloned();
        match place {
            None => return Ok(()),
            Some(Place::Waiting { .. }) => self.answer(socket, id, Outcome::Refused(Refusal::AlreadyWaiting)),
            Some(Place::Seat { room, seat, .. }) => {
                // It is a request like any other, and what it proves and is answered is remembered.
                let message = ClientMessage::Join(join);
                let frame = ClientFrame { id, message };
                self.tell(&room, Ask::Said { socket, seat, frame }, false).await;
            }
            Some(Place::Door { .. }) => {
                let may = self.local().may_join(Instant::now(), socket, &self.limits);
                if let Err(wait) = may {
                    self.send(socket, &Refusal::TooManyJoins.message(id, Some(wait)));
                    return Ok(());
                }
                if join.room_id.as_str().chars().nth(self.limits.room_id_chars).is_some() {
                    // Not even a key is made of it.
                    self.answer(socket, id, Outcome::Refused(Refusal::BadRoomId));
                    return Ok(());
                }
                let room = join.room_id.clone();
                let ask = Ask::Join {
                    socket,
                    id,
                    join,
                    grant,
                    ice_servers,
                };
                self.local().stop_idling(socket);
                self.tell(&room, ask, true).await;
                self.local().idle_on(socket);
            }
        }
        Ok(())
    }

    pub(in crate::hub) async fn closed(self: &Arc<Self>, socket: SocketId) {
        let (holder, place) = {
            let mut local = self.local();
            (local.holder(socket), local.forget(socket))
        };
        let (room, place) = match place {
            None | Some(Place::Door { .. }) => return,
            Some(Place::Waiting { room, peer }) => (room, RoomPlace::Waiting(peer)),
            Some(Place::Seat { room, seat, .. }) => (room, RoomPlace::Seat(seat)),
        };
        let told = self.tell(&room, Ask::Lost { holder, place }, true);
        // If the time is over, it is told nevertheless: the desk has it.
        timeout(PATIENCE, told).await.ok();
    }

    /// Sends everyone to other nodes; their seats wait for them there.
    pub(in crate::hub) fn drain(&self) {
        let mut local = self.local();
        local.draining = true;
        local.send_all_away();
    }

    pub(in crate::hub) async fn admin(self: &Arc<Self>, admin: Admin) -> AdminReply {
        if self.local().draining {
            return AdminReply::Unavailable;
        }
        let room = match &admin {
            Admin::Create { room, .. } | Admin::End { room, .. } | Admin::Kick { room, .. } => room.clone(),
        };
        self.tell(&room, Ask::Admin(admin), true).await
    }

    /// Every room of all nodes, in no order; `None` where they cannot be had.
    pub(in crate::hub) async fn list(&self) -> Option<Vec<RoomInfo>> {
        let now = self.now()?;
        let mut command = redis::cmd("SMEMBERS");
        command.arg(format!("{PREFIX}rooms"));
        let ids: Vec<String> = self.link.run(&command).await.ok()?;
        let mut rooms = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            for room in join_all(ids.iter().map(|id| self.load(id))).await {
                rooms.extend(room.ok()?.map(|room| room.info(now)));
            }
        }
        Some(rooms)
    }

    /// One room; an error where that cannot be known.
    pub(in crate::hub) async fn room(&self, id: &RoomId) -> Result<Option<RoomInfo>, Ended> {
        let now = self.now().ok_or(Ended)?;
        let room = self.load(id.as_str()).await.map_err(|Down| Ended)?;
        Ok(room.map(|room| room.info(now)))
    }

    /// Sockets and seats of this node.
    pub(in crate::hub) fn counts(&self) -> (usize, usize) {
        self.local().counts()
    }

    async fn load(&self, id: &str) -> Result<Option<Room>, Down> {
        let mut command = redis::cmd("HGET");
        command.arg(key("room", id)).arg("state");
        let state: Option<String> = self.link.run(&command).await?;
        Ok(state.and_then(|state| serde_json::from_str(&state).ok()))
    }

    /// Tells a room something, and waits until that is done where `wait` says so. It waits in any case while the room
    /// has too much to do.
    async fn tell(self: &Arc<Self>, room: &RoomId, ask: Ask, wait: bool) -> AdminReply {
        let (done, is_done) = oneshot::channel();
        let done = wait.then_some(done);
        let desk = self.desk(room);
        // A desk ends only with the server.
        if desk.send(Mail { ask, done }).await.is_err() || !wait {
            return AdminReply::Unavailable;
        }
        is_done.await.unwrap_or(AdminReply::Unavailable)
    }

    fn desk(self: &Arc<Self>, room: &RoomId) -> mpsc::Sender<Mail> {
        let mut desks = lock(&self.desks);
        if let Some(desk) = desks.get(room) {
            return desk.clone();
        }
        let (desk, mail) = mpsc::channel(QUEUE);
        desks.insert(room.clone(), desk.clone());
        let task = Desk::new(self.clone(), room.clone(), mail);
        drop(desks);
        self.spawn(task.run());
        desk
    }

    /// Lets a desk go, if nobody has anything for it or is about to.
    fn leave(&self, room: &RoomId, mail: &mpsc::Receiver<Mail>) -> bool {
        let mut desks = lock(&self.desks);
        // Who wants to send has a clone, and gets it under this lock.
        let alone = desks.get(room).is_none_or(|desk| desk.strong_count() == 1) && mail.is_empty();
        if alone {
            desks.remove(room);
        }
        alone
    }

    fn follow(self: &Arc<Self>, todo: Vec<Todo>) {
        for todo in todo {
            let node = self.clone();
            self.spawn(async move {
                match todo {
                    Todo::Fill(peer) => node.fill(peer).await,
                    Todo::Lost { room, holder, place } => {
                        node.tell(&room, Ask::Lost { holder, place }, false).await;
                    }
                }
            });
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn send(&self, socket: SocketId, message: &ServerMessage) {
        self.local().send(socket, message.text());
    }

    fn answer(&self, socket: SocketId, id: Option<u64>, outcome: Outcome) {
        if let Some(message) = outcome.answer(id) {
            self.send(socket, &message);
        }
    }

    fn happened(&self, event: &Event) {
        self.observer.happened(event.clone());
    }

    /// The clock of rooms.
    fn now(&self) -> Option<Millis> {
        let (then, at) = (*lock(&self.clock))?;
        Some(then + u64::try_from(at.elapsed().as_millis()).unwrap_or(0))
    }

    /// A room wants to be told the time then.
    fn due(&self, at: Millis) {
        let mut due = lock(&self.due);
        if at < *due {
            *due = at;
            self.nearer.notify_one();
        }
    }

    /// Names a commit, as no other one is named.
    fn name(&self, node: u64) -> String {
        format!("{node}-{}", self.commits.fetch_add(1, Ordering::Relaxed))
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        lock(&self.local)
    }

    fn dice(&self) -> MutexGuard<'_, Dice> {
        lock(&self.dice)
    }
}

fn key(kind: &str, id: &str) -> String {
    format!("{PREFIX}{kind}:{id}")
}

fn holder_name(holder: Holder) -> String {
    step::named(holder)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_node() -> u64 {
    // JSON readers of any kind can read it.
    roll(1 << 53)
}

/// A number below `end`, to spread what would happen at once otherwise; no secret.
fn roll(end: u64) -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes) % end.max(1),
        Err(_) => 0,
    }
}
