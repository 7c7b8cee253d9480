use crate::admission::{self, Visitor};
use crate::connection::Shared;
use crate::hub::Hub;
use crate::meter::Meter;
use crate::metrics::Dropped;
use crate::outlet::{Inbox, Letter};
use crate::trace::{self, Point};
use crate::wire::{Received, Wire};
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, ErrorCode, Identity, Join, Limits, ServerMessage};
use snug_room::{Gate, SocketId, Verdict};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, Sleep, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Code;
use tracing::debug;

/// Past this a frame is not even read: the socket ends. Up to it, one above the limit is answered `too-large`.
const HARD_LIMIT: usize = 1024 * 1024;
/// How many heartbeats a socket may be silent, answers to our pings included.
const SILENT_HEARTBEATS: u32 = 3;

/// One client's socket: reads, judges and parses frames for the hub, and writes what is in the inbox.
pub(crate) struct Socket {
    pub(crate) address: IpAddr,
    pub(crate) visitor: Visitor,
    pub(crate) limits: Arc<Limits>,
    pub(crate) linger: Duration,
    pub(crate) hub: Hub,
    pub(crate) shared: Arc<Shared>,
}

impl Socket {
    /// Runs until the client or the hub ends it.
    pub(crate) async fn run(&self, io: impl AsyncRead + AsyncWrite + Unpin) {
        let mut wire = Wire::new(Meter::new(io, 2 * HARD_LIMIT), HARD_LIMIT);
        let (id, inbox) = self.hub.open(self.address);
        tokio::select! {
            () = self.talk(id, &mut wire, &inbox) => {}
            () = inbox.given_up(self.linger) => {}
        }
        self.hub.closed(id).await;
    }

