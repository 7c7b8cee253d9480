//! TCP and TLS clients: the same packets in a stream, and a bounded queue back.

use super::{Shared, Sink, net};
use crate::config::Limits;
use crate::core::{Client, Via};
use crate::frame::{self, Framer, Malformed, PACKET_MAX, REQUEST_MAX};
use crate::limiter::whose;
use crate::stats::Stats;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tracing::warn;

/// How long a client may take nothing of what is written to it.
const STUCK: Duration = Duration::from_secs(20);
/// The first byte of a TLS connection: a handshake record.
const HANDSHAKE: u8 = 0x16;

pub(super) struct Listener {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    /// Nothing but TLS.
    only_tls: bool,
}

impl Listener {
    pub(super) fn new(listener: std::net::TcpListener, only_tls: bool) -> io::Result<Self> {
        let address = net::canonical(listener.local_addr()?);
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            address,
            only_tls,
        })
    }
}

/// How many connections there may be, and are.
#[derive(Clone)]
pub(super) struct Bounds {
    open: Arc<Mutex<Open>>,
    stats: Arc<Stats>,
    all: usize,
    each: usize,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place within the bounds.
struct Place(Bounds, IpAddr);

impl Bounds {
    pub(super) fn new(limits: &Limits, stats: Arc<Stats>) -> Self {
        Self {
            open: Arc::default(),
            stats,
            all: limits.connections,
            each: limits.connections_per_address,
        }
    }

    fn enter(&self, ip: IpAddr) -> Option<Place> {
        let ip = whose(ip);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.by_address.get(&ip).copied().unwrap_or(0);
        if open.all >= self.all || held >= self.each {
            self.stats.refused_connection.one();
            return None;
        }
        open.all += 1;
        open.by_address.insert(ip, held + 1);
        self.stats.connections.set(open.all as u64);
        self.stats.connections_total.one();
        Some(Place(self.clone(), ip))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self(bounds, ip) = self;
        let mut open = bounds.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        bounds.stats.connections.set(open.all as u64);
        if let Some(held) = open.by_address.get_mut(ip) {
            *held -= 1;
            if *held == 0 {
                open.by_address.remove(ip);
            }
        }
    }
}

/// What waits for a client. Full, it drops packets, and never half of one.
pub(crate) struct Outbox {
    bytes: Mutex<Vec<u8>>,
    most: usize,
    filled: Notify,
}

impl Outbox {
    fn new(most: usize) -> Self {
        Self {
            bytes: Mutex::default(),
            most,
            filled: Notify::new(),
        }
    }

    /// Whether there was room. Pads to four bytes, as streams need.
    pub(super) fn push(&self, packet: &[u8]) -> bool {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let padded = packet.len().next_multiple_of(4);
        if bytes.len() + padded > self.most {
            return false;
        }
        bytes.extend_from_slice(packet);
        bytes.extend_from_slice(&[0; 3][..padded - packet.len()]);
        drop(bytes);
        self.filled.notify_one();
        true
    }

