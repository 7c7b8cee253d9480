//! A loopback socket: a WebSocket on 127.0.0.1 for one visitor who knows its secret. The media worker's and the page's for data
//! channels are served here, the page's for commands in `control.rs`.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::frame::Frame;
use crate::outbox::{Item, Outbox};
use crate::wire::FromWorker;

/// The largest binary message: a 4K key frame with room to spare.
const MESSAGE_LIMIT: usize = 8 << 20;
/// The largest text message, in bytes.
const TEXT_LIMIT: usize = 16 << 10;
/// How long a connection may take to say who it is.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Connections that may be introducing themselves at once.
const HANDSHAKES: usize = 16;

/// What the visitor sent.
#[derive(Debug)]
pub enum Incoming {
    Frame(Frame),
    Text(FromWorker),
}

/// A socket that waits for its one visitor.
pub struct Socket {
    listener: TcpListener,
    secret: String,
    origins: Vec<String>,
}

impl Socket {
    /// Listens on a free port. `origins` are the only documents that may connect.
    pub async fn listen(origins: Vec<String>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let secret = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            listener,
            secret,
            origins,
        })
    }

    /// Where the visitor connects to.
    pub fn url(&self) -> std::io::Result<String> {
        Ok(format!("ws://{}/{}", self.listener.local_addr()?, self.secret))
    }

    /// Waits for the visitor and serves it until either side goes away. What it says goes to `incoming`.
    pub async fn serve(self, outbox: Arc<Outbox>, incoming: mpsc::Sender<Incoming>) {
        let Some(stream) = self.accept(MESSAGE_LIMIT).await else {
            return;
        };
        let (mut sink, mut source) = stream.split();
        let write = async {
            while let Some(item) = outbox.next().await {
                let message = match item {
                    Item::Frame(frame) => Message::Binary(frame.to_bytes()),
                    Item::Text(text) => match serde_json::to_string(&text) {
                        Ok(json) => Message::Text(json.into()),
                        Err(error) => {
                            tracing::error!(%error, "a text message could not be written");
                            continue;
                        }
                    },
                };
                if let Err(error) = sink.send(message).await {
                    tracing::debug!(%error, "a loopback socket ended while writing");
                    return;
                }
            }
        };
        let read = async {
            while let Some(message) = source.next().await {
                match message {
                    Ok(message) => {
                        if let Some(item) = parse(message)
                            && incoming.send(item).await.is_err()
                        {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a loopback socket ended while reading");
                        return;
                    }
                }
            }
        };
        tokio::select! {
            () = write => {}
            () = read => {}
        }
    }

    /// The first connection that knows the secret and comes from the right document, with messages of no more than `limit`
    /// bytes. The listener ends with it.
    pub(crate) async fn accept(self, limit: usize) -> Option<WebSocketStream<TcpStream>> {
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if handshakes.len() < HANDSHAKES => match accepted {
                    Ok((stream, _)) => {
                        let handshake = greet(stream, format!("/{}", self.secret), self.origins.clone(), limit);
                        handshakes.spawn(tokio::time::timeout(HANDSHAKE_LIMIT, handshake));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the loopback socket stopped listening");
                        return None;
                    }
                },
                Some(done) = handshakes.join_next() => {
                    if let Ok(Ok(Some(stream))) = done {
                        return Some(stream);
                    }
                    tracing::warn!("a connection to the loopback socket was refused");
                }
            }
        }
    }
}

async fn greet(
    stream: TcpStream,
    path: String,
    origins: Vec<String>,
    limit: usize,
) -> Option<WebSocketStream<TcpStream>> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    // The type is tungstenite's.
    #[allow(clippy::result_large_err)]
    let check = move |request: &Request, response: Response| {
        let origin = request.headers().get("origin").and_then(|value| value.to_str().ok());
        let known = origin.is_some_and(|origin| origins.iter().any(|allowed| allowed == origin));
        if known && same(request.uri().path().as_bytes(), path.as_bytes()) {
            Ok(response)
        } else {
            Err(forbidden())
        }
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
        .max_write_buffer_size(limit * 2);
    match tokio_tungstenite::accept_hdr_async_with_config(stream, check, Some(config)).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a handshake on the loopback socket failed");
            None
        }
    }
}

/// Compares without telling by the time taken where the difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn forbidden() -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::FORBIDDEN;
    response
}

/// What a message says; `None` if it is not understood.
pub fn parse(message: Message) -> Option<Incoming> {
    match message {
        Message::Binary(bytes) => {
            let frame = Frame::parse(bytes);
            if frame.is_none() {
                tracing::warn!("a binary message from the page was not understood");
            }
            frame.map(Incoming::Frame)
        }
        Message::Text(text) => parse_text(&text).map(Incoming::Text),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}

fn parse_text(text: &Utf8Bytes) -> Option<FromWorker> {
    if text.len() > TEXT_LIMIT {
        tracing::warn!(length = text.len(), "a text message from the page was too long");
        return None;
    }
    serde_json::from_str(text)
        .inspect_err(|error| tracing::warn!(%error, "a text message from the page was not understood"))
        .ok()
}
