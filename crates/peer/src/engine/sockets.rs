//! Tokio's runtime with big socket buffers: the default ones lose bursts of data-channel packets.
//!
//! What the engine runs may panic over what a remote sends. That ends its connection and nothing else, but somebody
//! has to say so.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime,
    Transmit,
};

use super::alert::is_fatal;
use super::build::NOWHERE;
use super::direct_tcp::Listener;
use super::names::Names;
use super::nudging::{Heard, Nudging};
use super::pace::{self, Pace};
use super::servers::Servers;
use super::stun::is_check;
use super::tap::lock;

/// Bytes asked for; the system may give less.
const BUFFER: usize = 2 << 20;

/// How long a STUN or TURN server may take to answer: requests have been repeated five times by then.
const FOR_AN_ANSWER: Duration = Duration::from_secs(10);
/// How long a server that cannot be reached from one address may be asked from another.
const FOR_A_WAY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Sockets {
    pub tokio: TokioRuntime,
    /// A relay may be used.
    pub relay: bool,
    /// Whether the connection has been connected.
    pub connected: Arc<AtomicBool>,
    pub alarm: Alarm,
    pub servers: Arc<Servers>,
    pub names: Arc<Names>,
    pub heard: Arc<Heard>,
}

/// What the engine does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A task of it has panicked.
    Panic,
    /// Either end has refused the other's DTLS.
    Handshake,
}

/// Called when there is trouble.
#[derive(Clone)]
pub struct Alarm(pub Arc<dyn Fn(Trouble) + Send + Sync>);

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alarm")
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for Sockets {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        let alarm = self.alarm.clone();
        self.tokio.spawn(Box::pin(async move {
            // Nothing of it is used again.
            if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                tracing::error!("the engine has panicked: its connection is over");
                (alarm.0)(Trouble::Panic);
            }
        }))
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let reference = socket2::SockRef::from(&socket);
        for result in [
            reference.set_recv_buffer_size(BUFFER),
            reference.set_send_buffer_size(BUFFER),
        ] {
            if let Err(error) = result {
                tracing::debug!(%error, "a socket buffer keeps its size");
            }
        }
        let watched = Watched {
            inner: self.tokio.wrap_udp_socket(socket)?,
            servers: Arc::clone(&self.servers),
            names: Arc::clone(&self.names),
            pace: Mutex::default(),
            partner: Mutex::default(),
            connected: Arc::clone(&self.connected),
            alarm: self.alarm.clone(),
        };
        Ok(Arc::new(Nudging::new(
            Arc::new(watched),
            Arc::clone(&self.connected),
            self.relay,
            Arc::clone(&self.heard),
        )))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        let inner = self.tokio.wrap_tcp_listener(listener)?;
        Ok(Arc::new(Listener::new(inner, Arc::clone(&self.connected))))
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.tokio.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            if host.split(':').next() == Some(NOWHERE) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let resolved = self.tokio.resolve_host(host).await;
            self.servers.resolved(host, resolved.as_deref());
            resolved
        })
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        if self.heard.is_over(duration) {
            // Tokio's timers count whole milliseconds.
            return Box::pin(std::future::ready(()));
        }
        self.tokio.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.tokio.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tokio.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        self.tokio.yield_now()
    }

    fn name(&self) -> &'static str {
        self.tokio.name()
    }
}

/// A socket that lets requests to servers and their answers be seen, and the alert that ends a handshake, and no check be seen too soon or
/// sent too often.
#[derive(Debug)]
struct Watched {
    inner: Arc<dyn AsyncUdpSocket>,
    servers: Arc<Servers>,
    names: Arc<Names>,
    pace: Mutex<Pace>,
    /// Who DTLS is spoken with.
    partner: Mutex<Option<SocketAddr>>,
    connected: Arc<AtomicBool>,
    alarm: Alarm,
}

impl Watched {
    /// Looks at what is said in a handshake. In it alerts are in clear, so that of strangers none counts.
    fn watch(&self, datagram: &[u8], with: SocketAddr, ours: bool) {
        if !is_dtls(datagram) || self.connected.load(Ordering::Acquire) {
            return;
        }
        let mut partner = lock(&self.partner);
        if ours {
            *partner = Some(with);
        }
        if is_fatal(datagram) && *partner == Some(with) {
            drop(partner);
            (self.alarm.0)(Trouble::Handshake);
        }
    }

