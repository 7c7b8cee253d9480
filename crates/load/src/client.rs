use crate::dialect::{Dialect, Heard, Seat};
use crate::wire;
use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use std::io::{ErrorKind, Read, Write};

/// One client: a socket, what came over it in part, and what is to go out with the next flush.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) seat: Seat,
    state: State,
    partial: Vec<u8>,
    out: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The request is in `out`, or sent; its answer is not here yet.
    Upgrading,
    Open,
    Closed,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, seat: Seat, host: &str, dialect: &dyn Dialect) -> Self {
        let path = dialect.path(&seat);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        Self {
            stream,
            seat,
            state: State::Upgrading,
            partial: Vec::new(),
            out: request.into_bytes(),
        }
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Has TCP acknowledge what this client reads when it reads it, on the load's core. Once a client has answered anything (some
    /// wires have a join, others only a path) Linux waits for its next answer instead, and then the sender's own core carries the
    /// acknowledgement over loopback: a tenth of a delivery, for some servers and not for others.
    pub(crate) fn acknowledge_by_itself(&self) -> Result<()> {
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&self.stream).set_tcp_quickack(true)?;
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Puts a whole frame behind what waits to be written.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        self.out.extend_from_slice(frame);
    }

    /// The closing handshake, started from here.
    pub(crate) fn close(&mut self) {
        wire::encode(wire::CLOSE, &1000u16.to_be_bytes(), &mut self.out);
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(count) => written += count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => break,
                Err(error) => return Err(error).context("a write failed"),
            }
        }
        self.out.drain(..written);
        Ok(())
    }

    /// Reads what has come, and says what it was.
    pub(crate) fn read(&mut self, scratch: &mut [u8], dialect: &dyn Dialect, heard: &mut Vec<Heard>) -> Result<()> {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Whoever closed as asked may do it with a reset.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                Err(error) => return Err(error).context("a read failed"),
            };
            if count == 0 {
                if self.state != State::Closed {
                    self.state = State::Closed;
                    heard.push(Heard::Closed);
                }
                return Ok(());
            }
            if self.partial.is_empty() {
                let taken = self.take(&scratch[..count], dialect, heard)?;
                self.partial.extend_from_slice(&scratch[taken..count]);
            } else {
                let mut bytes = std::mem::take(&mut self.partial);
                bytes.extend_from_slice(&scratch[..count]);
                let taken = self.take(&bytes, dialect, heard)?;
                bytes.drain(..taken);
                self.partial = bytes;
            }
            // The poll is edge-triggered, and a short read says that there is no more.
            if count < scratch.len() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, bytes: &[u8], dialect: &dyn Dialect, heard: &mut Vec<Heard>) -> Result<usize> {
        let mut at = 0;
        if self.state == State::Upgrading {
            let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
                return Ok(0);
            };
            if !bytes.starts_with(b"HTTP/1.1 101") {
                bail!("no upgrade: {}", String::from_utf8_lossy(&bytes[..end]));
            }
            at = end + 4;
            self.state = State::Open;
            dialect.opened(&mut self.seat, &mut self.out, heard);
        }
        while self.state == State::Open
            && let Some((opcode, payload, length)) = wire::decode(&bytes[at..])
        {
            at += length;
            match opcode {
                wire::TEXT => dialect.hear(&mut self.seat, payload, &mut self.out, heard)?,
                wire::PING => wire::encode(wire::PONG, payload, &mut self.out),
                wire::CLOSE => {
                    self.state = State::Closed;
                    heard.push(Heard::Closed);
                }
                wire::PONG => {}
                other => bail!("a frame of opcode {other}"),
            }
        }
        Ok(at)
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.out.is_empty()
    }
}
