use snug_protocol::{IceServer, Limits};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    pub limits: Limits,
    /// Handed to everyone who joins.
    pub ice_servers: Vec<IceServer>,
    /// Origins allowed beside the app's own and the server's own, as browsers write them: `https://example.org`.
    pub origins: Vec<String>,
    /// How long a drain waits for its clients, and a closing socket for its last frames.
    pub linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            limits: Limits::default(),
            ice_servers: Vec::new(),
            origins: Vec::new(),
            linger: Duration::from_secs(2),
        }
    }
}
