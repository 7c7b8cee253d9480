//! The server without its sockets: packets, time and opened relays go in, [`Action`]s come out. `C` is the way back to a
//! client, `R` a relay socket; the core keeps them and gives them back, and dropping one closes it.

mod allocate;
mod request;
mod table;
#[cfg(test)]
mod tests;

use crate::config::Limits;
use crate::limiter::{Limiter, Rate};
use crate::message::{self, data_head, write_data};
use crate::nonce::Nonces;
use crate::policy::{Policy, Relays, Way};
use crate::stats::Stats;
pub(crate) use allocate::{Opening, Unopened};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::Table;
use turn_types::attribute::{Data, DontFragment, XorPeerAddress};
use turn_types::message::SEND;
use turn_types::stun::message::MessageClass;
use turn_types::stun::prelude::{Attribute as _, AttributeFromRaw, AttributeStaticType};

/// How often what is only remembered is looked through.
const SWEEP: Duration = Duration::from_secs(60);

/// One moment, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub at: Instant,
    /// Seconds since 1970, for the expiry of credentials.
    pub unix: u64,
}

/// Which listener a client came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Via {
    Udp,
    /// The plain port, whatever is spoken on it.
    Tcp,
    /// The port for nothing but TLS.
    Tls,
}

/// A client: what the RFC calls the 5-tuple, as each way has one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Client {
    pub via: Via,
    pub addr: SocketAddr,
}

/// The family of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(addr: SocketAddr) -> Self {
        if addr.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// What is to be done with a packet. Ranges are of the buffer that the packet came in.
#[derive(Debug)]
pub(crate) enum Action<C, R> {
    /// Nothing: it was dropped, and counted.
    Nothing,
    /// Answer where it came from.
    Reply(Vec<u8>),
    /// Send a payload to a peer.
    ToPeer {
        relay: R,
        peer: SocketAddr,
        payload: Range<usize>,
    },
    /// Send a packet to a client.
    ToClient {
        sink: C,
        client: Client,
        packet: Range<usize>,
    },
    /// Open relay sockets, and tell [`Core::opened`].
    Open(Box<Opening>),
}

/// What the core goes by.
#[derive(Debug)]
pub(crate) struct Rules {
    pub secret: crate::Secret,
    pub realm: String,
    pub limits: Limits,
    pub policy: Policy,
}

pub(crate) struct Core<C, R> {
    rules: Rules,
    stats: Arc<Stats>,
    nonces: Nonces,
    limiter: Limiter,
    table: Table<C, R>,
    /// The first half of the transaction ids of indications, and a count.
    salt: [u8; 4],
    indications: u64,
    began: Instant,
    swept: Instant,
}

impl<C: Clone, R: Clone> Core<C, R> {
    pub(crate) fn new(rules: Rules, stats: Arc<Stats>, seed: [u8; 32], now: Instant) -> Self {
        let limits = &rules.limits;
        let asking = u64::from(limits.requests_per_second);
        let asking = Rate {
            per_second: asking,
            burst: asking * 5 / 2,
        };
        let bytes = limits.bytes_per_second.map(|rate| Rate {
            per_second: rate.get(),
            burst: rate.get(),
        });
        Self {
            stats,
            nonces: Nonces::new(seed),
            limiter: Limiter::new(asking, now),
            table: Table::new(bytes),
            salt: [seed[0], seed[7], seed[13], seed[29]],
            indications: 0,
            began: now,
            swept: now,
            rules,
        }
    }

    /// A packet of a client, in `buffer[packet]`, with `HEADROOM` before and `TAILROOM` after it.
    pub(crate) fn client_packet(
        &mut self,
        now: Moment,
        client: Client,
        buffer: &mut [u8],
        packet: Range<usize>,
    ) -> Action<C, R> {
        match buffer[packet.clone()].first().map(|first| first >> 6) {
            Some(0) => self.message(now, client, buffer, packet),
            Some(1) => self.channel_data(now, client, buffer, packet),
            _ => self.dropped(|stats| &stats.dropped_malformed),
        }
    }

    /// A packet that came to a relayed address of the allocation `serial` of `client`.
    pub(crate) fn peer_packet(
        &mut self,
        now: Moment,
        (client, serial): (Client, u64),
        peer: SocketAddr,
        buffer: &mut [u8],
        payload: Range<usize>,
    ) -> Action<C, R> {
        match self.table.live(client, now.at) {
            Some(allocation) if allocation.serial == serial => self.relay_in(now, client, peer, buffer, payload),
            _ => self.dropped(|stats| &stats.dropped_permission),
        }
    }

    /// The client's connection is closed.
    pub(crate) fn gone(&mut self, client: Client, now: Instant) {
        self.table.remove(client, now);
        self.stats.allocations.set(self.table.len() as u64);
    }

    /// Whether a client holds an allocation.
    pub(crate) fn serves(&self, client: Client, now: Instant) -> bool {
        self.table.live(client, now).is_some()
    }

