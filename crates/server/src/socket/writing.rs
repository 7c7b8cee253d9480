//! Writing to a socket that may be slow, and the codes of its end.

use crate::meter::Meter;
use crate::outlet::{Inbox, Letter};
use crate::wire::Wire;
use snug_protocol::CloseCode;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Code;

/// Writes all letters that are there, with as few writes as there can be.
pub(super) async fn write<Io>(wire: &mut Wire<Meter<Io>>, inbox: &Inbox, patience: Duration) -> Result<(), Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let mut fed = Ok(());
        let mut last = None;
        inbox.hand_over(|letter| {
            match letter {
                Letter::Frame(frame) => fed = wire.feed(&frame),
                Letter::Close(code) => last = Some(code),
            }
            fed.is_ok() && last.is_none() && !wire.is_full()
        });
        fed?;
        if let Some(code) = last {
            return Box::pin(within(patience, goodbye(wire, code))).await;
        }
        let is_all = !wire.is_full();
        if is_all {
            wire.answer_close()?;
        }
        flush(wire, patience).await?;
        if is_all {
            return Ok(());
        }
    }
}

/// Says that it closes, and listens until the client said so too.
async fn goodbye<Io>(wire: &mut Wire<Meter<Io>>, code: CloseCode) -> Result<(), Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    wire.feed_close(ours(code))?;
    wire.flush().await?;
    while let Some(received) = wire.next().await {
        received?;
    }
    Err(Error::ConnectionClosed)
}

/// Nearly always the socket takes it all at once, and no clock is asked.
pub(super) async fn flush<Io>(wire: &mut Wire<Meter<Io>>, patience: Duration) -> Result<(), Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    match wire.try_flush().await {
        Some(result) => result,
        None => Box::pin(within(patience, wire.flush())).await,
    }
}

pub(super) fn ours(code: CloseCode) -> Code {
    (code as u16).into()
}

/// What to tell a client whose bytes cannot be read on (RFC 6455, section 7.4.1); nothing, where it is gone anyway.
pub(super) fn reproach(error: &Error) -> Option<Code> {
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
