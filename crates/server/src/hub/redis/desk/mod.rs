//! One room on this node: takes what the room is told, one thing after another, and commits it.

mod commit;

use super::Redis;
use snug_protocol::{ClientFrame, ErrorCode, IceServer, Join, PeerId, RoomId, ServerMessage};
use snug_room::{Admin, AdminReply, Answered, Effect, Grant, Holder, Presence, Room, RoomPlace, SeatNo, SocketId};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

/// How many inputs may wait for one room on one node. A full queue holds up who fills it.
pub(super) const QUEUE: usize = 256;
/// How many of them one commit may take.
const BATCH: usize = 64;
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
        self.node.local().send(socket, error.text());
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
