//! The sockets around the core: one task for the UDP port, one for each relayed address, one for each connection.

mod net;
mod relay;
mod stream;
mod udp;

use crate::config::{Config, Tls};
use crate::core::{Action, Client, Core, Family, Moment, Opening, Rules};
use crate::policy::Policy;
use crate::stats::Stats;
use net::Addresses;
use relay::Relay;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use stream::{Listener, Outbox};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::info;
use udp::Udp;

/// How often the machine's addresses are read again: they decide what is refused as a peer.
const LOOK_AROUND: Duration = Duration::from_secs(60);

/// A STUN and TURN server that has its ports, and serves once it [runs](TurnServer::run).
pub struct TurnServer {
    shared: Arc<Shared>,
    udp: Arc<Udp>,
    tcp: Listener,
    tls: Option<Listener>,
    address: SocketAddr,
}

impl std::fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl TurnServer {
    /// Takes the ports of the configuration. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When a port is taken or an address is not this machine's, when the secret is empty, the realm too long or the
    /// range of relay ports empty, and when the system has no randomness.
    pub fn bind(config: Config) -> io::Result<Self> {
        let invalid = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if config.secret.bytes().is_empty() {
            return invalid("the TURN secret is empty");
        }
        if config.realm.is_empty() || config.realm.len() > 100 {
            return invalid("the TURN realm has to have 1 to 100 bytes");
        }
        if config.relay_ports.is_empty() || *config.relay_ports.start() == 0 {
            return invalid("the range of relay ports is empty, or begins with 0");
        }
        let (udp, tcp) = net::pair(config.listen)?;
        let address = net::canonical(udp.local_addr()?);
        let tls = config
            .tls
            .as_ref()
            .and_then(|tls| tls.listen)
            .map(net::listener)
            .transpose()?;
        let mut listeners = vec![address];
        if let Some(tls) = &tls {
            listeners.push(net::canonical(tls.local_addr()?));
        }
        let addresses = Addresses::new(address.ip(), &config.external_ips);
        let policy = Policy {
            allow_private: config.allow_private,
            own: addresses.own(),
            relays: addresses.relays(),
            listeners,
            ports: (*config.relay_ports.start(), *config.relay_ports.end()),
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let stats = Arc::new(Stats::default());
        let limits = config.limits.clone();
        let rules = Rules {
            secret: config.secret,
            realm: config.realm,
            limits: config.limits,
            policy,
        };
        let core = Core::new(rules, stats.clone(), seed, Instant::now());
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            stats,
            limits,
            addresses,
            ports: config.relay_ports,
            tls: config.tls,
            earlier: Notify::new(),
        });
        let udp = Arc::new(Udp::new(udp, address)?);
        let tcp = Listener::new(tcp, false)?;
        let tls = tls.map(|tls| Listener::new(tls, true)).transpose()?;
        Ok(Self {
            shared,
            udp,
            tcp,
            tls,
            address,
        })
    }

    /// Where it listens, UDP and TCP, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for TLS only, if it does.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|tls| tls.address)
    }

    /// The counters, which live as long as anybody holds them.
    pub fn stats(&self) -> Arc<Stats> {
        self.shared.stats.clone()
    }

    /// Serves until `end` comes. Then, or when the future is dropped, all allocations and connections are closed.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self {
            shared,
            udp,
            tcp,
            tls,
            address,
        } = self;
        info!(%address, "STUN and TURN listening");
        let _closing = Closing(shared.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(udp::serve(shared.clone(), udp));
        let bounds = stream::Bounds::new(&shared.limits, shared.stats.clone());
        tasks.spawn(stream::serve(shared.clone(), tcp, bounds.clone()));
        if let Some(tls) = tls {
            tasks.spawn(stream::serve(shared.clone(), tls, bounds));
        }
        tasks.spawn(keep_time(shared.clone()));
        tasks.spawn(look_around(shared.clone()));
        tokio::select! {
            () = end => {}
            // None of them ends by itself.
            _ = tasks.join_next() => {}
        }
        tasks.shutdown().await;
        info!("STUN and TURN stopped");
    }
}

/// Ends the allocations, whose relay tasks hold what is shared, however the server ends.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.core().clear();
    }
}