    /// What happens seldom is in boxes: a socket holds room for the largest of what it may be doing.
    async fn talk<Io>(&self, id: SocketId, wire: &mut Wire<Meter<Io>>, inbox: &Inbox)
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
        let mut quiet: Option<Pin<Box<Sleep>>> = None;
        loop {
            let stirred = tokio::select! {
                letter = inbox.next() => Stirred::Letter(letter),
                received = wire.next(), if quiet.is_none() => Stirred::Received(received),
                () = until(&mut quiet), if quiet.is_some() => Stirred::Quiet,
                _ = pulse.tick() => Stirred::Pulse,
            };
            let result = match stirred {
                Stirred::Letter(None) => return,
                Stirred::Letter(Some(letter)) => write(wire, letter, inbox, patience).await,
                Stirred::Received(received) => {
                    silent = 0;
                    match self.hear(id, &mut gate, wire, received, patience).await {
                        Heard::All => {}
                        Heard::Enough(pause) => quiet = Some(Box::pin(sleep(pause))),
                        Heard::Close(code) => return Box::pin(self.close(id, wire, code)).await,
                        Heard::End => return,
                    }
                    Ok(())
                }
                Stirred::Quiet => {
                    quiet = None;
                    Ok(())
                }
                Stirred::Pulse => {
                    silent += 1;
                    if silent > SILENT_HEARTBEATS {
                        debug!(socket = id.0, "silent for too long");
                        self.hub.metrics().dropped(Dropped::Silent);
                        return;
                    }
                    match wire.feed_ping() {
                        Ok(()) => flush(wire, patience).await,
                        Err(error) => Err(error),
                    }
                }
            };
            if let Err(error) = result {
                debug!(socket = id.0, %error, "the socket broke");
                return;
            }
        }
    }

    /// Takes this message and all that came with it.
    async fn hear<Io>(
        &self,
        id: SocketId,
        gate: &mut Gate,
        wire: &mut Wire<Meter<Io>>,
        mut received: Option<Result<Received, Error>>,
        patience: Duration,
    ) -> Heard
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let now = Instant::now();
        loop {
            match received {
                None => return Heard::End,
                Some(Err(error)) => {
                    debug!(socket = id.0, %error, "not WebSocket");
                    return reproach(&error).map_or(Heard::End, Heard::Close);
                }
                Some(Ok(received)) => {
                    let weighed = gate.weigh(now, wire.get_mut().take());
                    let text = match received {
                        Received::Text => match wire.text() {
                            Ok(text) => Some(text),
                            Err(_) => return Heard::Close(Code::Invalid),
                        },
                        Received::Binary | Received::Ping | Received::Pong | Received::Close => None,
                    };
                    let pause = match self.judge(id, gate, now, received, text).await {
                        Next::Read => Duration::ZERO,
                        Next::End => return Heard::End,
                        Next::Answer(answer, pause) => {
                            if wire.feed(&answer).is_err() || flush(wire, patience).await.is_err() {
                                return Heard::End;
                            }
                            pause
                        }
                        Next::Last(answer, code) => {
                            self.hub.metrics().closed(code);
                            if wire.feed(&answer).is_err() || flush(wire, patience).await.is_err() {
                                return Heard::End;
                            }
                            return Heard::Close(ours(code));
                        }
                        Next::Pause(pause) => pause,
                        Next::Close(code) => {
                            self.hub.metrics().closed(code);
                            return Heard::Close(ours(code));
                        }
                    };
                    let pause = pause.max(weighed);
                    if !pause.is_zero() {
                        return Heard::Enough(pause);
                    }
                }
            }
            received = wire.ready();
            if received.is_none() {
                return Heard::All;
            }
        }
    }

    /// What to do with one message of the client.
    async fn judge(
        &self,
        socket: SocketId,
        gate: &mut Gate,
        now: Instant,
        received: Received,
        text: Option<&str>,
    ) -> Next {
        match received {
            Received::Text | Received::Binary => {}
            Received::Ping | Received::Pong => {
                return match gate.admit(now, false) {
                    Verdict::Pass => Next::Read,
                    Verdict::Slow(pause) => Next::Pause(pause),
                    Verdict::Flood => Next::Close(CloseCode::Flooding),
                };
            }
            Received::Close => return Next::Read,
        }
        let size = text.map_or(0, str::len);
        let frame = match text {
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
        match gate.admit(now, candidate) {
            Verdict::Pass => {}
            Verdict::Flood => return Next::Close(CloseCode::Flooding),
            Verdict::Slow(pause) => {
                let id = frame.and_then(|frame| frame.map_or_else(|error| error.id(), |frame| frame.id));
                return self.refuse(
                    id,
                    ErrorCode::RateLimited,
                    "too fast: this frame was not handled",
                    pause,
                );
            }
        }
        match frame {
            Some(Ok(ClientFrame {
                id,
                message: ClientMessage::Join(join),
            })) => Box::pin(self.join(socket, id, join)).await,
            Some(Ok(frame)) => match self.hub.frame(socket, frame).await {
                Ok(()) => Next::Read,
                Err(_) => Next::End,
            },
            Some(Err(error)) => self.refuse(error.id(), error.code(), &error.to_string(), Duration::ZERO),
            None if text.is_some() => self.refuse(
                None,
                ErrorCode::TooLarge,
                &format!("a frame of {size} bytes: the limit is {}", self.limits.frame_bytes),
                Duration::ZERO,
            ),
            None => self.refuse(
                None,
                ErrorCode::BadJson,
                "a binary frame: text is spoken here",
                Duration::ZERO,
            ),
        }
    }

    /// A wish for a seat: what its token allows goes with it.
    async fn join(&self, socket: SocketId, id: Option<u64>, join: Join) -> Next {
        if let Some(join_id) = &join.join_id {
            trace::point(join_id, Point::Server);
        }
        let grant = match self.visitor.admit(&join, &self.shared.config.keys) {
            Ok(grant) => grant,
            Err(refused) => {
                let code = admission::code(refused);
                debug!(socket = socket.0, %refused, "no seat");
                self.hub.metrics().refused(code);
                let answer = error(id, code, &refused.to_string(), Duration::ZERO);
                return Next::Last(answer, CloseCode::Unauthorized);
            }
        };
        let identity = grant.identity.as_ref().or(join.identity.as_ref());
        let identity = identity.map(Identity::as_str);
        let ice_servers = self.shared.ice_servers(identity, self.visitor.host.as_deref());
        match self.hub.join(socket, id, join, grant, ice_servers).await {
            Ok(()) => Next::Read,
            Err(_) => Next::End,
        }
    }

    fn refuse(&self, id: Option<u64>, code: ErrorCode, message: &str, pause: Duration) -> Next {
        self.hub.metrics().refused(code);
        Next::Answer(error(id, code, message, pause), pause)
    }

    async fn close<Io>(&self, socket: SocketId, wire: &mut Wire<Meter<Io>>, code: Code)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        debug!(socket = socket.0, %code, "closing");
        let goodbye = async {
            let said = wire.feed_close(code);
            if said.and(wire.flush().await).is_ok() {
                // Until the client's own close arrives, or far too much else; a reset instead would lose the code.
                while let Some(Ok(_)) = wire.next().await {}
            }
        };
        if timeout(self.linger, goodbye).await.is_err() {
            debug!(socket = socket.0, "the client did not answer the close");
        }
    }
}

