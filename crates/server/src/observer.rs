//! Everyone who is told what happens in rooms, and was not in them: the log, the counters, the webhooks.

use crate::metrics::Metrics;
use crate::webhook::{Notice, Webhooks, What, Who};
use snug_room::Event;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;
use tracing::info;

pub(crate) struct Observer {
    pub(crate) metrics: Arc<Metrics>,
    webhooks: Webhooks,
    /// Of this process, so that no two processes name two events the same.
    prefix: u128,
    events: AtomicU64,
}

impl Observer {
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn new(metrics: Arc<Metrics>, webhooks: Webhooks) -> io::Result<Self> {
        let mut prefix = [0; 16];
        getrandom::fill(&mut prefix).map_err(io::Error::other)?;
        Ok(Self {
            metrics,
            webhooks,
            prefix: u128::from_le_bytes(prefix),
            events: AtomicU64::new(0),
        })
    }

    /// Never waits.
    pub(crate) fn happened(&self, event: Event) {
        log(&event);
        let (room, what) = match event {
            Event::RoomStarted { room } => (room, What::RoomStarted),
            Event::RoomEnded { room, .. } => (room, What::RoomEnded),
            Event::Joined {
                room,
                peer,
                identity,
                name,
                ..
            } => (room, What::SeatJoined(Who { peer, identity, name })),
            Event::Left {
                room,
                peer,
                identity,
                reason,
                ..
            } => {
                let name = None;
                (room, What::SeatLeft(Who { peer, identity, name }, reason))
            }
            Event::Resumed { replayed, .. } => return self.metrics.resumed(replayed),
            Event::Waiting { .. } | Event::Away { .. } => return,
        };
        if self.webhooks.nobody() {
            return;
        }
        let number = self.events.fetch_add(1, Relaxed);
        let id = format!("EV_{:032x}{number:x}", self.prefix);
        self.webhooks.tell(Notice::new(id, SystemTime::now(), room, what));
    }
}

/// One line for each step in the life of a room or a seat.
pub(crate) fn log(event: &Event) {
    match event {
        Event::RoomStarted { room } => info!(%room, "the room is made"),
        Event::Joined { room, peer, seats, .. } => info!(%room, %peer, seats, "joined"),
        Event::Waiting { room, peer, .. } => info!(%room, %peer, "waiting"),
        Event::Away { room, peer } => info!(%room, %peer, "away"),
        Event::Resumed {
            room,
            peer,
            replayed,
            taken_over,
        } => {
            info!(%room, %peer, replayed, taken_over, "resumed");
        }
        Event::Left {
            room,
            peer,
            reason,
            seats,
            stayed_ms,
            ..
        } => {
            info!(%room, %peer, ?reason, seats, stayed_ms, "left");
        }
        Event::RoomEnded { room, lasted_ms } => info!(%room, lasted_ms, "the room is empty"),
    }
}
