//! One room on this node: takes what the room is told, one thing after another, and commits it.

use super::Redis;
use super::link::Down;
use super::reply::Reply;
use super::step::{Envelope, Next, Step};
use snug_protocol::{ClientFrame, ErrorCode, IceServer, Join, PeerId, RoomId, ServerMessage};
use snug_room::{
    Admin, AdminReply, Answered, Effect, Frame, Grant, Holder, Presence, Refusal, Room, RoomPlace, SeatNo, SocketId,
};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tracing::{debug, error};

/// How many inputs may wait for one room on one node. A full queue holds up who fills it.
pub(super) const QUEUE: usize = 256;
/// How many of them one commit may take.
const BATCH: usize = 64;
/// How often a commit is tried against others that come first.
const ATTEMPTS: u32 = 200;
/// How long a room that nobody here speaks to is kept at hand.
const IDLE: Duration = Duration::from_secs(30);

/// What a room is told.
#[derive(Debug)]
pub(super) enum Ask {
    Said {
        socket: SocketId,
        seat: SeatNo,
        frame: ClientFrame,
    },
    Join {
        socket: SocketId,
        id: Option<u64>,
        join: Join,
        grant: Grant,
        ice_servers: Vec<IceServer>,
    },
    GiveUp {
        socket: SocketId,
        peer: PeerId,
        id: Option<u64>,
    },
    Lost {
        holder: Holder,
        place: RoomPlace,
    },
    Drop {
        seat: SeatNo,
    },
    /// A node is dead: whoever it had is away.
    Dead {
        node: u64,
    },
    Tick,
    Admin(Admin),
}

/// What a room is told, and who waits for that.
pub(super) struct Mail {
    pub(super) ask: Ask,
    pub(super) done: Option<oneshot::Sender<AdminReply>>,
}

/// The room as this node knows it.
pub(super) struct Loaded {
    /// Empty where there is no room.
    pub(super) tag: String,
    pub(super) room: Option<Room>,
    /// The version that is stored.
    version: u64,
    /// As they are stored.
    pub(super) seats: Vec<(SeatNo, PeerId, Presence)>,
    nodes: BTreeSet<u64>,
    /// Of the seats that this node has.
    pub(super) answered: HashMap<SeatNo, Answered>,
}

pub(super) struct Desk {
    pub(super) node: Arc<Redis>,
    pub(super) id: RoomId,
    mail: mpsc::Receiver<Mail>,
    waiting: VecDeque<Mail>,
    /// What must be stored once there is a store again.
    pub(super) owed: Vec<Ask>,
    pub(super) loaded: Option<Loaded>,
    pub(super) effects: Vec<Effect>,
}

impl Desk {
    pub(super) fn new(node: Arc<Redis>, id: RoomId, mail: mpsc::Receiver<Mail>) -> Self {
        Self {
            node,
            id,
            mail,
            waiting: VecDeque::new(),
            owed: Vec::new(),
            loaded: None,
            effects: Vec::new(),
        }
    }

    /// Runs until nobody here has to do with the room.
    pub(super) async fn run(mut self) {
        loop {
            if !self.owed.is_empty() && self.node.link.is_up() {
                let owed = std::mem::take(&mut self.owed);
                self.waiting
                    .extend(owed.into_iter().map(|ask| Mail { ask, done: None }));
            }
            if self.waiting.is_empty() && !self.receive().await {
                return;
            }
            while self.waiting.len() < BATCH
                && let Ok(mail) = self.mail.try_recv()
            {
                self.waiting.push_back(mail);
            }
            let batch = self.batch();
            self.step(batch).await;
        }
    }