    /// Takes what waits, and leaves an empty buffer for what comes.
    fn take(&self, into: &mut Vec<u8>) {
        into.clear();
        into.shrink_to(16 * 1024);
        std::mem::swap(into, &mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

pub(super) async fn serve(shared: Arc<Shared>, listener: Listener, bounds: Bounds) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let from = net::canonical(from);
                    let Some(place) = bounds.enter(from.ip()) else { continue };
                    tasks.spawn(connection(shared.clone(), stream, from, listener.only_tls, place));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: those who are in may leave meanwhile.
                    warn!(%error, "cannot accept TURN clients");
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, addr: SocketAddr, only_tls: bool, _place: Place) {
    let deadline = Instant::now() + shared.limits.connection_idle;
    // Small packets wait for no others; where the system refuses, they are late and not wrong.
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let peeked = timeout_at(deadline.into(), stream.peek(&mut first)).await;
    let tls = match peeked {
        Ok(Ok(1)) => only_tls || first[0] == HANDSHAKE,
        _ => return,
    };
    // Whatever is spoken on it: a client may hold one address twice, on two ports of ours.
    let client = Client {
        via: if only_tls { Via::Tls } else { Via::Tcp },
        addr,
    };
    if !tls {
        return talk(shared, stream, client, deadline, false).await;
    }
    let Some(config) = shared.tls.as_ref().map(|tls| (tls.config)()) else {
        return;
    };
    if let Ok(Ok(stream)) = timeout_at(deadline.into(), TlsAcceptor::from(config).accept(stream)).await {
        talk(shared, stream, client, deadline, true).await;
    }
}

/// Serves a connection until it closes, misbehaves, or holds no allocation past the deadline.
async fn talk(
    shared: Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite,
    client: Client,
    deadline: Instant,
    apart: bool,
) {
    let outbox = Arc::new(Outbox::new(shared.limits.connection_queue));
    let (reader, writer) = tokio::io::split(stream);
    let _gone = Gone(shared.clone(), client);
    tokio::select! {
        () = read(&shared, reader, client, Sink::Stream(outbox.clone()), deadline) => {}
        () = write(&outbox, writer, apart) => {}
    }
}

/// Takes the allocation along when the connection ends, however it ends.
struct Gone(Arc<Shared>, Client);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.core().gone(self.1, Instant::now());
    }
}

async fn read(shared: &Arc<Shared>, reader: impl AsyncRead, client: Client, sink: Sink, mut deadline: Instant) {
    tokio::pin!(reader);
    let mut framer = Framer::new();
    loop {
        let count = match timeout_at(deadline.into(), reader.read(framer.space())).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(count)) => count,
            // With an allocation it may be silent for as long as that lives.
            Err(_) if shared.core().serves(client, Instant::now()) => {
                deadline = Instant::now() + shared.limits.connection_idle;
                continue;
            }
            Err(_) => return,
        };
        framer.filled(count);
        let mut longest = REQUEST_MAX;
        loop {
            match framer.packet(longest) {
                Ok(Some((buffer, packet))) => shared.client_packet(client, &sink, buffer, packet),
                Ok(None) => break,
                // Strangers have no long packets.
                Err(Malformed) if longest == REQUEST_MAX && shared.core().serves(client, Instant::now()) => {
                    longest = PACKET_MAX;
                }
                Err(Malformed) => {
                    shared.stats.dropped_malformed.one();
                    return;
                }
            }
        }
    }
}

/// Writes what waits. `apart` gives each packet a TLS record of its own: there are clients, coturn's among them, that take a
/// record for a packet and lose the others in it.
async fn write(outbox: &Outbox, writer: impl AsyncWrite, apart: bool) {
    tokio::pin!(writer);
    let mut bytes = Vec::new();
    loop {
        outbox.filled.notified().await;
        loop {
            outbox.take(&mut bytes);
            if bytes.is_empty() {
                break;
            }
            let written = async {
                if apart {
                    let mut rest = bytes.as_slice();
                    while let Some((packet, after)) = frame::split(rest) {
                        writer.write_all(packet).await?;
                        rest = after;
                    }
                } else {
                    writer.write_all(&bytes).await?;
                }
                writer.flush().await
            };
            if !matches!(timeout(STUCK, written).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_loses_whole_packets_and_costs_no_more() {
        for apart in [false, true] {
            let outbox = Outbox::new(1000);
            let (ours, mut theirs) = tokio::io::duplex(64);
            let (_reader, writer) = tokio::io::split(ours);
            let packet = |n: u8| [&[0x40, n, 0, 5][..], &[n; 5]].concat();
            let writing = write(&outbox, writer, apart);
            tokio::pin!(writing);
            let mut taken = Vec::new();
            for n in 0..=255 {
                if outbox.push(&packet(n)) {
                    taken.push(n);
                }
                // As far as it gets without a reader.
                assert!(timeout(Duration::ZERO, &mut writing).await.is_err());
                assert!(outbox.bytes.lock().unwrap().len() <= 1000);
            }
            assert!(taken.len() >= 1000 / 12 && taken.len() < 256);
            let mut framer = Framer::new();
            for n in taken {
                loop {
                    if let Some((buffer, range)) = framer.packet(PACKET_MAX).unwrap() {
                        assert_eq!(buffer[range], packet(n));
                        break;
                    }
                    tokio::select! {
                        () = &mut writing => panic!("closed"),
                        count = theirs.read(framer.space()) => framer.filled(count.unwrap()),
                    }
                }
            }
        }
    }
}
