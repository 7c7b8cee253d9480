//! What an operator decides, as the library takes it. Where it is written down is the binary's affair.

mod secret;

pub use secret::Secret;

use crate::token::Keys;
use ipnet::IpNet;
use snug_protocol::{IceServer, Limits};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What an operator decides. The default is an open server on a free port of this machine alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Speak TLS there.
    pub tls: Option<Tls>,
    /// Where to listen in clear, and answer everything with a redirect to `https`. Only with `tls`.
    pub redirect: Option<SocketAddr>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub proxies: Vec<IpNet>,
    /// Who may sign tokens. With none the server is open: anybody may make a room.
    pub keys: Keys,
    pub limits: Limits,
    /// Handed to everyone who joins, beside the TURN server.
    pub ice_servers: Vec<IceServer>,
    pub turn: Turn,
    /// Where rooms live; in this process, if nowhere else. The URL may have a password in it.
    pub redis: Option<Secret>,
    /// Who is told what happens in rooms.
    pub webhooks: Vec<String>,
    /// Where to serve `/metrics`, `/healthz` and `/readyz` to everybody who gets there. Without it `/metrics` is on the main
    /// address, for whoever has an API key; without keys, for this machine alone.
    pub metrics: Option<SocketAddr>,
    /// Origins allowed beside the app's own and the server's own, as browsers write them: `https://example.org`.
    pub origins: Vec<String>,
    /// How long a drain goes on serving while `/readyz` says no already, so that a load balancer can look elsewhere.
    pub drain_grace: Duration,
    /// How long a drain waits for its clients, and a closing socket for its last frames.
    pub linger: Duration,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// PEM files: the chain, its own certificate first, and the private key. Read again when they change.
    Files {
        certificate: PathBuf,
        key: PathBuf,
    },
    Acme(Acme),
}

/// Certificates that are asked for and renewed without a hand (RFC 8555), proven by TLS-ALPN-01 (RFC 8737): the
/// authority connects to port 443 of the domain, and must find this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    pub domain: String,
    /// The authority's directory.
    pub directory: String,
    /// Where the authority may write to.
    pub contact: Option<String>,
    /// Keeps the account and the certificates over restarts: authorities limit how many they give.
    pub cache: PathBuf,
    /// The PEM file of a root that the authority's own HTTPS is verified with, instead of the public ones.
    pub root: Option<PathBuf>,
}

/// The relay for those whom no direct way connects (RFC 8656).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    #[default]
    Off,
    /// Built in.
    Own {
        /// UDP and TCP.
        listen: SocketAddr,
        /// What clients are told, where the machine is behind a NAT of its own.
        external: Option<IpAddr>,
        /// What credentials are made with; made anew at each start, if there is none.
        secret: Option<Secret>,
        /// Relay to private addresses too.
        private: bool,
    },
    /// coturn, or another one that takes `use-auth-secret` credentials.
    Other { urls: Vec<String>, secret: Secret },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            redirect: None,
            proxies: Vec::new(),
            keys: Keys::default(),
            limits: Limits::default(),
            ice_servers: Vec::new(),
            turn: Turn::Off,
            redis: None,
            webhooks: Vec::new(),
            metrics: None,
            origins: Vec::new(),
            drain_grace: Duration::ZERO,
            linger: Duration::from_secs(2),
        }
    }
}