    /// Waits for mail; `false` when the desk is closed.
    async fn receive(&mut self) -> bool {
        let is_over = self.loaded.as_ref().is_none_or(|loaded| loaded.room.is_none());
        if is_over && self.owed.is_empty() && self.node.leave(&self.id, &self.mail) {
            return false;
        }
        let back = async {
            if self.owed.is_empty() {
                sleep(IDLE).await;
            } else {
                self.node.link.is_back().await;
            }
        };
        tokio::select! {
            mail = self.mail.recv() => match mail {
                Some(mail) => self.waiting.push_back(mail),
                None => return false,
            },
            () = back => return !(self.owed.is_empty() && self.node.leave(&self.id, &self.mail)),
        }
        true
    }

    /// What goes into the next commit: joins and orders by themselves, requests of one id apart.
    fn batch(&mut self) -> Vec<Mail> {
        let mut batch: Vec<Mail> = Vec::new();
        let mut ids: BTreeSet<(SeatNo, u64)> = BTreeSet::new();
        while let Some(mail) = self.waiting.front() {
            let alone = match &mail.ask {
                Ask::Join { .. } | Ask::GiveUp { .. } | Ask::Admin(_) | Ask::Drop { .. } => true,
                Ask::Said { seat, frame, .. } => frame.id.is_some_and(|id| !ids.insert((*seat, id))),
                Ask::Lost { .. } | Ask::Dead { .. } | Ask::Tick => false,
            };
            if batch.len() >= BATCH || (alone && !batch.is_empty()) {
                break;
            }
            let starts_alone = matches!(
                &mail.ask,
                Ask::Join { .. } | Ask::GiveUp { .. } | Ask::Admin(_) | Ask::Drop { .. }
            );
            batch.extend(self.waiting.pop_front());
            if starts_alone {
                break;
            }
        }
        batch
    }

    async fn step(&mut self, batch: Vec<Mail>) {
        let reply = self.commit(&batch).await;
        if reply.is_err() {
            self.loaded = None;
        }
        let refused = reply.is_err() && self.node.link.is_up();
        for mail in batch {
            if reply.is_err() {
                self.refuse(mail.ask);
            }
            if let Some(done) = mail.done {
                // Whoever waited may have gone.
                done.send(reply.unwrap_or(AdminReply::Unavailable)).ok();
            }
        }
        if refused {
            // Redis is there and takes nothing: asking at once again would only make it worse.
            sleep(Duration::from_millis(100 + super::roll(200))).await;
        }
    }

    /// The store is out of reach: whoever asked is told so, and what happened anyway is owed.
    fn refuse(&mut self, ask: Ask) {
        let (socket, id) = match ask {
            Ask::Said { socket, frame, .. } => (socket, frame.id),
            Ask::Join { socket, id, .. } | Ask::GiveUp { socket, id, .. } => (socket, id),
            Ask::Lost { .. } | Ask::Drop { .. } => return self.owed.push(ask),
            // Whoever finds them again does it.
            Ask::Dead { .. } | Ask::Tick | Ask::Admin(_) => return,
        };
        let error = ServerMessage::Error {
            id,
            code: ErrorCode::Unavailable,
            message: "the rooms cannot be reached: try again in a moment".to_owned(),
            retry_after_ms: Some(500 + super::roll(1000)),
        };
        self.node.local().send(socket, Frame::from(error.to_json()));
    }

