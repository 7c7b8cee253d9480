use super::Notice;
use crate::metrics::{Hook, Metrics};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tracing::warn;

/// Events on their way to one receiver, in order.
pub(super) struct Lane {
    queue: Mutex<Queue>,
    most: usize,
    changed: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Queue {
    notices: VecDeque<Arc<Notice>>,
    /// Since when the queue was last below its bound.
    dropped: u64,
    ended: bool,
}

impl Lane {
    pub(super) fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            queue: Mutex::default(),
            most: most.max(1),
            changed: Notify::new(),
            metrics,
        }
    }

    /// Adds an event; where there is no room, the oldest one makes it.
    pub(super) fn push(&self, notice: Arc<Notice>) {
        let mut queue = self.lock();
        if queue.notices.len() >= self.most {
            queue.notices.pop_front();
            queue.dropped += 1;
            self.metrics.hook(Hook::Dropped);
            if queue.dropped == 1 {
                warn!(
                    waiting = self.most,
                    "webhook events are dropped, oldest first: their receiver does not keep up"
                );
            }
        }
        queue.notices.push_back(notice);
        drop(queue);
        self.changed.notify_one();
    }

    /// The oldest event, once there is one; `None` when there will be none.
    pub(super) async fn next(&self) -> Option<Arc<Notice>> {
        loop {
            {
                let mut queue = self.lock();
                if let Some(notice) = queue.notices.pop_front() {
                    if queue.dropped > 0 {
                        warn!(dropped = queue.dropped, "webhook events were dropped");
                        queue.dropped = 0;
                    }
                    return Some(notice);
                }
                if queue.ended {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.lock().notices.len()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
