use crate::opening::Opening;
use crate::page::{BootInfo, CommandError, CommandErrorCode, HintKind, JoinRequest, SessionId, ShellEvent};
use serde_json::Value;
use snug_session::SessionEvent;
use tauri::ipc::Channel;
use tokio::sync::{mpsc, oneshot};

/// Letters that may wait for the controller. It never waits itself, so more than a few means that it is stuck.
const LETTERS: usize = 256;

/// A letter to the controller.
pub enum Ask {
    // From the page.
    Boot(Reply<BootInfo>),
    Listen(Channel<ShellEvent>, Reply<()>),
    Join(JoinRequest, Reply<Result<SessionId, CommandError>>),
    Send(SessionId, Value, Reply<Result<u64, CommandError>>),
    Leave(SessionId, Reply<Result<(), CommandError>>),
    Hint(HintKind, Reply<()>),
    CopyText(String, Reply<Result<(), CommandError>>),
    Closed(Reply<()>),
    // From the desktop.
    /// The program was started again, perhaps with a link.
    Started(Option<Opening>),
    /// Addresses of this machine came or went.
    Network,
    /// The webview begins to load a document.
    NewPage,
    /// The window's close button, Quit, or a signal.
    Close,
    // From the sessions.
    Heard(SessionId, SessionEvent),
    /// The last of a session.
    Over(SessionId),
}

/// Where an answer goes.
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    pub fn with(self, answer: T) {
        // A page that was loaded anew does not wait any more.
        drop(self.0.send(answer));
    }
}

impl Reply<()> {
    pub fn done(self) {
        self.with(());
    }
}

/// The controller's address.
#[derive(Clone)]
pub struct Inbox(mpsc::Sender<Ask>);

/// An address, and what arrives there.
pub fn inbox() -> (Inbox, mpsc::Receiver<Ask>) {
    let (sender, asks) = mpsc::channel(LETTERS);
    (Inbox(sender), asks)
}

impl Inbox {
    /// Sends a letter and waits for its answer.
    ///
    /// # Errors
    /// [`CommandErrorCode::Ending`] when the controller is gone.
    pub async fn ask<T>(&self, letter: impl FnOnce(Reply<T>) -> Ask) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.tell(letter(Reply(reply))).await;
        answer
            .await
            .map_err(|_| CommandError::new(CommandErrorCode::Ending, "the app is ending"))
    }

    /// Sends a letter, waiting for room if need be.
    pub async fn tell(&self, letter: Ask) {
        if self.0.send(letter).await.is_err() {
            tracing::debug!("a letter came after the end");
        }
    }

    /// Sends a letter from where nothing may wait, such as the desktop's main thread. It is in its place in the order
    /// when this returns.
    pub fn post(&self, letter: Ask) {
        if self.0.try_send(letter).is_err() {
            tracing::error!("the controller takes no letters");
        }
    }
}