    async fn commit(&mut self, batch: &[Mail]) -> Result<AdminReply, Down> {
        let mut far = false;
        for attempt in 0..ATTEMPTS {
            if self.loaded.as_ref().is_none_or(|loaded| loaded.room.is_none()) {
                self.load().await?;
            }
            self.recall(batch).await?;
            let now = self.node.now().ok_or(Down)?;
            let node = self.node.local().node;
            let (mut step, reply) = self.take(now, node, batch, far);
            let next = self.next(&mut step);
            let tag = self.loaded.as_ref().map(|loaded| loaded.tag.clone()).ok_or(Down)?;
            if tag.is_empty() && next.is_none() {
                self.finish(step, &[], None);
                return Ok(reply);
            }
            let name = self.node.name(node);
            let due = next.as_ref().and_then(|next| next.due);
            let (changes, ends) = (next.is_some(), next.as_ref().is_some_and(|next| next.state.is_none()));
            let command = step.command(&Envelope {
                prefix: super::PREFIX,
                room: self.id.as_str(),
                node,
                name: &name,
                tag: &tag,
                next,
                rooms: self.node.limits.rooms,
                outbox: self.node.limits.outbox,
            });
            self.node.local().start(&step.starting());
            let answer = self.node.link.run_surely(&command).await;
            let reply_of_store = answer.and_then(|(value, doubt)| {
                let reply = Reply::parse(value).ok_or(Down)?;
                // The room that this ended is gone, and the first answer was lost.
                let was_stored = doubt && ends && matches!(&reply, Reply::Conflict { tag, .. } if tag.is_empty());
                Ok(if was_stored { Reply::EMPTY } else { reply })
            });
            if let Ok(Reply::Stored { lost, over, reading }) = reply_of_store {
                if changes {
                    self.stored(name, ends);
                }
                if let Some(due) = due {
                    self.node.due(due);
                }
                self.finish(step, &lost, reading);
                self.drop_seats(&over);
                return Ok(reply);
            }
            self.node.local().stop(&step.starting());
            match reply_of_store? {
                Reply::Stored { .. } => {}
                Reply::Conflict { tag, state } => {
                    debug!(room = %self.id, attempt, "another node was first");
                    self.replace(tag, &state)?;
                }
                Reply::Far => {
                    far = true;
                    self.loaded = None;
                }
                Reply::TooManyRooms => {
                    self.loaded = None;
                    self.too_many_rooms(batch);
                    return Ok(AdminReply::Unavailable);
                }
            }
            if attempt >= 2 {
                sleep(Duration::from_micros(super::roll(500 * u64::from(attempt.min(40))))).await;
            }
        }
        error!(room = %self.id, "too many conflicts");
        Err(Down)
    }

    async fn load(&mut self) -> Result<(), Down> {
        let mut command = redis::cmd("HMGET");
        command
            .arg(super::key("room", self.id.as_str()))
            .arg("tag")
            .arg("state");
        let (tag, state): (Option<String>, Option<String>) = self.node.link.run(&command).await?;
        self.loaded = None;
        self.replace(tag.unwrap_or_default(), &state.unwrap_or_default())
    }

    /// Takes a newer state. What this node's seats were answered stays: nobody else answers them.
    fn replace(&mut self, tag: String, state: &str) -> Result<(), Down> {
        let answered = self.loaded.take().map(|loaded| loaded.answered).unwrap_or_default();
        let room = if tag.is_empty() {
            None
        } else {
            let room = serde_json::from_str(state);
            Some(room.map_err(|error| {
                error!(room = %self.id, %error, "what is stored is no room of this version");
                Down
            })?)
        };
        self.loaded = Some(Loaded::new(tag, room, answered));
        Ok(())
    }

    /// Reads what the seats of this batch were answered, where this node does not know it.
    async fn recall(&mut self, batch: &[Mail]) -> Result<(), Down> {
        for mail in batch {
            let Ask::Said { seat, frame, .. } = &mail.ask else {
                continue;
            };
            let Some(loaded) = &mut self.loaded else {
                return Err(Down);
            };
            if frame.id.is_none() || loaded.answered.contains_key(seat) {
                continue;
            }
            let Some(peer) = loaded.peer(*seat) else { continue };
            let mut outcomes = redis::cmd("ZRANGE");
            outcomes.arg(super::key("answered", peer.as_str())).arg(0).arg(-1);
            let mut forgotten = redis::cmd("HGET");
            forgotten.arg(super::key("seat", peer.as_str())).arg("forgotten");
            let outcomes: Vec<String> = self.node.link.run(&outcomes).await?;
            let forgotten: Option<String> = self.node.link.run(&forgotten).await?;
            let answered = super::reply::answered(&outcomes, forgotten.as_deref());
            loaded.answered.insert(*seat, answered);
        }
        Ok(())
    }

