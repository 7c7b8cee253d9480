//! The control socket: a second WebSocket on 127.0.0.1, by which the page itself gives its commands and hears what becomes of its
//! connections. Tauri's own way goes through the application's main thread, which also paints.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

use crate::error::{PeerError, Result};
use crate::session::{EventSink, Session};
use crate::socket::Socket;
use crate::wire::{CertificateRequest, Configuration, Event, Op, PcId};

/// The largest command, in bytes: descriptions are the largest of what a page says.
const COMMAND_LIMIT: usize = 4 << 20;
/// Commands that may be under way at once; the page's next one waits.
const COMMANDS: usize = 256;
/// What may wait for a page that does not listen. One that is further behind hangs, or is gone.
const WORDS: usize = 8_192;

/// A command, and the number by which its reply is known.
#[derive(Debug, Deserialize)]
struct Ask {
    id: u32,
    command: Value,
}

/// What a page can ask for. It numbers its connections itself, so that it need not wait to be told.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Command {
    Create { pc: PcId, configuration: Configuration },
    Run { pc: PcId, op: Op },
    Close { pc: PcId },
    GenerateCertificate { request: CertificateRequest },
}

/// Commands of one connection are carried out one after the other, in the order in which they were given. Statistics change nothing,
/// and wait for nobody.
#[derive(Default)]
struct Turns {
    /// The end of each connection's last command; not of many more than are under way.
    last: HashMap<PcId, oneshot::Receiver<()>>,
}

impl Turns {
    /// The end of what comes before this command, and what tells of its own.
    fn take(&mut self, command: &Result<Command>) -> (Option<oneshot::Receiver<()>>, oneshot::Sender<()>) {
        if self.last.len() >= 2 * COMMANDS {
            // Nobody need wait for what is over.
            self.last.retain(|_, end| end.try_recv() == Err(TryRecvError::Empty));
        }
        let (done, end) = oneshot::channel();
        let before = match command {
            Ok(
                Command::Run {
                    op: Op::GetStats { .. },
                    ..
                }
                | Command::GenerateCertificate { .. },
            )
            | Err(_) => None,
            Ok(Command::Create { pc, .. } | Command::Run { pc, .. } | Command::Close { pc }) => {
                self.last.insert(*pc, end)
            }
        };
        (before, done)
    }
}

/// What the page is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Word {
    Value { id: u32, value: Value },
    Error { id: u32, error: PeerError },
    Event { event: Event },
}

/// A socket that waits for its one page.
pub struct Control {
    socket: Socket,
    words: Words,
    waiting: mpsc::Receiver<Word>,
}

#[derive(Clone)]
struct Words {
    queue: mpsc::Sender<Word>,
    overrun: Arc<Notify>,
}

impl Words {
    /// Never waits: who tells may hold what others need.
    fn put(&self, word: Word) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(word) {
            self.overrun.notify_one();
        }
    }
}

impl Control {
    /// Listens on a free port. `origins` are the only documents that may connect.
    pub async fn listen(origins: Vec<String>) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(WORDS);
        Ok(Self {
            socket: Socket::listen(origins).await.map_err(failed)?,
            words: Words {
                queue,
                overrun: Arc::default(),
            },
            waiting,
        })
    }

    /// Where the page connects to.
    pub fn url(&self) -> Result<String> {
        self.socket.url().map_err(failed)
    }

    /// What tells the page of an event.
    pub fn events(&self) -> EventSink {
        let words = self.words.clone();
        Arc::new(move |event| words.put(Word::Event { event }))
    }

    /// Waits for the page, and does what it says until either side goes away.
    pub async fn serve(self, session: Weak<Session>) {
        let Self {
            socket,
            words,
            mut waiting,
        } = self;
        let Some(stream) = socket.accept(COMMAND_LIMIT).await else {
            return;
        };
        let (mut sink, mut source) = stream.split();
        let write = async {
            while let Some(word) = waiting.recv().await {
                if let Err(error) = send(&mut sink, word, &mut waiting).await {
                    tracing::debug!(%error, "the control socket ended while writing");
                    return;
                }
            }
        };
        let overrun = Arc::clone(&words.overrun);
        let read = async {
            let places = Arc::new(Semaphore::new(COMMANDS));
            let mut turns = Turns::default();
            while let Some(message) = source.next().await {
                let text = match message {
                    Ok(Message::Text(text)) => text,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::debug!(%error, "the control socket ended while reading");
                        return;
                    }
                };
                let Some((id, command)) = parse(&text) else { continue };
                let (Ok(place), Some(session)) = (Arc::clone(&places).acquire_owned().await, session.upgrade()) else {
                    return;
                };
                let words = words.clone();
                let (before, done) = turns.take(&command);
                // To its end, whatever becomes of the socket: a connection that is half closed would stay.
                tokio::spawn(async move {
                    if let Some(before) = before {
                        before.await.ok();
                    }
                    let word = match answer(&session, command).await {
                        Ok(value) => Word::Value { id, value },
                        Err(error) => Word::Error { id, error },
                    };
                    words.put(word);
                    drop((done, place));
                });
            }
        };
        tokio::select! {
            () = write => {}
            () = read => {}
            () = overrun.notified() => tracing::warn!("the page does not listen any more"),
        }
    }
}

/// Writes a word, and those that wait behind it, with as few writes as there can be.
async fn send<S>(sink: &mut S, first: Word, more: &mut mpsc::Receiver<Word>) -> std::result::Result<(), S::Error>
where
    S: futures_util::Sink<Message> + Unpin,
{
    let mut next = Some(first);
    while let Some(word) = next {
        match serde_json::to_string(&word) {
            Ok(json) => sink.feed(Message::Text(json.into())).await?,
            Err(error) => tracing::error!(%error, "a word to the page could not be written"),
        }
        next = more.try_recv().ok();
    }
    sink.flush().await
}

/// What a text says, and the number of its reply; `None` where nobody could be answered.
pub fn parse(text: &str) -> Option<(u32, Result<Command>)> {
    let ask: Ask = serde_json::from_str(text)
        .inspect_err(|error| tracing::warn!(%error, "a command was not understood"))
        .ok()?;
    let command = serde_json::from_value(ask.command)
        .map_err(|error| PeerError::operation(format!("the command was not understood: {error}")));
    Some((ask.id, command))
}

/// Does what a page asks for.
pub async fn answer(session: &Session, command: Result<Command>) -> Result<Value> {
    match command? {
        Command::Create { pc, configuration } => session.create_as(pc, configuration).await.map(|()| Value::Null),
        Command::Run { pc, op } => session.run(pc, op).await,
        Command::Close { pc } => session.close(pc).await.map(|()| Value::Null),
        Command::GenerateCertificate { request } => {
            let made = session.generate_certificate(&request)?;
            serde_json::to_value(made).map_err(|error| PeerError::operation(error.to_string()))
        }
    }
}

fn failed(error: std::io::Error) -> PeerError {
    PeerError::operation(format!("the control socket: {error}"))
}
