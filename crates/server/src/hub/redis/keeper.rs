//! What a node does without being asked: signs of life, deadlines, dead nodes, and the way back after an outage.

use super::desk::Ask;
use super::link::{BEAT, Down, reason};

use super::{PREFIX, Redis, key, lock, new_node, roll};
use crate::hub::redis::step::TTL;
use redis::{PushInfo, PushKind, RedisError, Value};
use snug_protocol::{PeerId, RoomId};
use snug_room::{Frame, Holder, Millis};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::time::{interval, sleep, sleep_until};
use tracing::{info, warn};

/// How often this node's keys are touched, so that they outlive [`TTL`].
const TOUCH: Duration = Duration::from_millis(TTL / 8);
/// The wait before the first attempt to connect again; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(50);
const MOST: Duration = Duration::from_secs(2);

/// What the beat script answers.
type Beat = (Millis, String, Option<String>, Vec<String>, Vec<(u64, Vec<String>)>);

/// Ends all that runs for a node, when its keeper is dropped.
struct Guard(Arc<Redis>);

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.0.tasks).abort_all();
    }
}

impl Redis {
    /// Keeps the node alive, for ever.
    pub(in crate::hub) async fn keep_time(self: &Arc<Self>) {
        let guard = Guard(self.clone());
        let node = self.clone();
        self.spawn(async move { node.expire().await });
        let mut wait = FIRST;
        loop {
            match guard.0.connect().await {
                Ok(()) => {
                    wait = FIRST;
                    info!("redis is there");
                    guard.0.live().await;
                    warn!(reason = guard.0.trouble(), "redis is lost");
                }
                Err(error) => {
                    if guard.0.trouble().is_none_or(|before| before != reason(&error)) {
                        warn!(reason = reason(&error), "redis cannot be reached");
                    }
                    guard.0.link.down(&error);
                }
            }
            let millis = u64::try_from(wait.as_millis()).unwrap_or(0);
            sleep(wait / 2 + Duration::from_millis(roll(millis))).await;
            wait = (wait * 2).min(MOST);
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<(), RedisError> {
        let node = self.local().node;
        let this = Arc::downgrade(self);
        let channel = format!("{PREFIX}to:{node}");
        let mut connection = self.link.connect(&channel, move |push| hear(&this, push)).await?;
        let known = lock(&self.clock).is_some();
        let beat = self.beat_command(known).query_async(&mut connection).await?;
        if !self.is_known(&beat) {
            // It was thought dead, or all is lost: its seats are others' by now, or nobody's.
            self.start_anew();
            return Err(RedisError::from((redis::ErrorKind::Client, "this node was given up")));
        }
        let seats = self.local().doubt();
        self.link.up(connection);
        self.follow(seats.into_iter().map(super::Todo::Fill).collect());
        self.work(beat);
        Ok(())
    }

    /// Gives signs of life until the connection breaks.
    async fn live(self: &Arc<Self>) {
        let mut beats = interval(self.patience() / 10);
        let mut touches = interval(TOUCH);
        touches.tick().await;
        loop {
            let due = self.until_due();
            tokio::select! {
                () = self.link.breaks() => return,
                _ = beats.tick() => {}
                _ = touches.tick() => self.touch().await,
                () = self.nearer.notified() => continue,
                () = sleep_until(due.into()) => {}
            }
            match self.link.run::<Beat>(&self.beat_command(true)).await {
                Ok(beat) if self.is_known(&beat) => self.work(beat),
                Ok(_) => {
                    self.start_anew();
                    let error = RedisError::from((redis::ErrorKind::Client, "this node was given up"));
                    return self.link.down(&error);
                }
                Err(Down) => {}
            }
            if !self.link.is_up() {
                return;
            }
        }
    }

    /// A node that gives no sign of life for so long is dead.
    fn patience(&self) -> Duration {
        Duration::from_millis(self.limits.heartbeat_ms.max(100))
    }

    fn beat_command(&self, known: bool) -> redis::Cmd {
        let patience = self.patience().as_millis();
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(BEAT.get_hash())
            .arg(1)
            .arg(PREFIX)
            .arg(self.local().node)
            .arg(u8::from(known))
            .arg(u64::try_from(patience).unwrap_or(u64::MAX))
            .arg(u64::try_from(patience / 2).unwrap_or(u64::MAX));
        command
    }

    /// Whether the store knows this node; if so, what time it is.
    fn is_known(&self, (now, state, next, ..): &Beat) -> bool {
        if state != "ok" {
            return false;
        }
        *lock(&self.clock) = Some((*now, Instant::now()));
        *lock(&self.due) = next
            .as_deref()
            .and_then(|next| next.parse().ok())
            .unwrap_or(Millis::MAX);
        true
    }

    /// Takes what there is to do.
    fn work(self: &Arc<Self>, (_, _, _, due, dying): Beat) {
        for room in due {
            self.post(RoomId::from(room), Ask::Tick);
        }
        for (dead, rooms) in dying {
            info!(node = dead, rooms = rooms.len(), "a node is dead: its seats are away");
            for room in rooms {
                self.post(RoomId::from(room), Ask::Dead { node: dead });
            }
        }
    }

    fn until_due(&self) -> Instant {
        let due = *lock(&self.due);
        let wait = self.now().map_or(Millis::MAX, |now| due.saturating_sub(now));
        Instant::now() + Duration::from_millis(wait.clamp(1, 3_600_000))
    }

    fn post(self: &Arc<Self>, room: RoomId, ask: Ask) {
        let node = self.clone();
        self.spawn(async move {
            node.tell(&room, ask, false).await;
        });
    }

    /// Everyone joins again, here or elsewhere, and this process is another node from now on.
    fn start_anew(&self) {
        let mut local = self.local();
        local.send_all_away();
        local.node = new_node();
        *lock(&self.clock) = None;
        info!(node = local.node, "a node with a new name");
    }

    /// Reads what a seat's socket was not told.
    pub(super) async fn fill(self: Arc<Self>, peer: PeerId) {
        let Some((socket, told)) = self.local().told(&peer) else {
            return;
        };
        let holder = self.local().holder(socket);
        let Ok((frames, is_ours)) = self.read(&peer, told, holder).await else {
            if self.link.is_up() {
                self.local().send_away(socket);
            }
            return; // Otherwise all seats are read again when Redis is back.
        };
        let mut local = self.local();
        let continues = frames.first().is_none_or(|(seq, _)| *seq == told + 1);
        if !is_ours || !continues {
            return local.send_away(socket);
        }
        let todo = local.catch_up(&peer, frames);
        drop(local);
        self.follow(todo.into_iter().collect());
    }

    /// All after `told`, and whether the seat is still this holder's and was told no more than there is.
    async fn read(&self, peer: &PeerId, told: u64, holder: Holder) -> Result<(Vec<(u64, Frame)>, bool), Down> {
        let mut seat = redis::cmd("HMGET");
        seat.arg(key("seat", peer.as_str())).arg("holder").arg("last");
        let (name, last): (Option<String>, Option<u64>) = self.link.run(&seat).await?;
        let is_ours = name == Some(super::holder_name(holder)) && last.is_some_and(|last| last >= told);
        let mut kept = redis::cmd("XRANGE");
        kept.arg(key("out", peer.as_str())).arg(told + 1).arg("+");
        let entries: Vec<(String, Vec<String>)> = self.link.run(&kept).await?;
        let frames = entries.into_iter().filter_map(|(id, fields)| {
            let seq = id.split_once('-')?.0.parse().ok()?;
            Some((seq, Frame::from(fields.get(1)?.as_str())))
        });
        Ok((frames.collect(), is_ours))
    }

    /// Closes those who are too long at the door, for ever.
    async fn expire(&self) {
        loop {
            let next = self.local().expire(Instant::now());
            let most = Instant::now() + Duration::from_millis((self.limits.idle_ms / 4).clamp(5, 1000));
            sleep_until(next.map_or(most, |next| next.min(most)).into()).await;
            self.local().forget_joins(Instant::now());
        }
    }

    /// Keeps the keys of this node's seats and rooms from going by themselves.
    async fn touch(&self) {
        let (node, rooms, seats) = {
            let local = self.local();
            (local.node, local.rooms(), local.peers())
        };
        let rooms = rooms.iter().map(|room| key("room", room.as_str()));
        let seats = seats
            .iter()
            .flat_map(|peer| ["seat", "out", "answered"].map(|kind| key(kind, peer.as_str())));
        let own = std::iter::once(key("node", &node.to_string()));
        let shared = ["rooms", "due", "nodes", "dying", "clock"].map(|name| format!("{PREFIX}{name}"));
        for key in rooms.chain(seats).chain(own).chain(shared) {
            let mut command = redis::cmd("PEXPIRE");
            command.arg(key).arg(TTL);
            if self.link.run::<Value>(&command).await.is_err() {
                return;
            }
        }
    }
}

fn hear(node: &Weak<Redis>, push: PushInfo) {
    let Some(node) = node.upgrade() else { return };
    let payload = match (push.kind, push.data.into_iter().nth(1)) {
        (PushKind::Message, Some(Value::BulkString(payload))) => payload,
        _ => return,
    };
    let Some(nudges) = std::str::from_utf8(&payload).ok().and_then(super::nudge::parse) else {
        warn!("another node says what this version does not know");
        return;
    };
    let todo = node.local().hear(Instant::now(), nudges, &node.limits);
    node.follow(todo);
}
