//! One client's socket.

mod judge;
mod writing;

use crate::admission::Visitor;
use crate::connection::Shared;
use crate::meter::Meter;
use crate::metrics::Dropped;
use crate::outlet::Inbox;
use crate::wire::{Received, Wire};
use judge::Next;
use snug_room::{Gate, SocketId};
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, Sleep, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Code;
use tracing::debug;
use writing::{flush, ours, reproach, write};

/// Past this a frame is not even read: the socket ends. Up to it, one above the limit is answered `too-large`.
const HARD_LIMIT: usize = 1024 * 1024;
/// How many heartbeats a socket may be silent, answers to our pings included.
const SILENT_HEARTBEATS: u32 = 3;

/// One client's socket: reads, judges and parses frames for the hub, and writes what is in the inbox.
pub(crate) struct Socket {
    pub(crate) address: IpAddr,
    pub(crate) visitor: Visitor,
    pub(crate) shared: Arc<Shared>,
}

impl Socket {
    /// Sends `greeting`, and runs until the client or the hub ends it.
    pub(crate) async fn run(&self, io: impl AsyncRead + AsyncWrite + Unpin, greeting: String) {
        let mut wire = Wire::new(Meter::new(io, 2 * HARD_LIMIT), HARD_LIMIT);
        wire.greet(greeting);
        let (id, inbox) = self.shared.hub.open(self.address);
        tokio::select! {
            biased;
            () = self.talk(id, &mut wire, &inbox) => {}
            () = inbox.given_up(self.shared.config.linger) => {}
        }
        self.shared.hub.closed(id).await;
    }

    /// What happens seldom is in boxes: a socket holds room for the largest of what it may be doing.
    async fn talk<Io>(&self, id: SocketId, wire: &mut Wire<Meter<Io>>, inbox: &Inbox)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let mut gate = Gate::new(Instant::now(), &self.shared.limits);
        let heartbeat = Duration::from_millis(self.shared.limits.heartbeat_ms.max(1));
        let mut pulse = interval_at(tokio::time::Instant::now() + heartbeat, heartbeat);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Longer than this no client is waited for, be it silent or deaf.
        let patience = SILENT_HEARTBEATS * heartbeat;
        let mut silent = 0;
        let mut quiet: Option<Pin<Box<Sleep>>> = None;
        loop {
            // What it says before what it is told: the answers then go out in one write with what waited.
            let stirred = tokio::select! {
                biased;
                received = wire.next(), if quiet.is_none() => Stirred::Received(received),
                more = inbox.stirs() => if more { Stirred::Letters } else { return },
                () = until(&mut quiet), if quiet.is_some() => Stirred::Quiet,
                _ = pulse.tick() => Stirred::Pulse,
            };
            let result = match stirred {
                Stirred::Letters => write(wire, inbox, patience).await,
                Stirred::Received(received) => {
                    silent = 0;
                    match self.hear(id, &mut gate, wire, received, patience).await {
                        Heard::All => {}
                        Heard::Enough(pause) => quiet = Some(Box::pin(sleep(pause))),
                        Heard::Close(code) => return Box::pin(self.close(id, wire, code)).await,
                        Heard::End => return,
                    }
                    // And so that whoever never stops talking is told something, too.
                    if inbox.has_letter() {
                        others().await;
                        write(wire, inbox, patience).await
                    } else {
                        Ok(())
                    }
                }
                Stirred::Quiet => {
                    quiet = None;
                    Ok(())
                }
                Stirred::Pulse => {
                    silent += 1;
                    if silent > SILENT_HEARTBEATS {
                        debug!(socket = id.0, "silent for too long");
                        self.shared.hub.metrics().dropped(Dropped::Silent);
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
                            self.shared.hub.metrics().closed(code);
                            if wire.feed(&answer).is_err() || flush(wire, patience).await.is_err() {
                                return Heard::End;
                            }
                            return Heard::Close(ours(code));
                        }
                        Next::Pause(pause) => pause,
                        Next::Close(code) => {
                            self.shared.hub.metrics().closed(code);
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
        if timeout(self.shared.config.linger, goodbye).await.is_err() {
            debug!(socket = socket.0, "the client did not answer the close");
        }
    }
}

/// What a socket waits for.
enum Stirred {
    Letters,
    Received(Option<Result<Received, Error>>),
    /// It has not listened for long enough.
    Quiet,
    Pulse,
}

/// Lets those sockets go first that have something to hear by now. What they have to tell this one it is told together with
/// what it waits for itself, with one write.
async fn others() {
    let mut went = false;
    poll_fn(|context| {
        if std::mem::replace(&mut went, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
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

async fn until(end: &mut Option<Pin<Box<Sleep>>>) {
    if let Some(end) = end {
        end.await;
    }
}
