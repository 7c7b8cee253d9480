//! The STUN and TURN server, built in or another, and what clients are told about it.

use crate::Config;
use crate::config::Turn;
use crate::tls::Acceptor;
use snug_protocol::IceServer;
use snug_turn::{Secret, Tls, TurnServer, credentials};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

/// How long credentials are good. A client that stays longer asks for new ones (`GET /api/ice`).
pub(crate) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Makes the `iceServers` of one client.
#[derive(Debug)]
pub(crate) struct Relay {
    urls: Urls,
    secret: crate::Secret,
}

#[derive(Debug)]
enum Urls {
    /// As the operator wrote them.
    Other(Vec<String>),
    Own {
        /// By what name or address clients reach it; the one by which they reached this server, if there is none.
        host: Option<String>,
        port: u16,
        tls: bool,
    },
}

impl Relay {
    /// Takes the ports of the built-in server, where it is to run.
    ///
    /// # Errors
    /// When a port is taken, or the system has no randomness.
    pub(crate) fn bind(config: &Config, tls: Option<&Acceptor>) -> io::Result<Option<(Self, Option<TurnServer>)>> {
        let (listen, external, secret, private) = match &config.turn {
            Turn::Off => return Ok(None),
            Turn::Other { urls, secret } => {
                let relay = Self {
                    urls: Urls::Other(urls.clone()),
                    secret: secret.clone(),
                };
                return Ok(Some((relay, None)));
            }
            Turn::Own {
                listen,
                external,
                secret,
                private,
            } => (*listen, *external, secret.clone(), *private),
        };
        let secret = secret.map_or_else(random, Ok)?;
        let server = TurnServer::bind(snug_turn::Config {
            tls: tls.map(Acceptor::beside_http).transpose()?.map(|tls| Tls {
                listen: None,
                config: std::sync::Arc::new(move || tls.clone()),
            }),
            external_ips: external.into_iter().collect(),
            allow_private: private,
            ..snug_turn::Config::new(listen, Secret::new(secret.reveal()))
        })
        .map_err(|error| explained(&error, listen))?;
        let relay = Self {
            urls: Urls::Own {
                host: external
                    .or((!listen.ip().is_unspecified()).then_some(listen.ip()))
                    .map(bracketed),
                port: server.address().port(),
                tls: tls.is_some(),
            },
            secret,
        };
        Ok(Some((relay, Some(server))))
    }

    /// For this identity, or one without a name, who reached this server under `host` (with or without a port).
    pub(crate) fn ice_servers(&self, identity: Option<&str>, host: Option<&str>, now: SystemTime) -> Vec<IceServer> {
        let identity = identity.map_or_else(nobody, ToOwned::to_owned);
        let made = credentials(self.secret.reveal().as_bytes(), &identity, LIFETIME, now);
        let with_credentials = |urls| IceServer {
            urls,
            username: Some(made.username.clone()),
            credential: Some(made.credential.clone()),
        };
        let (own, port, tls) = match &self.urls {
            Urls::Other(urls) => return vec![with_credentials(urls.clone())],
            Urls::Own { host, port, tls } => (host.as_deref(), port, *tls),
        };
        let reached = host.map(without_port).filter(|host| is_host(host));
        let Some(host) = own.or(reached) else {
            return Vec::new();
        };
        let mut turn = vec![
            format!("turn:{host}:{port}?transport=udp"),
            format!("turn:{host}:{port}?transport=tcp"),
        ];
        // A certificate names a host, not an address.
        if let Some(name) = reached.filter(|name| tls && is_name(name)) {
            turn.push(format!("turns:{name}:{port}?transport=tcp"));
        }
        let stun = IceServer {
            urls: vec![format!("stun:{host}:{port}")],
            username: None,
            credential: None,
        };
        vec![stun, with_credentials(turn)]
    }
}

/// A name for one who has none: quotas are counted by name.
fn nobody() -> String {
    // Without randomness all the nameless share one quota.
    random().map_or_else(|_| "guest".to_owned(), |name| format!("guest-{}", &name.reveal()[..16]))
}

fn random() -> io::Result<crate::Secret> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(crate::Secret::new(hex))
}

fn explained(error: &io::Error, listen: SocketAddr) -> io::Error {
    let text = format!(
        "cannot listen on {listen} for STUN and TURN: {error}; --turn-listen names another address, --no-turn does without"
    );
    io::Error::new(error.kind(), text)
}

fn bracketed(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The host of a `Host` header.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// Nothing that would break a URL, or out of one.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter))
}

fn is_name(host: &str) -> bool {
    !host.starts_with('[') && host.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn urls(host: Option<&str>, tls: bool, reached: Option<&str>) -> Vec<String> {
        let relay = Relay {
            urls: Urls::Own {
                host: host.map(ToOwned::to_owned),
                port: 3478,
                tls,
            },
            secret: crate::Secret::new("s"),
        };
        let servers = relay.ice_servers(Some("ann"), reached, UNIX_EPOCH);
        servers.into_iter().flat_map(|server| server.urls).collect()
    }

    #[test]
    fn clients_are_told_the_host_they_came_by_unless_the_operator_knows_better() {
        assert_eq!(
            urls(None, true, Some("meet.example.org:8443")),
            [
                "stun:meet.example.org:3478",
                "turn:meet.example.org:3478?transport=udp",
                "turn:meet.example.org:3478?transport=tcp",
                "turns:meet.example.org:3478?transport=tcp",
            ]
        );
        let fixed = urls(Some("192.0.2.1"), true, Some("meet.example.org"));
        assert_eq!((fixed[0].as_str(), fixed.len()), ("stun:192.0.2.1:3478", 4));
        assert_eq!(
            urls(None, true, Some("[2001:db8::1]:443"))[0],
            "stun:[2001:db8::1]:3478"
        );
        assert_eq!(
            urls(None, true, Some("192.0.2.1:443")).len(),
            3,
            "no certificate names an address"
        );
        assert!(urls(None, false, None).is_empty());
    }

    #[test]
    fn credentials_are_bound_to_the_identity_and_to_time() {
        let relay = Relay {
            urls: Urls::Other(vec!["turn:turn.example.org".to_owned()]),
            secret: crate::Secret::new("s"),
        };
        let servers = relay.ice_servers(Some("ann"), None, UNIX_EPOCH);
        assert_eq!(servers.len(), 1);
        assert_eq!(servers[0].username.as_deref(), Some("43200:ann"));
        assert!(servers[0].credential.is_some());
    }
}
