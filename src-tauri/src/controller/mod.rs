//! The one actor: it owns the page's channel and the sessions, and takes one letter at a time.
//!
//! ```text
//!  page ── commands ──┐                    ┌──► page (events, in order)
//!  window, arguments ─┼─► inbox ─► Controller ─► sessions
//!  sessions' events ──┘                    └──► Shell (the desktop)
//! ```

mod inbox;
#[cfg(test)]
mod tests;

pub use inbox::{Ask, Inbox, inbox};

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use snug_protocol::{ClientFrame, ClientMessage, Identity, Join};
use snug_session::{Hint, SessionEvent};
use tauri::ipc::Channel;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::boot::Settings;
use crate::links;
use crate::opening::Opening;
use crate::page::{CommandError, CommandErrorCode, JoinRequest, SessionId, ShellEvent};
use crate::shell::Shell;
use crate::signaling::{Seat, Signaling};
use crate::trace;

/// A page needs one, and a second while it changes rooms.
const MOST_SESSIONS: usize = 8;
/// Links that may wait for a page to listen.
const MOST_LINKS: usize = 4;
/// How long the rooms and the page may take to say goodbye. A session gives a silent server 2 s.
const FAREWELL: Duration = Duration::from_millis(2500);

/// Takes letters until the app ends. Must run within a Tokio runtime.
pub async fn run<S: Shell, N: Signaling>(
    mut asks: mpsc::Receiver<Ask>,
    shell: S,
    network: N,
    settings: Settings,
    first: Option<Opening>,
) {
    let mut controller = Controller::new(shell, network, settings, first);
    loop {
        let ask = match controller.closing {
            Some(Closing { until, .. }) => timeout_at(until, asks.recv()).await,
            None => Ok(asks.recv().await),
        };
        match ask {
            Ok(Some(ask)) => controller.handle(ask),
            Ok(None) => return,
            Err(_) => controller.quit(),
        }
    }
}

struct Controller<S, N: Signaling> {
    shell: S,
    network: N,
    settings: Settings,
    /// What this start was asked to open, until the first page has heard of it.
    first: Option<Opening>,
    page: Option<Channel<ShellEvent>>,
    /// For the next page that listens.
    links: VecDeque<Opening>,
    sessions: BTreeMap<SessionId, N::Seat>,
    /// Of pages that are gone: told to leave, and heard no more.
    leaving: BTreeMap<SessionId, N::Seat>,
    last_id: SessionId,
    closing: Option<Closing>,
}

struct Closing {
    until: Instant,
    page_is_done: bool,
}

impl<S: Shell, N: Signaling> Controller<S, N> {
    fn new(shell: S, network: N, settings: Settings, first: Option<Opening>) -> Self {
        Self {
            shell,
            network,
            settings,
            first,
            page: None,
            links: VecDeque::new(),
            sessions: BTreeMap::new(),
            leaving: BTreeMap::new(),
            last_id: 0,
            closing: None,
        }
    }

    fn handle(&mut self, ask: Ask) {
        match ask {
            Ask::Boot(reply) => reply.with(self.settings.boot_info(self.first.take())),
            Ask::Listen(page, reply) => {
                self.listen(page);
                reply.done();
            }
            Ask::Join(request, reply) => reply.with(self.join(request)),
            Ask::Send(id, message, reply) => reply.with(self.send(id, &message)),
            Ask::Leave(id, reply) => reply.with(self.leave(id)),
            Ask::Hint(kind, reply) => {
                self.sessions.values().for_each(|seat| seat.hint(kind.into()));
                reply.done();
            }
            Ask::CopyText(text, reply) => reply.with(self.copy_text(&text)),
            Ask::Closed(reply) => {
                reply.done();
                self.page_is_done();
            }
            Ask::Started(link) => self.started(link),
            Ask::Network => self.network_changed(),
            Ask::NewPage => self.forget_page(),
            Ask::Close => self.close(),
            Ask::Heard(id, event) => self.heard(id, event),
            Ask::Over(id) => self.over(id),
        }
    }

    fn listen(&mut self, page: Channel<ShellEvent>) {
        self.forget_page();
        self.page = Some(page);
        for link in std::mem::take(&mut self.links) {
            self.tell(link.into());
        }
    }

    fn join(&mut self, request: JoinRequest) -> Result<SessionId, CommandError> {
        if self.closing.is_some() {
            return Err(CommandError::new(CommandErrorCode::Ending, "the window is closing"));
        }
        if self.sessions.len() >= MOST_SESSIONS {
            return Err(CommandError::new(
                CommandErrorCode::TooManySessions,
                "leave a room first",
            ));
        }
        let server = links::server(&request.server)
            .ok_or_else(|| CommandError::bad_argument("the server is not of the form http(s)://HOST[:PORT]"))?;
        if !trace::is_word(&request.join_id) {
            return Err(CommandError::bad_argument(
                "the join id may have letters, digits and hyphens only",
            ));
        }
        self.last_id += 1;
        let id = self.last_id;
        let join = Join {
            identity: request.identity.map(Identity::from),
            name: request.name,
            token: request.token,
            capacity: request.capacity,
            join_id: Some(request.join_id),
            ..Join::new(request.room_id)
        };
        let seat = self.network.join(id, &server, join);
        self.sessions.insert(id, seat);
        Ok(id)
    }

