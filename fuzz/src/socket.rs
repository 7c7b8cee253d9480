use crate::wire::{Received, Wire};
use std::io::{self, Cursor, Read, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

const MOST: usize = 1000;

/// Bytes that come in pieces; what is written goes nowhere.
struct Source {
    bytes: Cursor<Vec<u8>>,
    piece: usize,
}

/// The first byte says in what pieces the others come.
pub fn socket(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let source = || Source {
        bytes: Cursor::new(bytes.to_vec()),
        piece: usize::from(*piece) + 1,
    };
    let ours = ours(source());
    let (theirs, utf8) = theirs(source());
    if utf8 {
        // They see what is no UTF-8 in the first fragment, we in the last.
        assert!(ours.starts_with(&theirs), "{ours:?} {theirs:?}");
    } else {
        assert_eq!(ours, theirs);
    }
}

fn ours(source: Source) -> Vec<(Received, Vec<u8>)> {
    let mut wire = Wire::new(source, MOST);
    let mut messages = Vec::new();
    loop {
        let next = {
            let mut next = pin!(wire.next());
            next.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        match next {
            Poll::Ready(Some(Ok(Received::Text))) => match wire.text() {
                Ok(text) => messages.push((Received::Text, text.as_bytes().to_vec())),
                Err(_) => return messages,
            },
            // Their payload is nobody's business.
            Poll::Ready(Some(Ok(kind))) => messages.push((kind, Vec::new())),
            Poll::Ready(Some(Err(_)) | None) => return messages,
            Poll::Pending => panic!("nothing here ever waits"),
        }
    }
}

fn theirs(source: Source) -> (Vec<(Received, Vec<u8>)>, bool) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MOST))
        .max_frame_size(Some(MOST));
    let mut socket = WebSocket::from_raw_socket(source, Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        let message = match socket.read() {
            Ok(message) => message,
            Err(error) => return (messages, matches!(error, Error::Utf8(_))),
        };
        messages.push(match message {
            Message::Text(text) => (Received::Text, text.as_bytes().to_vec()),
            Message::Binary(_) => (Received::Binary, Vec::new()),
            Message::Ping(_) => (Received::Ping, Vec::new()),
            Message::Pong(_) => (Received::Pong, Vec::new()),
            Message::Close(_) => (Received::Close, Vec::new()),
            Message::Frame(_) => panic!("never read"),
        });
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.piece);
        self.bytes.read(&mut into[..count])
    }
}

impl Write for Source {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Source {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut piece = vec![0; self.piece.min(into.remaining())];
        let count = self.bytes.read(&mut piece)?;
        into.put_slice(&piece[..count]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Source {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
