use crate::wire::pool;
use hyper::body::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// A stream some of whose bytes were read before anybody asked for them: they come first.
pub(crate) struct Ahead<Io> {
    io: Io,
    bytes: Bytes,
}

impl<Io> Ahead<Io> {
    pub(crate) fn new(io: Io, bytes: Bytes) -> Self {
        Self { io, bytes }
    }

    /// The same stream, before somebody read these bytes of it.
    pub(crate) fn after(mut self, bytes: Bytes) -> Self {
        self.bytes = match (bytes.is_empty(), self.bytes.is_empty()) {
            (true, _) => self.bytes,
            (false, true) => bytes,
            (false, false) => [bytes, self.bytes].concat().into(),
        };
        self
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Ahead<Io> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, into);
        }
        let count = self.bytes.len().min(into.remaining());
        into.put_slice(&self.bytes[..count]);
        self.bytes.advance(count);
        if self.bytes.is_empty() {
            self.bytes = Bytes::new(); // And not the end of what held them.
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Ahead<Io> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// Appends what is there to be read; 0 is the end. Between two calls only `bytes` hold memory.
pub(crate) fn poll_more<Io: AsyncRead + Unpin>(
    io: &mut Io,
    context: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut chunk = pool::take();
    let read = poll_read_buf(Pin::new(io), context, &mut chunk);
    bytes.extend_from_slice(&chunk);
    pool::give(chunk);
    Poll::Ready(ready!(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn what_was_read_ahead_comes_first_and_nothing_twice() {
        let (mut far, near) = tokio::io::duplex(64);
        far.write_all(b"the rest").await.expect("room for it");
        far.shutdown().await.expect("open");
        let stream = Ahead::new(near, Bytes::new()).after(Bytes::from_static(b"st "));
        let mut stream = stream.after(Bytes::from_static(b"fir")).after(Bytes::new());
        let mut four = [0; 4];
        stream.read_exact(&mut four).await.expect("four bytes");
        assert_eq!(&four, b"firs");
        let mut all = String::new();
        stream.read_to_string(&mut all).await.expect("an end");
        assert_eq!(all, "t the rest");
    }
}