    fn send(&self, id: SessionId, message: &Value) -> Result<u64, CommandError> {
        let seat = self.sessions.get(&id).ok_or_else(no_such_session)?;
        let frame =
            ClientFrame::parse(&message.to_string()).map_err(|error| CommandError::bad_argument(error.to_string()))?;
        match &frame.message {
            ClientMessage::Offer { .. }
            | ClientMessage::Answer { .. }
            | ClientMessage::Candidate { .. }
            | ClientMessage::Message { .. }
            | ClientMessage::Mute { .. }
            | ClientMessage::Unmute { .. }
            | ClientMessage::Publish { .. }
            | ClientMessage::Unpublish { .. }
            | ClientMessage::Subscribe { .. }
            | ClientMessage::Unsubscribe { .. }
            | ClientMessage::Kick { .. }
            | ClientMessage::Lock
            | ClientMessage::Unlock
            | ClientMessage::Admit { .. }
            | ClientMessage::Deny { .. }
            | ClientMessage::End { .. } => {}
            ClientMessage::Join(_) | ClientMessage::Leave | ClientMessage::Ping { .. } => {
                return Err(CommandError::bad_argument("the session itself says this"));
            }
        }
        seat.send(frame.message)
            .map_err(|busy| CommandError::new(CommandErrorCode::Busy, busy.to_string()))
    }

    fn leave(&mut self, id: SessionId) -> Result<(), CommandError> {
        let seat = self.sessions.get(&id).ok_or_else(no_such_session)?;
        seat.leave();
        Ok(())
    }

    fn copy_text(&self, text: &str) -> Result<(), CommandError> {
        self.shell
            .copy_text(text)
            .map_err(|why| CommandError::new(CommandErrorCode::Desktop, why))
    }

    fn started(&mut self, link: Option<Opening>) {
        if self.closing.is_some() {
            return;
        }
        self.shell.show();
        match link {
            Some(link) if self.page.is_some() => self.tell(link.into()),
            Some(link) => {
                if self.links.len() == MOST_LINKS {
                    self.links.pop_front();
                }
                self.links.push_back(link);
            }
            None => {}
        }
    }

    /// What goes by an address that is gone is dead, and nobody tells: sockets and media look for themselves, now.
    fn network_changed(&self) {
        self.sessions.values().for_each(|seat| seat.hint(Hint::Online));
        self.tell(ShellEvent::Network);
    }

    /// What a page began ends with it: nobody else could say goodbye for it.
    fn forget_page(&mut self) {
        self.page = None;
        for (id, seat) in std::mem::take(&mut self.sessions) {
            seat.leave();
            self.leaving.insert(id, seat);
        }
    }

    fn close(&mut self) {
        if self.closing.is_some() {
            // The person asks twice: no more patience.
            return self.quit();
        }
        tracing::info!(rooms = self.sessions.len(), "closing");
        self.closing = Some(Closing {
            until: Instant::now() + FAREWELL,
            page_is_done: self.page.is_none(),
        });
        self.shell.hide();
        self.tell(ShellEvent::Closing);
        self.sessions.values().for_each(Seat::leave);
        self.quit_when_done();
    }

    fn page_is_done(&mut self) {
        if let Some(closing) = &mut self.closing {
            closing.page_is_done = true;
            self.quit_when_done();
        }
    }

    fn heard(&mut self, id: SessionId, event: SessionEvent) {
        if self.sessions.contains_key(&id) {
            self.tell(ShellEvent::Session { session_id: id, event });
        }
    }

    fn over(&mut self, id: SessionId) {
        self.sessions.remove(&id);
        self.leaving.remove(&id);
        self.quit_when_done();
    }

    fn quit_when_done(&mut self) {
        let said = self.closing.as_ref().is_some_and(|closing| closing.page_is_done);
        if said && self.sessions.is_empty() && self.leaving.is_empty() {
            self.quit();
        }
    }

    fn quit(&mut self) {
        let rooms = self.sessions.len() + self.leaving.len();
        if rooms > 0 {
            tracing::warn!(rooms, "ending before the server said goodbye");
        }
        // Once is enough, however long the desktop takes.
        if let Some(closing) = &mut self.closing {
            closing.until = Instant::now() + Duration::from_secs(3600);
        }
        self.shell.quit();
    }

    fn tell(&self, event: ShellEvent) {
        let Some(page) = &self.page else { return };
        if let Err(error) = page.send(event) {
            tracing::warn!(%error, "the page cannot be told");
        }
    }
}

fn no_such_session() -> CommandError {
    CommandError::new(
        CommandErrorCode::NoSuchSession,
        "no session has this number, or it is over",
    )
}
