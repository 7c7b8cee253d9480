//! A relayed address: a socket towards the peers of one client.

use super::udp::{ROOM, TURN};
use super::{Shared, net};
use crate::core::{Client, Unopened};
use crate::frame::{HEADROOM, PACKET_MAX};
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

/// Ports that are tried before there are none.
const TRIES: usize = 64;

thread_local! {
    /// One buffer for all relay tasks of a thread: none of them keeps a packet while it waits.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; ROOM]);
}

/// Closes its socket when it is dropped.
pub(crate) struct Relay {
    socket: Arc<UdpSocket>,
    task: OnceLock<AbortHandle>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl Relay {
    /// A socket on a random port of the range (RFC 6056), and the address to tell the client.
    pub(super) fn open(
        bind: IpAddr,
        told: IpAddr,
        ports: &RangeInclusive<u16>,
        even: bool,
    ) -> Result<(SocketAddr, Arc<Self>), Unopened> {
        let first = u32::from(*ports.start());
        let count = u32::from(*ports.end()) - first + 1;
        let mut dice = [0; 4];
        getrandom::fill(&mut dice).map_err(|_| Unopened::Capacity)?;
        let start = u32::from_ne_bytes(dice) % count;
        let candidates = (0..count).map(|step| first + (start + step) % count);
        let candidates = candidates
            .filter_map(|port| u16::try_from(port).ok())
            .filter(|port| !even || port % 2 == 0);
        for port in candidates.take(TRIES) {
            match net::datagrams(SocketAddr::new(bind, port), false).and_then(UdpSocket::from_std) {
                Ok(socket) => {
                    let relay = Self {
                        socket: Arc::new(socket),
                        task: OnceLock::new(),
                    };
                    return Ok((SocketAddr::new(told, port), Arc::new(relay)));
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => return Err(Unopened::Family),
                Err(_) => return Err(Unopened::Capacity),
            }
        }
        Err(Unopened::Capacity)
    }

    /// Hands on what arrives, until the relay is dropped.
    pub(super) fn listen(&self, shared: Arc<Shared>, client: Client, serial: u64) {
        let socket = self.socket.clone();
        let task = tokio::spawn(async move {
            while socket.readable().await.is_ok() {
                BUFFER.with_borrow_mut(|buffer| read(&socket, buffer, &shared, (client, serial)));
                tokio::task::yield_now().await;
            }
        });
        if self.task.set(task.abort_handle()).is_err() {
            task.abort();
        }
    }

    /// Whether it could be sent.
    pub(super) fn send(&self, payload: &[u8], to: SocketAddr) -> bool {
        net::send(&self.socket, payload, to)
    }
}

fn read(socket: &UdpSocket, buffer: &mut [u8], shared: &Shared, whose: (Client, u64)) {
    for _ in 0..TURN {
        match socket.try_recv_from(&mut buffer[HEADROOM..HEADROOM + PACKET_MAX]) {
            Ok((length, from)) => {
                shared.peer_packet(whose, net::canonical(from), buffer, HEADROOM..HEADROOM + length);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // A peer that is not there any more: the client finds out by itself.
            Err(_) => {}
        }
    }
}
