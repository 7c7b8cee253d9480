use crate::hub::Hub;
use crate::meter::Meter;
use crate::outlet::{Inbox, Letter};
use crate::trace::{self, Point};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hyper::body::Bytes;
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, ErrorCode, Limits, ServerMessage};
use snug_room::{Frame, Gate, SocketId, Verdict};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Code;
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
        let io = Meter::new(io, 2 * HARD_LIMIT);
        let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let (id, inbox) = self.hub.open(self.address);
        tokio::select! {
            () = self.talk(id, stream, &inbox) => {}
            () = inbox.given_up(self.linger) => {}
        }
        self.hub.closed(id).await;
    }

    async fn talk<Io>(&self, id: SocketId, mut stream: WebSocketStream<Meter<Io>>, inbox: &Inbox)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let mut gate = Gate::new(Instant::now(), &self.limits);
        let heartbeat = Duration::from_millis(self.limits.heartbeat_ms.max(1));
        let mut pulse = interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Longer than this no client is waited for, be it silent or deaf.
        let patience = SILENT_HEARTBEATS * heartbeat;
        let mut silent = 0;
        let mut quiet: Option<tokio::time::Instant> = None;
        loop {
            let result = tokio::select! {
                letter = inbox.next() => match letter {
                    None => return,
                    Some(letter) => within(patience, write(&mut stream, letter, inbox)).await,
                },
                () = until(quiet), if quiet.is_some() => {
                    quiet = None;
                    Ok(())
                }
                message = stream.next(), if quiet.is_none() => match message {
                    None => return,
                    Some(Err(error)) => {
                        debug!(socket = id.0, %error, "not WebSocket");
                        match reproach(&error) {
                            Some(code) => return self.close(id, stream, code).await,
                            None => Err(error),
                        }
                    }
                    Some(Ok(message)) => {
                        silent = 0;
                        let weighed = gate.weigh(Instant::now(), stream.get_mut().take());
                        let (result, pause) = match self.judge(id, &mut gate, message).await {
                            Next::Read => (Ok(()), Duration::ZERO),
                            Next::End => return,
                            Next::Answer(answer, pause) => (within(patience, stream.send(answer)).await, pause),
                            Next::Pause(pause) => (Ok(()), pause),
                            Next::Close(code) => return self.close(id, stream, ours(code)).await,
                        };
                        let pause = pause.max(weighed);
                        if !pause.is_zero() {
                            quiet = Some(tokio::time::Instant::now() + pause);
                        }
                        result
                    }
                },
                _ = pulse.tick() => {
                    silent += 1;
                    if silent > SILENT_HEARTBEATS {
                        debug!(socket = id.0, "silent for too long");
                        return;
                    }
                    within(patience, stream.send(Message::Ping(Bytes::new()))).await
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
            Message::Ping(_) | Message::Pong(_) => {
                return match gate.admit(Instant::now(), false) {
                    Verdict::Pass => Next::Read,
                    Verdict::Slow(pause) => Next::Pause(pause),
                    Verdict::Flood => Next::Close(CloseCode::Flooding),
                };
            }
            Message::Close(_) | Message::Frame(_) => return Next::Read,
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

    async fn close<Io>(&self, socket: SocketId, mut stream: WebSocketStream<Meter<Io>>, code: Code)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        debug!(socket = socket.0, %code, "closing");
        let goodbye = async {
            if stream.send(closing(code)).await.is_ok() {
                // Until the client's own close arrives; a reset instead would lose the code.
                while let Some(Ok(_)) = stream.next().await {
                    stream.get_mut().take();
                }
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
    /// Read nothing for a while.
    Pause(Duration),
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
                stream.send(closing(ours(code))).await?;
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

fn closing(code: Code) -> Message {
    Message::Close(Some(CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    }))
}

fn ours(code: CloseCode) -> Code {
    (code as u16).into()
}

/// What to tell a client whose bytes cannot be read on (RFC 6455, section 7.4.1); nothing, where it is gone anyway.
fn reproach(error: &Error) -> Option<Code> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(Code::Protocol),
        Error::Utf8(_) => Some(Code::Invalid),
        Error::Capacity(_) => Some(Code::Size),
        _ => None,
    }
}

/// A write, unless the client reads nothing for so long.
async fn within(patience: Duration, write: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    match timeout(patience, write).await {
        Ok(result) => result,
        Err(_) => Err(Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

async fn until(end: Option<tokio::time::Instant>) {
    if let Some(end) = end {
        sleep_until(end).await;
    }
}
