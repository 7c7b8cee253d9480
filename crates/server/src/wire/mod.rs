//! A client's WebSocket, from the end of its opening handshake on (RFC 6455, sections 5 to 7).
//!
//! The parser of frame headers and the errors are tungstenite's. Its streams are not used: each holds a read buffer of its own, which is
//! most of what an idle client costs, and zeroes it at each read; and each message is copied and looked at once more on its
//! way. Here all sockets of a thread share a few buffers, messages are read where they lie, and what is written is encoded
//! into one buffer and goes out with one write.

pub(crate) mod pool;
mod reader;

pub(crate) use reader::Received;

use reader::Reader;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// Past this, what waits to be written is to be flushed before there is more of it.
const FULL: usize = 64 * 1024;

/// Bytes of a frame's header, at most, where nothing is masked (section 5.2).
const HEADER: usize = 10;
/// The bit of a frame that is a whole message.
const FINAL: u8 = 0x80;

pub(crate) struct Wire<Io> {
    io: Io,
    reader: Reader,
    /// Encoded; written up to `sent`. Not allocated while it is empty.
    out: Vec<u8>,
    sent: usize,
    /// The payload of the ping that is not answered yet. Of many only the last is answered (section 5.5.3).
    pong: Option<Box<[u8]>>,
    /// `out` went to the socket, and the socket may still have it.
    unflushed: bool,
    closing: Closing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Open,
    /// Ours is said, theirs is not here.
    Sent,
    /// Theirs is here, and this is to be ours: said once all is answered that came before.
    Asked(Option<[u8; 2]>),
    /// Theirs is here, ours is said.
    Over,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Wire<Io> {
    /// Of messages of no more than `most` bytes.
    pub(crate) fn new(io: Io, most: usize) -> Self {
        Self {
            io,
            reader: Reader::new(most),
            out: Vec::new(),
            sent: 0,
            pong: None,
            unflushed: false,
            closing: Closing::Open,
        }
    }

    /// Puts what ends the opening handshake before all messages.
    pub(crate) fn greet(&mut self, greeting: String) {
        if !greeting.is_empty() {
            self.out = pool::take();
            self.out.extend_from_slice(greeting.as_bytes());
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut Io {
        &mut self.io
    }

    /// The next message; `None` when both ends have said that they close. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Result<Received, Error>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next message, if it is here already. After a close there is none.
    pub(crate) fn ready(&mut self) -> Option<Result<Received, Error>> {
        if matches!(self.closing, Closing::Asked(_) | Closing::Over) {
            return None;
        }
        let received = match self.reader.next() {
            Ok(received) => received?,
            Err(error) => return Some(Err(error)),
        };
        Some(self.react(received).map(|()| received))
    }

    /// The text that was received last.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(crate) fn text(&self) -> Result<&str, Error> {
        // The standard library's looks at 16 bytes at a time, this one at 64.
        simdutf8::basic::from_utf8(self.reader.payload()).map_err(|error| Error::Utf8(error.to_string()))
    }

    /// Puts a message behind what waits to be flushed.
    pub(crate) fn feed(&mut self, text: &str) -> Result<(), Error> {
        self.encode(OpCode::Data(Data::Text), text.as_bytes())
    }

    pub(crate) fn feed_ping(&mut self) -> Result<(), Error> {
        self.encode(OpCode::Control(Control::Ping), &[])
    }

    /// The last thing that is said.
    pub(crate) fn feed_close(&mut self, code: CloseCode) -> Result<(), Error> {
        self.say_close(&u16::from(code).to_be_bytes())
    }

    /// Says that it closes, where the client did so: nothing can be fed after this.
    pub(crate) fn answer_close(&mut self) -> Result<(), Error> {
        if let Closing::Asked(answer) = self.closing {
            self.say_close(answer.as_ref().map_or(&[], |code| code))?;
        }
        Ok(())
    }

    /// Whether to flush before more is fed.
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() - self.sent >= FULL
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Writes what the socket takes now; `None` when that is not all.
    pub(crate) async fn try_flush(&mut self) -> Option<Result<(), Error>> {
        poll_fn(|context| {
            Poll::Ready(match self.poll_flush(context) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => None,
            })
        })
        .await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Received, Error>>> {
        if let Err(error) = self.answer_close() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.closing == Closing::Over {
            return Poll::Ready(ready!(self.poll_flush(context)).err().map(Err));
        }
        loop {
            if let Some(received) = self.ready() {
                return Poll::Ready(Some(received));
            }
            // Answers to what was read wait for nobody else.
            if let Poll::Ready(Err(error)) = self.poll_flush(context) {
                return Poll::Ready(Some(Err(error)));
            }
            match ready!(self.reader.poll_fill(Pin::new(&mut self.io), context)) {
                Ok(0) => return Poll::Ready(Some(Err(ProtocolError::ResetWithoutClosingHandshake.into()))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// What the protocol itself answers.
    fn react(&mut self, received: Received) -> Result<(), Error> {
        match received {
            Received::Text | Received::Binary | Received::Pong => {}
            Received::Ping if self.closing == Closing::Open => self.pong = Some(self.reader.payload().into()),
            Received::Ping => {}
            Received::Close => {
                let answer = closing_answer(self.reader.payload())?;
                self.closing = match self.closing {
                    Closing::Open => Closing::Asked(answer),
                    Closing::Asked(_) | Closing::Sent | Closing::Over => Closing::Over,
                };
            }
        }
        Ok(())
    }

    fn say_close(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.pong = None;
        self.encode(OpCode::Control(Control::Close), payload)?;
        self.closing = match self.closing {
            Closing::Asked(_) => Closing::Over,
            Closing::Open | Closing::Sent | Closing::Over => Closing::Sent,
        };
        Ok(())
    }

    fn encode(&mut self, opcode: OpCode, payload: &[u8]) -> Result<(), Error> {
        if matches!(self.closing, Closing::Sent | Closing::Over) {
            return Err(ProtocolError::SendAfterClosing.into());
        }
        if self.out.capacity() == 0 {
            self.out = pool::take();
        }
        self.out.reserve(HEADER + payload.len());
        self.out.push(FINAL | u8::from(opcode));
        match payload.len() {
            short @ ..126 => self.out.push(short as u8),
            middle @ 126..=0xffff => {
                self.out.push(126);
                self.out.extend_from_slice(&(middle as u16).to_be_bytes());
            }
            long => {
                self.out.push(127);
                self.out.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        self.out.extend_from_slice(payload);
        Ok(())
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            while self.sent < self.out.len() {
                self.unflushed = true;
                match ready!(Pin::new(&mut self.io).poll_write(context, &self.out[self.sent..])) {
                    Ok(0) => return Poll::Ready(Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into())),
                    Ok(count) => self.sent += count,
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
            self.sent = 0;
            if self.out.capacity() > 0 {
                pool::give(std::mem::take(&mut self.out));
            }
            match self.pong.take() {
                Some(payload) => self.encode(OpCode::Control(Control::Pong), &payload)?,
                None => break,
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// The code to close with when a client does: its own, if it may say that (section 7.4).
fn closing_answer(payload: &[u8]) -> Result<Option<[u8; 2]>, Error> {
    let code = match payload {
        [] => return Ok(None),
        [_] => return Err(ProtocolError::InvalidCloseSequence.into()),
        [high, low, reason @ ..] => {
            std::str::from_utf8(reason).map_err(|error| Error::Utf8(error.to_string()))?;
            CloseCode::from(u16::from_be_bytes([*high, *low]))
        }
    };
    let answer = if code.is_allowed() { code } else { CloseCode::Protocol };
    Ok(Some(u16::from(answer).to_be_bytes()))
}
