//! Tokio's runtime with big socket buffers: the default ones lose bursts of data-channel packets.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

/// Bytes asked for; the system may give less.
const BUFFER: usize = 2 << 20;

#[derive(Debug)]
pub struct Sockets(pub TokioRuntime);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for Sockets {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        self.0.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let reference = socket2::SockRef::from(&socket);
        for result in [reference.set_recv_buffer_size(BUFFER), reference.set_send_buffer_size(BUFFER)] {
            if let Err(error) = result {
                tracing::debug!(%error, "a socket buffer keeps its size");
            }
        }
        self.0.wrap_udp_socket(socket)
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.0.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.0.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        self.0.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        self.0.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.0.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.0.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        self.0.yield_now()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }
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
    let found: Vec<IpAddr> =
        interfaces.iter().filter_map(|one| one.addr).map(|addr| addr.ip()).filter(usable).collect();
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