    /// A request to a server has left, or there is no way to it.
    fn asked(&self, transmit: &Transmit<'_>, unsent: bool) {
        let Ok(own) = self.inner.local_addr() else { return };
        let first = self.servers.sent(own, transmit.destination, transmit.contents, unsent);
        if !first {
            return;
        }
        // The engine may end its gathering much later, or never.
        let servers = Arc::downgrade(&self.servers);
        let wait = async move {
            tokio::time::sleep(if unsent { FOR_A_WAY } else { FOR_AN_ANSWER }).await;
            match servers.upgrade() {
                Some(servers) if unsent => servers.unreached(),
                Some(servers) => servers.waited(),
                None => {}
            }
        };
        TokioRuntime.spawn(Box::pin(wait)).detach();
    }
}

impl AsyncUdpSocket for Watched {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if let Some(check) = pace::check(transmit.destination, transmit.contents)
            && !lock(&self.pace).admit(check, Instant::now())
        {
            // It was said a moment ago, and is said again.
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        let sent = self.inner.poll_send(cx, transmit);
        if let Poll::Ready(result) = &sent {
            self.watch(transmit.contents, transmit.destination, true);
            if is_control(transmit.contents) {
                self.asked(transmit, result.is_err());
            }
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.inner.poll_recv(cx, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            for (buffer, meta) in buffers.iter().zip(meta.iter_mut()).take(count) {
                let heard = buffer.get(..meta.len).and_then(|bytes| pace::check(meta.addr, bytes));
                if let Some(check) = heard {
                    lock(&self.pace).heard(check);
                }
                let Some(datagrams) = buffer.get(..meta.len) else {
                    continue;
                };
                self.watch(datagrams, meta.addr, false);
                if !is_control(datagrams) {
                    continue;
                }
                if is_check(datagrams) && !self.names.admit(meta.addr, Instant::now()) {
                    // An empty datagram is nobody's.
                    (meta.len, meta.stride) = (0, 0);
                    continue;
                }
                if let Ok(own) = self.inner.local_addr() {
                    for datagram in datagrams.chunks(meta.stride.max(1)) {
                        self.servers.received(own, meta.addr, datagram);
                    }
                }
            }
        }
        received
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}

/// Whether a datagram is one of STUN (RFC 7983).
fn is_control(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
}

/// Whether a datagram is one of DTLS (RFC 7983).
fn is_dtls(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| (20..64).contains(first))
}

/// The addresses to bind: every interface's, or the loopback where there is no other.
pub fn addresses() -> Vec<SocketAddr> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    };
    let interfaces = rtc::shared::ifaces::ifaces().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces could not be listed");
        Vec::new()
    });
    let found: Vec<IpAddr> = interfaces
        .iter()
        .filter_map(|one| one.addr)
        .map(|addr| addr.ip())
        .filter(usable)
        .collect();
    let mut addresses = Vec::new();
    // A wildcard stands for every interface of its family, also for those that come later.
    if found.iter().any(IpAddr::is_ipv4) {
        addresses.push(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    }
    if found.iter().any(IpAddr::is_ipv6) {
        addresses.push(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
    }
    if addresses.is_empty() {
        addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_engine_is_told() {
        let (tell, mut told) = tokio::sync::mpsc::channel(1);
        let sockets = Sockets {
            tokio: TokioRuntime,
            relay: false,
            connected: Arc::default(),
            alarm: Alarm(Arc::new(move |trouble| tell.try_send(trouble).unwrap())),
            servers: Servers::new(drop),
            names: Arc::default(),
            heard: Arc::default(),
        };
        sockets.spawn(Box::pin(async {})).detach();
        sockets.spawn(Box::pin(async { panic!("on purpose") })).detach();
        assert_eq!(told.recv().await, Some(Trouble::Panic));
        drop(sockets);
        assert_eq!(told.recv().await, None);
    }
}