    /// When [`tick`](Self::tick) is next of use.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let sweep = (!self.limiter.is_empty() || self.table.has_idle_users()).then(|| self.swept + SWEEP);
        self.table.next_end().into_iter().chain(sweep).min()
    }

    /// Ends what has come to its end.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.table.end(now);
        self.stats.allocations.set(self.table.len() as u64);
        if now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.limiter.sweep(now);
            self.table.forget_idle_users(now);
        }
    }

    /// Ends everything.
    pub(crate) fn clear(&mut self) {
        self.table = Table::new(None);
        self.stats.allocations.set(0);
    }

    /// The machine's addresses may have changed.
    pub(crate) fn moved(&mut self, own: Vec<IpAddr>, relays: Relays) {
        self.rules.policy.own = own;
        self.rules.policy.relays = relays;
    }

    fn message(&mut self, now: Moment, client: Client, buffer: &mut [u8], packet: Range<usize>) -> Action<C, R> {
        let Some(message) = message::parse(&buffer[packet.clone()]) else {
            return self.dropped(|stats| &stats.dropped_malformed);
        };
        match message.class() {
            MessageClass::Request => self.request(now, client, &message),
            MessageClass::Indication if message.has_method(SEND) => {
                let mut peer = None;
                let mut data = None;
                for (offset, attribute) in message.iter_attributes() {
                    match attribute.get_type() {
                        XorPeerAddress::TYPE => {
                            let address = XorPeerAddress::from_raw(attribute).ok();
                            peer = address.map(|address| address.addr(message.transaction_id()));
                        }
                        Data::TYPE => {
                            let start = packet.start + offset + 4;
                            data = Some(start..start + usize::from(attribute.length()));
                        }
                        // Not offered on relayed datagrams, so the indication is dropped (RFC 8656, section 11.2).
                        DontFragment::TYPE => return self.dropped(|stats| &stats.dropped_malformed),
                        _ => {}
                    }
                }
                let Some((peer, payload)) = peer.zip(data) else {
                    return self.dropped(|stats| &stats.dropped_malformed);
                };
                let permitted = self
                    .table
                    .live(client, now.at)
                    .is_some_and(|held| held.permits(peer, now.at));
                if !permitted {
                    return self.dropped(|stats| &stats.dropped_permission);
                }
                self.relay_out(now, client, peer, buffer, payload)
            }
            // A binding indication keeps a NAT's mapping alive; answers answer nothing that was asked.
            MessageClass::Indication | MessageClass::Success | MessageClass::Error => Action::Nothing,
        }
    }

    fn channel_data(&mut self, now: Moment, client: Client, buffer: &mut [u8], packet: Range<usize>) -> Action<C, R> {
        let [a, b, c, d, rest @ ..] = &buffer[packet.clone()] else {
            return self.dropped(|stats| &stats.dropped_malformed);
        };
        let (number, length) = (u16::from_be_bytes([*a, *b]), usize::from(u16::from_be_bytes([*c, *d])));
        if length > rest.len() {
            return self.dropped(|stats| &stats.dropped_malformed);
        }
        let bound = self
            .table
            .live(client, now.at)
            .and_then(|held| held.peer_of(number, now.at));
        let Some(peer) = bound else {
            return self.dropped(|stats| &stats.dropped_permission);
        };
        let start = packet.start + 4;
        self.relay_out(now, client, peer, buffer, start..start + length)
    }

    /// Data of a client that has the right to send it to `peer`.
    fn relay_out(
        &mut self,
        now: Moment,
        client: Client,
        peer: SocketAddr,
        buffer: &mut [u8],
        payload: Range<usize>,
    ) -> Action<C, R> {
        let Some((relayed, relay)) = self.table.leg(client, Family::of(peer)) else {
            return self.dropped(|stats| &stats.dropped_permission);
        };
        let relay = relay.clone();
        let neighbour = match self.rules.policy.way(peer) {
            Way::Out => None,
            Way::Inside => {
                let neighbour = self.table.at(peer);
                if neighbour.is_none() && !self.rules.policy.reaches_self(peer) {
                    return self.dropped(|stats| &stats.dropped_peer);
                }
                neighbour
            }
            Way::Refused => return self.dropped(|stats| &stats.dropped_peer),
        };
        if !self.table.charge(client, payload.len(), now.at) {
            return self.dropped(|stats| &stats.dropped_bandwidth);
        }
        self.stats.packets_to_peers.one();
        self.stats.bytes_to_peers.add(payload.len() as u64);
        match neighbour {
            Some(neighbour) => self.relay_in(now, neighbour, relayed, buffer, payload),
            None => Action::ToPeer { relay, peer, payload },
        }
    }

    /// Data of `peer` for the allocation of `client`.
    fn relay_in(
        &mut self,
        now: Moment,
        client: Client,
        peer: SocketAddr,
        buffer: &mut [u8],
        payload: Range<usize>,
    ) -> Action<C, R> {
        let Some(held) = self
            .table
            .live(client, now.at)
            .filter(|held| held.permits(peer, now.at))
        else {
            return self.dropped(|stats| &stats.dropped_permission);
        };
        let Ok(length) = u16::try_from(payload.len()) else {
            return self.dropped(|stats| &stats.dropped_malformed);
        };
        let (channel, sink) = (held.channel_of(peer, now.at), held.sink.clone());
        if !self.table.charge(client, payload.len(), now.at) {
            return self.dropped(|stats| &stats.dropped_bandwidth);
        }
        let packet = match channel {
            Some(number) => {
                let start = payload.start - 4;
                buffer[start..start + 2].copy_from_slice(&number.to_be_bytes());
                buffer[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
                start..payload.end
            }
            None => {
                self.indications = self.indications.wrapping_add(1);
                let mut transaction = [0; 12];
                transaction[..4].copy_from_slice(&self.salt);
                transaction[4..].copy_from_slice(&self.indications.to_be_bytes());
                let start = payload.start - data_head(peer.ip());
                start..start + write_data(&mut buffer[start..], peer, payload.len(), transaction)
            }
        };
        self.stats.packets_to_clients.one();
        self.stats.bytes_to_clients.add(payload.len() as u64);
        Action::ToClient { sink, client, packet }
    }

    fn dropped(&self, why: impl FnOnce(&Stats) -> &crate::stats::Counter) -> Action<C, R> {
        why(&self.stats).one();
        Action::Nothing
    }
}
