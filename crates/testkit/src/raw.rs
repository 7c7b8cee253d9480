use crate::PATIENCE;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// A client that says what no library would: bytes, and frames of its own making.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What is in a frame's first byte beside the opcode.
pub const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;
pub const TEXT: u8 = 1;
pub const PING: u8 = 9;
const CLOSE: u8 = 8;

impl Raw {
    /// Connects from an address of this machine: on Linux all of 127.0.0.0/8 are.
    ///
    /// # Errors
    /// When the server takes no connection.
    pub async fn connect(server: SocketAddr, from: IpAddr) -> io::Result<Self> {
        let socket = if server.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let read = Vec::new();
        Ok(Self { stream, read })
    }

    /// Connects, and opens a socket with these headers more; the status of the answer comes with it.
    ///
    /// # Errors
    /// When the server takes no connection, or says nothing that is HTTP.
    pub async fn upgrade(server: SocketAddr, from: IpAddr, headers: &str) -> io::Result<(Self, u16)> {
        let mut raw = Self::connect(server, from).await?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        raw.write(request.as_bytes()).await?;
        let status = raw.status().await?;
        Ok((raw, status))
    }

    /// Asks for a page, and reads it whole: its status and its text.
    ///
    /// # Errors
    /// When the server takes no connection, or says nothing that is HTTP.
    pub async fn get(server: SocketAddr, from: IpAddr, path: &str) -> io::Result<(u16, String)> {
        let mut raw = Self::connect(server, from).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
        raw.write(request.as_bytes()).await?;
        let status = raw.status().await?;
        raw.ended().await;
        Ok((status, String::from_utf8_lossy(&raw.read).into_owned()))
    }

    /// # Errors
    /// When the connection is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// A text frame as it should be.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn text(&mut self, text: &str) -> io::Result<()> {
        self.write(&frame(FIN | TEXT, true, text.as_bytes())).await
    }

    /// The status of the next answer; its head is read, and no more.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn status(&mut self) -> io::Result<u16> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let status = String::from_utf8_lossy(&head)
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The next frame: its opcode and its payload.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            let (size, header) = match *self.read.as_slice() {
                [_, size @ 0..126, ..] => (usize::from(size), 2),
                [_, 126, a, b, ..] => (usize::from(u16::from_be_bytes([a, b])), 4),
                [_, 127, _, _, _, _, a, b, c, d, ..] => (u32::from_be_bytes([a, b, c, d]) as usize, 10),
                _ => (usize::MAX, 0),
            };
            if header > 0 && self.read.len() >= header + size {
                let opcode = self.read[0] & 0xf;
                let payload = self.read[header..header + size].to_vec();
                self.read.drain(..header + size);
                return Ok((opcode, payload));
            }
            self.more().await?;
        }
    }

    /// Reads until the server closes: with which code, if with any.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            match self.frame().await {
                Ok((CLOSE, payload)) => return Some(u16::from_be_bytes([*payload.first()?, *payload.get(1)?])),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Reads until the server has ended the connection.
    pub async fn ended(&mut self) {
        while self.more().await.is_ok() {}
    }

    async fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
        match read.expect("something happens in time")? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.read.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

/// A client's frame, whole or only begun, whatever sense it makes.
pub fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, masked, payload.len() as u64);
    // Masked with zeros: allowed, and the same.
    frame.extend_from_slice(payload);
    frame
}

/// The header of a frame of so many bytes, which need not follow.
pub fn header(first: u8, masked: bool, size: u64) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut header = vec![first];
    match size {
        0..126 => header.push(mask | size as u8),
        126..0x1_0000 => {
            header.push(mask | 126);
            header.extend_from_slice(&(size as u16).to_be_bytes());
        }
        _ => {
            header.push(mask | 127);
            header.extend_from_slice(&size.to_be_bytes());
        }
    }
    if masked {
        header.extend_from_slice(&[0; 4]);
    }
    header
}
