use crate::hub::Hub;
use crate::outlet::{Inbox, Letter};
use crate::trace::{self, Point};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hyper::body::Bytes;
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, ErrorCode, Limits, ServerMessage};
use snug_room::{Frame, Gate, SocketId, Verdict};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::debug;

/// Past this a frame is not even read: the socket ends. Up to it, one above the limit is answered `too-large`.
const HARD_LIMIT: usize = 1024 * 1024;
/// How many heartbeats a socket may be silent, answers to our pings included.
const SILENT_HEARTBEATS: u32 = 3;

/// One client's socket: reads, judges and parses frames for the hub, and writes what is in the inbox.
pub(crate) struct Socket {
    pub(crate) address: IpAddr,
    pub(crate) limits: Arc<Limits>,
    pub(crate) linger: Duration,
    pub(crate) hub: Hub,
}

impl Socket {
    /// Runs until the client or the hub ends it.
    pub(crate) async fn run(self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(4 * 1024)
            .max_write_buffer_size(4 * HARD_LIMIT)
            .max_message_size(Some(HARD_LIMIT))
            .max_frame_size(Some(HARD_LIMIT));
        let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let (id, inbox) = self.hub.open(self.address);
        tokio::select! {
            () = self.talk(id, stream, &inbox) => {}
            () = inbox.given_up(self.linger) => {}
        }
        self.hub.closed(id).await;
    }

    async fn talk(&self, id: SocketId, mut stream: impl WebSocket, inbox: &Inbox) {
        let mut gate = Gate::new(Instant::now(), &self.limits);
        let heartbeat = Duration::from_millis(self.limits.heartbeat_ms.max(1));
        let mut pulse = interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = 0;
        loop {
            let result = tokio::select! {
                letter = inbox.next() => match letter {
                    None => return,
                    Some(letter) => write(&mut stream, letter, inbox).await,
                },
                message = stream.next() => match message {
                    None => return,
                    Some(Err(error)) => Err(error),
                    Some(Ok(message)) => {
                        silent = 0;
                        match self.judge(id, &mut gate, message).await {
                            Next::Read => Ok(()),
                            Next::End => return,
                            Next::Answer(answer, pause) => {
                                let sent = stream.send(answer).await;
                                sleep(pause).await;
                                sent
                            }
                            Next::Close(code) => return self.close(id, stream, code).await,
                        }
                    }
                },
                _ = pulse.tick() => {
                    silent += 1;
                    if silent > SILENT_HEARTBEATS {
                        debug!(socket = id.0, "silent for too long");
                        return;
                    }
                    stream.send(Message::Ping(Bytes::new())).await
                }
            };
            if let Err(error) = result {
                debug!(socket = id.0, %error, "the socket broke");
                return;
            }
        }
    }

    /// What to do with one message of the client.
    async fn judge(&self, socket: SocketId, gate: &mut Gate, message: Message) -> Next {
        let text = match message {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => return Next::Read,
        };
        let size = text.as_ref().map_or(0, |text| text.len());
        let frame = match &text {
            Some(text) if size <= self.limits.frame_bytes => Some(ClientFrame::parse(text)),
            Some(_) | None => None,
        };
        let candidate = matches!(
            &frame,
            Some(Ok(ClientFrame {
                message: ClientMessage::Candidate { .. },
                ..
            }))
        );
        match gate.admit(Instant::now(), candidate) {
            Verdict::Pass => {}
            Verdict::Flood => return Next::Close(CloseCode::Flooding),
            Verdict::Slow(pause) => {
                let id = frame.and_then(|frame| frame.map_or_else(|error| error.id(), |frame| frame.id));
                return refuse(
                    id,
                    ErrorCode::RateLimited,
                    "too fast: this frame was not handled",
                    pause,
                );
            }
        }
        match frame {
            Some(Ok(frame)) => {
                if let ClientMessage::Join(join) = &frame.message
                    && let Some(join_id) = &join.join_id
                {
                    trace::point(join_id, Point::Server);
                }
                match self.hub.frame(socket, frame).await {
                    Ok(()) => Next::Read,
                    Err(_) => Next::End,
                }
            }
            Some(Err(error)) => refuse(error.id(), error.code(), &error.to_string(), Duration::ZERO),
            None if text.is_some() => refuse(
                None,
                ErrorCode::TooLarge,
                &format!("a frame of {size} bytes: the limit is {}", self.limits.frame_bytes),
                Duration::ZERO,
            ),
            None => refuse(
                None,
                ErrorCode::BadJson,
                "a binary frame: text is spoken here",
                Duration::ZERO,
            ),
        }
    }

    async fn close(&self, socket: SocketId, mut stream: impl WebSocket, code: CloseCode) {
        debug!(socket = socket.0, ?code, "closing");
        let goodbye = async {
            if stream.send(closing(code)).await.is_ok() {
                // Until the client's own close arrives; a reset instead would lose the code.
                while let Some(Ok(_)) = stream.next().await {}
            }
        };
        if timeout(self.linger, goodbye).await.is_err() {
            debug!(socket = socket.0, "the client did not answer the close");
        }
    }
}

trait WebSocket: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin {}
impl<T: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin> WebSocket for T {}

enum Next {
    Read,
    /// Send this, then read nothing for a while.
    Answer(Message, Duration),
    Close(CloseCode),
    /// There is no server any more.
    End,
}

fn refuse(id: Option<u64>, code: ErrorCode, message: &str, pause: Duration) -> Next {
    let error = ServerMessage::Error {
        id,
        code,
        message: message.to_owned(),
        retry_after_ms: (!pause.is_zero()).then(|| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
    };
    Next::Answer(Message::text(error.to_json()), pause)
}

/// Writes this letter and all that are there already, with one flush.
async fn write(stream: &mut impl WebSocket, first: Letter, inbox: &Inbox) -> Result<(), Error> {
    let mut next = Some(first);
    while let Some(letter) = next {
        match letter {
            Letter::Frame(frame) => stream.feed(Message::Text(shared(frame)?)).await?,
            Letter::Close(code) => {
                stream.send(closing(code)).await?;
                while let Some(message) = stream.next().await {
                    message?;
                }
                return Err(Error::ConnectionClosed);
            }
        }
        next = inbox.ready();
    }
    stream.flush().await
}

/// The frame's bytes, not copied.
fn shared(frame: Frame) -> Result<Utf8Bytes, Error> {
    struct Owner(Frame);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    Utf8Bytes::try_from(Bytes::from_owner(Owner(frame))).map_err(|error| Error::Utf8(error.to_string()))
}

fn closing(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame {
        code: (code as u16).into(),
        reason: Utf8Bytes::default(),
    }))
}
