//! Taking a batch, storing what comes of it, and trying again where another node was first.

use super::super::link::Down;
use super::super::reply::Reply;
use super::super::step::{Envelope, Next, Step};
use super::super::{PREFIX, key, reply, roll};
use super::{Ask, Desk, Loaded, Mail, holder, nodes};
use snug_protocol::PeerId;
use snug_room::{AdminReply, Refusal};
use std::time::Duration;
use tokio::time::sleep;
use tracing::{debug, error};

/// How often a commit is tried against others that come first.
const ATTEMPTS: u32 = 200;

impl Desk {
    pub(super) async fn commit(&mut self, batch: &[Mail]) -> Result<AdminReply, Down> {
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
                prefix: PREFIX,
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
                let parsed = Reply::parse(value).ok_or(Down)?;
                // The room that this ended is gone, and the first answer was lost.
                let was_stored = doubt && ends && matches!(&parsed, Reply::Conflict { tag, .. } if tag.is_empty());
                Ok(if was_stored { Reply::EMPTY } else { parsed })
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
                sleep(Duration::from_micros(roll(500 * u64::from(attempt.min(40))))).await;
            }
        }
        error!(room = %self.id, "too many conflicts");
        Err(Down)
    }

    async fn load(&mut self) -> Result<(), Down> {
        let mut command = redis::cmd("HMGET");
        command.arg(key("room", self.id.as_str())).arg("tag").arg("state");
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
            outcomes.arg(key("answered", peer.as_str())).arg(0).arg(-1);
            let mut forgotten = redis::cmd("HGET");
            forgotten.arg(key("seat", peer.as_str())).arg("forgotten");
            let outcomes: Vec<String> = self.node.link.run(&outcomes).await?;
            let forgotten: Option<String> = self.node.link.run(&forgotten).await?;
            let answered = reply::answered(&outcomes, forgotten.as_deref());
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
                self.node.local().send(*socket, error.text());
            }
        }
    }
}
