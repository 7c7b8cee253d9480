//! ICE over TCP (RFC 6544), towards browsers that cannot send datagrams: we listen, they connect. The engine frames
//! the packets; here is seen to it that nobody opens connections without end and that no slow one holds up the driver.
//!
//! The engine goes on with the pair that works first, even when the browser prefers another one. So nothing is read from a
//! connection before datagrams have had their time, and nothing at all once they have succeeded.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use webrtc::runtime::{AsyncTcpListener, AsyncTcpStream};

/// How long datagrams are preferred, from the first connection on.
const PREFERENCE: Duration = Duration::from_secs(3);
/// Connections that one listener serves at a time.
const STREAMS: usize = 16;
/// Packets that wait for a connection; more are dropped, as a network would.
const PACKETS: usize = 128;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A listener that takes few connections.
#[derive(Debug)]
pub struct Listener {
    inner: Arc<dyn AsyncTcpListener>,
    /// Whether the peer connection has been connected.
    connected: Arc<AtomicBool>,
    first: OnceLock<Instant>,
    free: Arc<Semaphore>,
}

impl Listener {
    pub fn new(inner: Arc<dyn AsyncTcpListener>, connected: Arc<AtomicBool>) -> Self {
        Self {
            inner,
            connected,
            first: OnceLock::new(),
            free: Arc::new(Semaphore::new(STREAMS)),
        }
    }
}

impl AsyncTcpListener for Listener {
    fn accept<'a>(&'a self) -> Boxed<'a, io::Result<(Arc<dyn AsyncTcpStream>, SocketAddr)>> {
        Box::pin(async move {
            loop {
                let (stream, peer) = self.inner.accept().await?;
                let first = *self.first.get_or_init(Instant::now);
                tokio::time::sleep_until(first + PREFERENCE).await;
                if self.connected.load(Ordering::Acquire) {
                    continue;
                }
                if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                    return Ok((Arc::new(Stream::new(stream, place)) as Arc<dyn AsyncTcpStream>, peer));
                }
                tracing::debug!("too many connections at once");
            }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that is written to without waiting.
#[derive(Debug)]
struct Stream {
    inner: Arc<dyn AsyncTcpStream>,
    packets: mpsc::Sender<Bytes>,
    writer: JoinHandle<()>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    fn new(inner: Arc<dyn AsyncTcpStream>, place: OwnedSemaphorePermit) -> Self {
        let (packets, mut waiting) = mpsc::channel::<Bytes>(PACKETS);
        let to = Arc::clone(&inner);
        let writer = tokio::spawn(async move {
            while let Some(packet) = waiting.recv().await {
                if let Err(error) = to.write_all(&packet).await {
                    tracing::debug!(%error, "a connection has ended");
                    return;
                }
            }
        });
        Self {
            inner,
            packets,
            writer,
            _place: place,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl AsyncTcpStream for Stream {
    fn read<'a, 'b>(&'a self, buf: &'b mut [u8]) -> Boxed<'b, io::Result<usize>>
    where
        'a: 'b,
    {
        self.inner.read(buf)
    }

    fn write_all<'a, 'b>(&'a self, buf: &'b [u8]) -> Boxed<'b, io::Result<()>>
    where
        'a: 'b,
    {
        // Whole packets: what is dropped breaks no framing.
        let full = self.packets.try_send(Bytes::copy_from_slice(buf)).is_err();
        if full {
            tracing::trace!("a connection is too slow");
        }
        Box::pin(async { Ok(()) })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}
