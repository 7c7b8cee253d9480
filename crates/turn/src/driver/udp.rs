//! The UDP port, where most clients come in.

use super::{Shared, Sink, net};
use crate::core::{Client, Via};
use crate::frame::{HEADROOM, PACKET_MAX, TAILROOM};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tracing::warn;

/// Packets that are handled before others on the thread get a turn.
pub(super) const TURN: usize = 128;
/// A buffer for one packet of any size, with room for another header.
pub(super) const ROOM: usize = HEADROOM + PACKET_MAX + TAILROOM;

pub(crate) struct Udp {
    socket: UdpSocket,
    /// IPv4 clients are written to as mapped addresses.
    v6: bool,
}

impl Udp {
    pub(super) fn new(socket: std::net::UdpSocket, address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            v6: address.is_ipv6(),
        })
    }

    /// Whether it could be sent.
    pub(super) fn send(&self, packet: &[u8], to: SocketAddr) -> bool {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            IpAddr::V4(_) | IpAddr::V6(_) => to,
        };
        net::send(&self.socket, packet, to)
    }
}

pub(super) async fn serve(shared: Arc<Shared>, udp: Arc<Udp>) {
    let sink = Sink::Udp(udp.clone());
    let mut buffer = vec![0; ROOM];
    loop {
        if let Err(error) = udp.socket.readable().await {
            warn!(%error, "the STUN and TURN port cannot be read");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        }
        for _ in 0..TURN {
            match udp.socket.try_recv_from(&mut buffer[HEADROOM..HEADROOM + PACKET_MAX]) {
                Ok((length, from)) => {
                    let client = Client {
                        via: Via::Udp,
                        addr: net::canonical(from),
                    };
                    shared.client_packet(client, &sink, &mut buffer, HEADROOM..HEADROOM + length);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // What the network said about an earlier packet, such as "connection refused": nobody waits for it.
                Err(_) => {}
            }
        }
        tokio::task::yield_now().await;
    }
}
