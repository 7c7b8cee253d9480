//! Where the controller's sessions come from.

use crate::controller::{Ask, Inbox};
use crate::page::SessionId;
use snug_client::{Busy, Client, Handle};
use snug_protocol::{ClientMessage, Join};
use snug_session::Hint;

/// Takes seats. What they hear goes to the controller as [`Ask::Heard`], and [`Ask::Over`] is the last of it.
pub trait Signaling: Send + 'static {
    type Seat: Seat;
    fn join(&mut self, id: SessionId, server: &str, join: Join) -> Self::Seat;
}

/// One session. None of these waits.
pub trait Seat: Send + 'static {
    /// # Errors
    /// [`Busy`] when nothing was taken.
    fn send(&self, message: ClientMessage) -> Result<u64, Busy>;
    fn leave(&self);
    fn hint(&self, hint: Hint);
}

/// Sessions over real sockets.
pub struct Network {
    inbox: Inbox,
}

impl Network {
    pub fn new(inbox: Inbox) -> Self {
        Self { inbox }
    }
}

impl Signaling for Network {
    type Seat = Handle;

    fn join(&mut self, id: SessionId, server: &str, join: Join) -> Handle {
        let (handle, mut events) = Client::start(server, join);
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                inbox.tell(Ask::Heard(id, event)).await;
            }
            inbox.tell(Ask::Over(id)).await;
        });
        handle
    }
}

impl Seat for Handle {
    fn send(&self, message: ClientMessage) -> Result<u64, Busy> {
        Self::send(self, message)
    }

    fn leave(&self) {
        Self::leave(self);
    }

    fn hint(&self, hint: Hint) {
        Self::hint(self, hint);
    }
}