    /// The state to be stored, if it is another one, and what comes with it: who has which seat, on which nodes.
    fn next(&self, step: &mut Step) -> Option<Next> {
        let loaded = self.loaded.as_ref()?;
        let room = loaded.room.as_ref()?;
        if room.version() == loaded.version {
            return None;
        }
        if room.is_over() && loaded.tag.is_empty() {
            return None;
        }
        for (seat, peer, presence) in room.seats() {
            let before = loaded.seats.binary_search_by_key(&seat, |(seat, ..)| *seat).ok();
            if before.is_none_or(|at| loaded.seats[at].2 != presence) {
                step.holder(peer, holder(presence));
            }
        }
        let nodes = nodes(room);
        for node in nodes.difference(&loaded.nodes) {
            step.node(*node, true);
        }
        for node in loaded.nodes.difference(&nodes) {
            step.node(*node, false);
        }
        let state = if room.is_over() {
            None
        } else {
            // Strings, numbers and lists of them have a form in JSON.
            Some(serde_json::to_string(room).unwrap_or_default())
        };
        Some(Next {
            due: state.as_ref().and_then(|_| room.deadline()),
            state,
        })
    }

    fn stored(&mut self, tag: String, is_over: bool) {
        let Some(loaded) = self.loaded.take() else { return };
        let (tag, room) = if is_over {
            (String::new(), None)
        } else {
            (tag, loaded.room)
        };
        self.loaded = Some(Loaded::new(tag, room, loaded.answered));
    }

    /// Ends the sessions that could not keep what they missed (rule S3).
    fn drop_seats(&mut self, over: &[PeerId]) {
        let Some(loaded) = &self.loaded else { return };
        for (seat, peer, _) in &loaded.seats {
            if over.contains(peer) {
                let ask = Ask::Drop { seat: *seat };
                self.waiting.push_front(Mail { ask, done: None });
            }
        }
    }

    fn too_many_rooms(&self, batch: &[Mail]) {
        for mail in batch {
            if let Ask::Join { socket, id, .. } = &mail.ask {
                let error = Refusal::TooManyRooms.message(*id, None);
                self.node.local().send(*socket, Frame::from(error.to_json()));
            }
        }
    }
}

impl Loaded {
    fn new(tag: String, room: Option<Room>, mut answered: HashMap<SeatNo, Answered>) -> Self {
        let seats: Vec<_> = room
            .iter()
            .flat_map(Room::seats)
            .map(|(seat, peer, presence)| (seat, peer.clone(), presence))
            .collect();
        answered.retain(|seat, _| seats.binary_search_by_key(seat, |(seat, ..)| *seat).is_ok());
        Self {
            tag,
            version: room.as_ref().map_or(0, Room::version),
            nodes: room.as_ref().map(nodes).unwrap_or_default(),
            room,
            seats,
            answered,
        }
    }

    /// The seat's peerId, also when this step took the seat away.
    pub(super) fn peer(&self, seat: SeatNo) -> Option<PeerId> {
        if let Some((peer, _)) = self.room.as_ref().and_then(|room| room.seat(seat)) {
            return Some(peer.clone());
        }
        let at = self.seats.binary_search_by_key(&seat, |(seat, ..)| *seat).ok()?;
        Some(self.seats[at].1.clone())
    }
}

pub(super) fn holder(presence: Presence) -> Option<Holder> {
    match presence {
        Presence::Live(holder) => Some(holder),
        Presence::Away { .. } => None,
    }
}

fn nodes(room: &Room) -> BTreeSet<u64> {
    let seated = room.seats().filter_map(|(_, _, presence)| holder(presence));
    let waiting = room.waiters().map(|(_, holder)| holder);
    seated.chain(waiting).map(|holder| holder.node).collect()
}
