//! Addresses of this machine, and sockets on them.

use crate::core::{Family, Unopened};
use crate::policy::Relays;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// Room for bursts, as far as the system allows.
const BUFFER: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// An IPv4 address that was seen through an IPv6 socket, as itself.
pub(super) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// UDP and TCP on the same port.
pub(super) fn pair(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = if listen.port() == 0 { 32 } else { 1 };
    loop {
        let udp = datagrams(listen, true)?;
        // A port of the system's choice may be free for one of them only.
        match listener(SocketAddr::new(listen.ip(), udp.local_addr()?.port())) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => {
                tries -= 1;
                if tries == 0 {
                    return Err(error);
                }
            }
        }
    }
}

/// A UDP socket. With `dual`, an unspecified IPv6 address hears IPv4 as well.
pub(super) fn datagrams(addr: SocketAddr, dual: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(!(dual && addr.ip().is_unspecified()))?;
    }
    // Best effort: the system cuts it to its own bound.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// Whether it could be sent. Asks the system at once: tokio would first wait to hear that a new socket is writable.
pub(super) fn send(socket: &tokio::net::UdpSocket, packet: &[u8], to: SocketAddr) -> bool {
    SockRef::from(socket).send_to(packet, &to.into()).is_ok()
}

/// A TCP listener.
pub(super) fn listener(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(!addr.ip().is_unspecified())?;
    }
    // A restarted server takes its port at once; on Windows the option would let others take it too.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Where relay sockets are bound, and what clients are told.
pub(super) struct Addresses {
    listen: IpAddr,
    external: [Option<IpAddr>; 2],
}

impl Addresses {
    pub(super) fn new(listen: IpAddr, external: &[IpAddr]) -> Self {
        let first = |v4: bool| external.iter().map(IpAddr::to_canonical).find(|ip| ip.is_ipv4() == v4);
        Self {
            listen,
            external: [first(true), first(false)],
        }
    }

    /// Every address that leads to this machine, as far as it knows.
    pub(super) fn own(&self) -> Vec<IpAddr> {
        let mut own: Vec<IpAddr> = self.external.iter().flatten().copied().collect();
        if !self.listen.is_unspecified() {
            own.push(self.listen);
        }
        own.extend(interfaces());
        own.sort_unstable();
        own.dedup();
        own
    }

    /// The addresses that relayed addresses are given out on: what the operator named, else this machine's own.
    pub(super) fn relays(&self) -> Relays {
        let named: Vec<IpAddr> = self.external.iter().flatten().copied().collect();
        let mut found = if self.listen.is_unspecified() {
            interfaces()
        } else {
            vec![self.listen]
        };
        found.retain(|ip| !named.iter().any(|named| named.is_ipv4() == ip.is_ipv4()));
        Relays { named, found }
    }

    /// Where to bind a relay socket for a client, and the address to tell: the external one, else the one that is listened
    /// on, else the one that the client is reached from.
    pub(super) fn relay(&self, family: Family, client: SocketAddr) -> Result<(IpAddr, IpAddr), Unopened> {
        let v4 = family == Family::V4;
        let any: IpAddr = if v4 {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let external = self.external[usize::from(!v4)];
        let bind = match (self.listen.is_unspecified(), self.listen.is_ipv4() == v4) {
            (false, true) => Some(self.listen),
            // A machine that listens on one address of one family uses another only when told.
            (false, false) => external.map(|_| any),
            (true, same) => (same || self.listen.is_ipv6() || external.is_some()).then_some(any),
        };
        let bind = bind.ok_or(Unopened::Family)?;
        if let Some(external) = external {
            return Ok((bind, external));
        }
        if !bind.is_unspecified() {
            return Ok((bind, bind));
        }
        let told = route(client).filter(|ip| ip.is_ipv4() == v4).or_else(|| {
            let there = interfaces().into_iter().filter(|ip| ip.is_ipv4() == v4);
            there.min_by_key(|ip| (ip.is_loopback(), link_local(*ip)))
        });
        let told = told.ok_or(Unopened::Family)?;
        Ok((told, told))
    }
}

/// The local address that packets to `peer` leave from. Nothing is sent.
fn route(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

fn interfaces() -> Vec<IpAddr> {
    // A system that does not tell leaves the addresses that were configured.
    if_addrs::get_if_addrs()
        .map(|found| found.into_iter().map(|it| it.ip()).collect())
        .unwrap_or_default()
}

fn link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