/// What a socket waits for.
enum Stirred {
    Letter(Option<Letter>),
    Received(Option<Result<Received, Error>>),
    /// It has not listened for long enough.
    Quiet,
    Pulse,
}

/// How far a socket got with what its client said.
enum Heard {
    All,
    /// Listen to no more for a while.
    Enough(Duration),
    Close(Code),
    /// The client, or the server, is gone.
    End,
}

enum Next {
    Read,
    /// Send this, then read nothing for a while.
    Answer(String, Duration),
    /// Send this, then close.
    Last(String, CloseCode),
    /// Read nothing for a while.
    Pause(Duration),
    Close(CloseCode),
    /// There is no server any more.
    End,
}

fn error(id: Option<u64>, code: ErrorCode, message: &str, pause: Duration) -> String {
    let error = ServerMessage::Error {
        id,
        code,
        message: message.to_owned(),
        retry_after_ms: (!pause.is_zero()).then(|| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
    };
    error.to_json()
}

/// Writes this letter and all that are there already, with as few writes as there can be.
async fn write<Io>(wire: &mut Wire<Meter<Io>>, first: Letter, inbox: &Inbox, patience: Duration) -> Result<(), Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let mut next = Some(first);
    while let Some(letter) = next {
        match letter {
            Letter::Frame(frame) => wire.feed(&frame)?,
            Letter::Close(code) => {
                wire.feed_close(ours(code))?;
                let goodbye = async {
                    wire.flush().await?;
                    while let Some(received) = wire.next().await {
                        received?;
                    }
                    Err(Error::ConnectionClosed)
                };
                return Box::pin(within(patience, goodbye)).await;
            }
        }
        if wire.is_full() {
            flush(wire, patience).await?;
        }
        next = inbox.ready();
    }
    flush(wire, patience).await
}

/// Nearly always the socket takes it all at once, and no clock is asked.
async fn flush<Io>(wire: &mut Wire<Meter<Io>>, patience: Duration) -> Result<(), Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    match wire.try_flush().await {
        Some(result) => result,
        None => Box::pin(within(patience, wire.flush())).await,
    }
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
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => None,
    }
}

/// A write, unless the client reads nothing for so long.
async fn within(patience: Duration, write: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    match timeout(patience, write).await {
        Ok(result) => result,
        Err(_) => Err(Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

async fn until(end: &mut Option<Pin<Box<Sleep>>>) {
    if let Some(end) = end {
        end.await;
    }
}
