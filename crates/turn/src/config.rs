//! What an operator may choose.

use crate::Credentials;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The server's settings. [`Config::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens, UDP and TCP on the same port. `[::]` hears IPv4 as well. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// TLS: on the plain TCP port (told apart by its first byte), and on a port of its own if one is named.
    pub tls: Option<Tls>,
    /// The addresses that clients are told to be reachable at, when they differ from the machine's own (a NAT with
    /// a fixed public address): at most one of each family is used.
    pub external_ips: Vec<IpAddr>,
    /// The secret that the credentials are made with.
    pub secret: Secret,
    /// The realm of the long-term credential mechanism: any word, at most 100 bytes.
    pub realm: String,
    /// The UDP ports that relayed addresses are taken from.
    pub relay_ports: RangeInclusive<u16>,
    /// Lets private, loopback and link-local peers be reached: for tests, and for a server on a LAN.
    pub allow_private: bool,
    /// What one client, and all of them together, may take.
    pub limits: Limits,
}

impl Config {
    /// The defaults around an address and a secret.
    pub fn new(listen: SocketAddr, secret: Secret) -> Self {
        Self {
            listen,
            tls: None,
            external_ips: Vec::new(),
            secret,
            realm: "snug".into(),
            relay_ports: 49152..=65535,
            allow_private: false,
            limits: Limits::default(),
        }
    }
}

impl Default for Config {
    /// The registered port (3478) of every IPv4 address, and an empty secret, which [`bind`](crate::TurnServer::bind)
    /// refuses.
    fn default() -> Self {
        Self::new(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 3478)), Secret::new(""))
    }
}

/// Where TLS is spoken, and with what certificate.
#[derive(Clone)]
pub struct Tls {
    /// A port of its own (5349 by convention), besides the plain one.
    pub listen: Option<SocketAddr>,
    /// Asked at each handshake, so that a renewed certificate is used at once.
    pub config: Arc<dyn Fn() -> Arc<tokio_rustls::rustls::ServerConfig> + Send + Sync>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// The shared secret between whoever makes credentials and the server that checks them. Prints as `[hidden]`.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// The given bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().into())
    }

    /// 256 random bits: credentials then last no longer than the process.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self::new(bytes))
    }

    /// Credentials for one identity, good from `now` for `ttl`: see [`credentials`](crate::credentials()).
    pub fn credentials(&self, identity: &str, ttl: Duration, now: SystemTime) -> Credentials {
        crate::credentials(&self.0, identity, ttl, now)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Bounds. Everything that a client can make grow has one.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Allocations that one identity may hold. \[256\]: in a full mesh of 64 each person talks to 63 others, and a
    /// browser allocates once for every TURN address it was given (UDP, TCP, TLS) and, while ICE restarts, twice.
    pub allocations_per_user: usize,
    /// Allocations of everybody. \[8192\]: half of the default relay ports. Each holds one file descriptor.
    pub allocations: usize,
    /// Relayed bytes a second of one identity, both directions and all its allocations together; a burst may be one
    /// second's worth. \[6 MB/s\]: five others at 2.5 Mbit/s of video each way is 3.1 MB/s.
    pub bytes_per_second: Option<NonZeroU64>,
    /// How long an allocation lives that asks for nothing else \[10 min\].
    pub lifetime: Duration,
    /// How long an allocation may ask to live \[1 h\]. None outlives its credential.
    pub lifetime_max: Duration,
    /// Peer addresses that one allocation may hold permissions for \[64\].
    pub permissions: usize,
    /// Channels that one allocation may bind \[64\].
    pub channels: usize,
    /// Requests a second that are answered to one address (IPv6: one /64) without an allocation \[200\], with a burst of
    /// twice and a half as much. The rest is not answered, so that forged sources gain nothing.
    pub requests_per_second: u32,
    /// TCP and TLS connections of everybody \[4096\].
    pub connections: usize,
    /// TCP and TLS connections of one address (IPv6: one /64) \[1024\]: an office behind one NAT.
    pub connections_per_address: usize,
    /// How long a connection may stay without an allocation, TLS handshake included \[30 s\].
    pub connection_idle: Duration,
    /// Bytes that wait for one TCP or TLS client \[256 KiB\]; past it packets are dropped, as a full router drops them.
    pub connection_queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations_per_user: 256,
            allocations: 8192,
            bytes_per_second: NonZeroU64::new(6_000_000),
            lifetime: Duration::from_secs(600),
            lifetime_max: Duration::from_secs(3600),
            permissions: 64,
            channels: 64,
            requests_per_second: 200,
            connections: 4096,
            connections_per_address: 1024,
            connection_idle: Duration::from_secs(30),
            connection_queue: 256 * 1024,
        }
    }
}
