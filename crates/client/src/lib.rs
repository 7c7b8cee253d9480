//! Drives a [`snug_session::Session`] over a WebSocket. What to do is the session's to decide; this crate opens the
//! sockets, reads the clock and carries the events.
//!
//! ```no_run
//! # async fn call(join: snug_protocol::Join) {
//! let (handle, mut events) = snug_client::Client::start("https://snug.example", join);
//! while let Some(event) = events.recv().await {
//!     println!("{event:?}");
//! }
//! # drop(handle);
//! # }
//! ```

mod clock;
mod dial;
mod driver;
mod network;
mod socket;
mod trace;
mod wall;

use driver::Driver;
pub use network::Network;
use snug_protocol::{ClientMessage, Join};
use snug_session::{Config, Hint, SessionEvent};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
pub use wall::{ClockUnknown, clock_ahead};

/// Events that may wait for their reader. A reader that stops reading stops the session's clock, and nothing grows.
const EVENTS: usize = 256;
/// Sends and hints that may wait for the session.
const COMMANDS: usize = 256;

/// Starts sessions.
pub struct Client;

impl Client {
    /// Takes a seat and keeps it, until [`Handle::leave`] or the last handle is dropped. `server` is an origin
    /// (`https://HOST[:PORT]`, the socket is at `/ws`) or a socket's whole address (`wss://HOST/PATH`).
    ///
    /// The last event is `Ended`, and then the channel closes. Must be called within a Tokio runtime.
    pub fn start(server: &str, join: Join) -> (Handle, mpsc::Receiver<SessionEvent>) {
        let seed = RandomState::new().build_hasher().finish() as u32;
        Self::start_with(server, Config::new(join, seed))
    }

    /// The same, with patience and bounds of one's own.
    pub fn start_with(server: &str, config: Config) -> (Handle, mpsc::Receiver<SessionEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (leave, leaving) = watch::channel(false);
        tokio::spawn(Driver::new(socket_url(server), config, events).run(inbox, leaving));
        (
            Handle {
                commands,
                leave: Arc::new(leave),
                sends: Arc::default(),
            },
            receiver,
        )
    }
}

/// Speaks to a running session. Cheap to clone; none of its methods waits.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    leave: Arc<watch::Sender<bool>>,
    sends: Arc<Mutex<u64>>,
}

pub(crate) enum Command {
    Send(ClientMessage),
    Hint(Hint),
}

impl Handle {
    /// Sends in order, or queues while away. The result is the message's id: the n-th accepted send has the id n, from
    /// 1, and `Settled` says under it what became of the message.
    ///
    /// # Errors
    /// [`Busy`] when the session is too far behind, or over. Nothing was taken, and no id was spent.
    pub fn send(&self, message: ClientMessage) -> Result<u64, Busy> {
        let mut sends = self.sends.lock().unwrap_or_else(PoisonError::into_inner);
        self.commands.try_send(Command::Send(message)).map_err(|_| Busy)?;
        *sends += 1;
        Ok(*sends)
    }

    /// Gives the seat up, once what was sent before is on its way. `Ended` follows within seconds.
    pub fn leave(&self) {
        self.leave.send_replace(true);
    }

    /// Waiting on may have become pointless. One hint among many: it may be dropped when the session is busy.
    pub fn hint(&self, hint: Hint) {
        if self.commands.try_send(Command::Hint(hint)).is_err() {
            tracing::debug!(?hint, "no room for a hint");
        }
    }
}

/// The session cannot take the message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session is busy or over")
    }
}

impl std::error::Error for Busy {}

fn socket_url(server: &str) -> String {
    let (scheme, rest) = match server.split_once("://") {
        Some(("https", rest)) => ("wss", rest),
        Some(("http", rest)) => ("ws", rest),
        Some(_) | None => return server.to_owned(),
    };
    format!("{scheme}://{}/ws", rest.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_socket() {
        assert_eq!(socket_url("https://snug.example"), "wss://snug.example/ws");
        assert_eq!(socket_url("http://127.0.0.1:7000/"), "ws://127.0.0.1:7000/ws");
        assert_eq!(socket_url("wss://snug.example/other"), "wss://snug.example/other");
    }
}
