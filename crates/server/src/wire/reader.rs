use super::pool;
use std::io::{self, Cursor};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_util::io::poll_read_buf;

/// A message of the client; its payload is the reader's until the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

/// Makes messages of a client's bytes (RFC 6455, section 5). Between messages it holds no buffer.
pub(super) struct Reader {
    /// What came and is not given out, from `at` on.
    held: Vec<u8>,
    at: usize,
    /// `held` goes back to the pool.
    pooled: bool,
    /// The payload given out last, in `held`; where it came in fragments, it is in `whole`.
    payload: Range<usize>,
    whole: Vec<u8>,
    fragments: Option<Fragments>,
    most: usize,
}

struct Fragments {
    kind: Received,
    payload: Vec<u8>,
}

impl Reader {
    /// Of messages of no more than `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            held: Vec::new(),
            at: 0,
            pooled: false,
            payload: 0..0,
            whole: Vec::new(),
            fragments: None,
            most,
        }
    }

    /// The payload of the message that was given out last.
    pub(super) fn payload(&self) -> &[u8] {
        if self.whole.is_empty() {
            self.held.get(self.payload.clone()).unwrap_or_default()
        } else {
            &self.whole
        }
    }

    /// The next message that is here whole. What it finds wrong, it finds as soon as the header is here.
    pub(super) fn next(&mut self) -> Result<Option<Received>, Error> {
        self.whole = Vec::new();
        while let Some((opcode, is_final)) = self.frame()? {
            let kind = match opcode {
                OpCode::Control(Control::Close) => Received::Close,
                OpCode::Control(Control::Ping) => Received::Ping,
                OpCode::Control(Control::Pong) => Received::Pong,
                OpCode::Data(Data::Text) => Received::Text,
                OpCode::Data(Data::Binary) => Received::Binary,
                OpCode::Data(Data::Continue) => {
                    let Some(mut fragments) = self.fragments.take() else {
                        return Err(ProtocolError::UnexpectedContinueFrame.into());
                    };
                    fragments.payload.extend_from_slice(&self.held[self.payload.clone()]);
                    if is_final {
                        self.payload = 0..0;
                        self.whole = fragments.payload;
                        return Ok(Some(fragments.kind));
                    }
                    self.fragments = Some(fragments);
                    continue;
                }
                OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) => continue, // Refused below.
            };
            if is_final {
                return Ok(Some(kind));
            }
            let payload = self.held[self.payload.clone()].to_vec();
            self.fragments = Some(Fragments { kind, payload });
        }
        Ok(None)
    }

    /// Takes the next frame that is here whole, and unmasks it in its place.
    fn frame(&mut self) -> Result<Option<(OpCode, bool)>, Error> {
        let mut cursor = Cursor::new(&self.held[self.at..]);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else {
            return Ok(None);
        };
        self.check(&header, length)?;
        let Some(mask) = header.mask else {
            return Err(ProtocolError::UnmaskedFrameFromClient.into());
        };
        let start = self.at + cursor.position() as usize;
        let end = start + length as usize;
        let Some(payload) = self.held.get_mut(start..end) else {
            return Ok(None);
        };
        unmask(payload, mask);
        self.payload = start..end;
        self.at = end;
        Ok(Some((header.opcode, header.is_final)))
    }

    fn check(&self, header: &FrameHeader, length: u64) -> Result<(), Error> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(ProtocolError::NonZeroReservedBits.into());
        }
        match header.opcode {
            OpCode::Control(Control::Reserved(code)) => {
                return Err(ProtocolError::UnknownControlFrameType(code).into());
            }
            OpCode::Control(_) if !header.is_final => return Err(ProtocolError::FragmentedControlFrame.into()),
            OpCode::Control(_) if length > 125 => return Err(ProtocolError::ControlFrameTooBig.into()),
            OpCode::Control(_) => {}
            OpCode::Data(Data::Reserved(code)) => return Err(ProtocolError::UnknownDataFrameType(code).into()),
            OpCode::Data(Data::Continue) if self.fragments.is_none() => {
                return Err(ProtocolError::UnexpectedContinueFrame.into());
            }
            OpCode::Data(Data::Continue) => {}
            OpCode::Data(data) if self.fragments.is_some() => return Err(ProtocolError::ExpectedFragment(data).into()),
            OpCode::Data(_) => {}
        }
        let before = match header.opcode {
            OpCode::Data(_) => self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len()),
            OpCode::Control(_) => 0,
        };
        let size = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(before);
        if size > self.most {
            let max_size = self.most;
            return Err(CapacityError::MessageTooLong { size, max_size }.into());
        }
        Ok(())
    }

    /// Reads on, once no message is here whole. 0 is the end.
    pub(super) fn poll_fill(
        &mut self,
        io: Pin<&mut impl AsyncRead>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.stow();
        let mut chunk = pool::take();
        let read = poll_read_buf(io, context, &mut chunk);
        if self.held.is_empty() && matches!(read, Poll::Ready(Ok(1..))) {
            self.held = chunk;
            self.pooled = true;
        } else {
            self.held.extend_from_slice(&chunk);
            pool::give(chunk);
        }
        Poll::Ready(ready!(read))
    }

    /// Lets go of the buffer, but for the part of a message that is in it.
    fn stow(&mut self) {
        self.payload = 0..0;
        if self.pooled || self.at == self.held.len() {
            let rest = self.held[self.at..].to_vec();
            let buffer = std::mem::replace(&mut self.held, rest);
            if self.pooled {
                pool::give(buffer);
            }
            self.pooled = false;
            self.at = 0;
        } else if self.at > 0 {
            self.held.drain(..self.at);
            self.at = 0;
        }
    }
}

/// Section 5.3, eight bytes at a time.
fn unmask(payload: &mut [u8], [a, b, c, d]: [u8; 4]) {
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests;
