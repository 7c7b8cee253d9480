//! Tells the operator's own programs what happens in rooms, by HTTP POST.
//!
//! ```text
//! hub -- tell(notice) --> lane (bounded; full: the oldest goes) --> courier: sign, POST, back off, POST again
//! ```
//!
//! A room's events travel in one lane of each URL, one at a time, so that they arrive in order. Nothing here makes the
//! signaling wait.

mod courier;
mod lane;
mod notice;
mod sign;

pub(crate) use notice::{Notice, What, Who};

use crate::metrics::Metrics;
use crate::token::Key;
use courier::Courier;
use hyper::Uri;
use lane::Lane;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

/// Events that a room's receivers get at a time, for each URL.
const LANES: usize = 4;

/// How much is kept, and how long it is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Events that may wait in one lane.
    pub(crate) queue: usize,
    /// How often an event is sent, at most.
    pub(crate) attempts: u32,
    /// The wait after the first failure; each further one is twice as long.
    pub(crate) first: Duration,
    /// The longest wait.
    pub(crate) most: Duration,
    /// How long a receiver may take to answer.
    pub(crate) answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            queue: 1_000,
            attempts: 12,
            first: Duration::from_millis(500),
            most: Duration::from_secs(60),
            answer: Duration::from_secs(10),
        }
    }
}

/// The way to all receivers.
pub(crate) struct Webhooks {
    /// Those of one URL stand together.
    lanes: Vec<Arc<Lane>>,
}

/// The tasks that send.
pub(crate) struct Couriers {
    tasks: JoinSet<()>,
    lanes: Vec<Arc<Lane>>,
}

impl Webhooks {
    /// One that sends to nobody, or to these URLs. Must be called in a runtime.
    ///
    /// # Errors
    /// When a URL is none that can be posted to, or this machine trusts no certificate authority.
    pub(crate) fn start(
        urls: &[String],
        key: Option<&Key>,
        patience: Patience,
        metrics: &Arc<Metrics>,
    ) -> io::Result<(Self, Couriers)> {
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::new();
        if !urls.is_empty() && key.is_none() {
            warn!("webhooks are not signed: there is no API key to sign them with");
        }
        // Reading the certificate authorities takes a while.
        let client = if urls.is_empty() {
            None
        } else {
            Some(courier::client()?)
        };
        for (url, client) in urls.iter().zip(client.iter().cycle()) {
            let url = target(url)?;
            for _ in 0..LANES {
                let lane = Arc::new(Lane::new(patience.queue, metrics.clone()));
                let courier = Courier {
                    client: client.clone(),
                    url: url.clone(),
                    key: key.cloned(),
                    patience,
                    metrics: metrics.clone(),
                };
                tasks.spawn(courier.run(lane.clone()));
                lanes.push(lane);
            }
        }
        let couriers = Couriers {
            tasks,
            lanes: lanes.clone(),
        };
        Ok((Self { lanes }, couriers))
    }

    /// Whether there is no receiver.
    pub(crate) fn nobody(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Hands an event over; never waits.
    pub(crate) fn tell(&self, notice: Notice) {
        let mut hasher = DefaultHasher::new();
        notice.room.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0);
        let notice = Arc::new(notice);
        for lane in self.lanes.chunks(LANES).filter_map(|lanes| lanes.get(at)) {
            lane.push(notice.clone());
        }
    }
}

impl Couriers {
    /// Sends what waits, for no longer than this; what is left then is lost, and the log says so.
    pub(crate) async fn finish(mut self, patience: Duration) {
        for lane in &self.lanes {
            lane.end();
        }
        let done = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(patience, done).await.is_err() {
            let lost: usize = self.lanes.iter().map(|lane| lane.len()).sum();
            // One more for each lane may be on its way.
            warn!(
                waiting = lost,
                sending = self.tasks.len(),
                "webhook events are lost: their receiver did not take them in time"
            );
        }
    }
}

/// The URL of a receiver, as it is posted to.
///
/// # Errors
/// When it is not `http://HOST/...` or `https://HOST/...`.
pub(crate) fn target(url: &str) -> io::Result<Uri> {
    // The URL itself may carry a secret.
    let wrong = |why| io::Error::new(io::ErrorKind::InvalidInput, format!("a webhook's URL {why}"));
    let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("starts with http:// or https://"));
    }
    match uri.authority() {
        None => Err(wrong("names a host")),
        Some(authority) if authority.as_str().contains('@') => {
            Err(wrong("has no user and no password: events are signed instead"))
        }
        Some(_) => Ok(uri),
    }
}

#[cfg(test)]
mod tests;