/// The way back to a client.
#[derive(Clone)]
pub(crate) enum Sink {
    Udp(Arc<Udp>),
    Stream(Arc<Outbox>),
}

impl Sink {
    fn send(&self, stats: &Stats, client: Client, packet: &[u8]) {
        let sent = match self {
            Self::Udp(udp) => udp.send(packet, client.addr),
            Self::Stream(outbox) => outbox.push(packet),
        };
        if !sent {
            stats.dropped_queue.one();
        }
    }
}

/// What all tasks share.
pub(crate) struct Shared {
    core: Mutex<Core<Sink, Arc<Relay>>>,
    stats: Arc<Stats>,
    limits: crate::config::Limits,
    addresses: Addresses,
    ports: RangeInclusive<u16>,
    tls: Option<Tls>,
    /// The core's deadline may have come nearer.
    earlier: Notify,
}

impl Shared {
    fn core(&self) -> MutexGuard<'_, Core<Sink, Arc<Relay>>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles a packet of a client.
    fn client_packet(self: &Arc<Self>, client: Client, sink: &Sink, buffer: &mut [u8], packet: Range<usize>) {
        let action = self.core().client_packet(moment(), client, buffer, packet);
        match action {
            Action::Open(opening) => self.open(client, sink, *opening),
            Action::Reply(reply) => sink.send(&self.stats, client, &reply),
            action @ (Action::Nothing | Action::ToPeer { .. } | Action::ToClient { .. }) => self.act(action, buffer),
        }
    }

    /// Handles a packet at a relayed address.
    fn peer_packet(&self, whose: (Client, u64), peer: SocketAddr, buffer: &mut [u8], payload: Range<usize>) {
        let action = self.core().peer_packet(moment(), whose, peer, buffer, payload);
        self.act(action, buffer);
    }

    fn act(&self, action: Action<Sink, Arc<Relay>>, buffer: &[u8]) {
        match action {
            Action::ToPeer { relay, peer, payload } => {
                if !relay.send(&buffer[payload], peer) {
                    self.stats.dropped_queue.one();
                }
            }
            Action::ToClient { sink, client, packet } => sink.send(&self.stats, client, &buffer[packet]),
            // Relayed data asks for neither.
            Action::Nothing | Action::Reply(_) | Action::Open(_) => {}
        }
    }

    /// Opens the relay sockets of an allocation, and starts to listen on them.
    fn open(self: &Arc<Self>, client: Client, sink: &Sink, opening: Opening) {
        let open = |family: Family| {
            let (bind, told) = self.addresses.relay(family, client.addr)?;
            Relay::open(bind, told, &self.ports, opening.even)
        };
        let first = open(opening.family);
        let second = if first.is_ok() { opening.besides.map(open) } else { None };
        let relays: Vec<Arc<Relay>> = [first.as_ref().ok(), second.as_ref().and_then(|it| it.as_ref().ok())]
            .into_iter()
            .flatten()
            .map(|(_, relay)| relay.clone())
            .collect();
        let (reply, serial) = self.core().opened(moment(), client, sink, opening, first, second);
        if let Some(serial) = serial {
            for relay in relays {
                relay.listen(self.clone(), client, serial);
            }
            self.earlier.notify_one();
        }
        sink.send(&self.stats, client, &reply);
    }
}

fn moment() -> Moment {
    Moment {
        at: Instant::now(),
        unix: crate::credentials::unix(SystemTime::now()),
    }
}

/// Gives the core its ticks.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        let deadline = shared.core().deadline();
        let Some(deadline) = deadline else {
            // The limiter remembers without telling: look again soon enough.
            let _ = tokio::time::timeout(LOOK_AROUND, shared.earlier.notified()).await;
            continue;
        };
        tokio::select! {
            () = tokio::time::sleep_until(deadline.into()) => shared.core().tick(Instant::now()),
            () = shared.earlier.notified() => {}
        }
    }
}

/// Learns of addresses that the machine gets and loses.
async fn look_around(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(LOOK_AROUND).await;
        let (own, relays) = (shared.addresses.own(), shared.addresses.relays());
        shared.core().moved(own, relays);
    }
}
