use super::options::Options;
use super::problem::Problem;
use super::values::LogFormat;
use snug_protocol::{IceServer, Limits};
use snug_server::config::{Acme, Tls, Turn};
use snug_server::token::{Key, Keys};
use snug_server::{Config, Secret};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const PORT: u16 = 8080;
const TURN_PORT: u16 = 3478;

/// Everything decided.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) log: LogFormat,
    pub(crate) no_limits: bool,
}

/// Decides what was left open, and collects what cannot be.
pub(crate) fn settle(options: &Options) -> (Settings, Vec<Problem>) {
    let mut problems = Problems(Vec::new());
    let tls = problems.tls(options);
    let acme = matches!(tls, Some(Tls::Acme(_)));
    let listen = options.listen.unwrap_or_else(|| {
        if acme {
            SocketAddr::new(everywhere(), 443)
        } else {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)
        }
    });
    // With a port of its own choice, a server that is on the usual one takes the usual one for redirects too.
    let redirect = options
        .http_redirect
        .or_else(|| (acme && listen.port() == 443).then(|| SocketAddr::new(listen.ip(), 80)));
    if options.http_redirect.is_some() && tls.is_none() {
        problems.tell(
            "http-redirect",
            "there is no https to redirect to",
            "add --tls-cert and --tls-key, or --domain, or drop it",
        );
    }
    let keys = problems.keys(options);
    let webhooks = options.webhook_url.clone().unwrap_or_default();
    problems.urls("webhook-url", &webhooks, &["https://", "http://"]);
    if !webhooks.is_empty() && keys.is_empty() {
        problems.tell(
            "webhook-url",
            "webhooks are signed, and there is no key to sign with",
            "add --api-key and --api-secret",
        );
    }
    let redis = problems.secret("redis", options.redis.as_ref(), options.redis_file.as_deref());
    if let Some(url) = &redis {
        problems.urls(
            "redis",
            &[url.reveal()],
            &["redis://", "rediss://", "unix://", "redis+unix://"],
        );
    }
    let stun = options.stun.clone().unwrap_or_default();
    problems.urls("stun", &stun, &["stun:", "stuns:"]);
    let origins = options.allow_origin.clone().unwrap_or_default();
    problems.origins(&origins);
    let no_limits = options.no_limits.unwrap_or_default();
    let turn = problems.turn(options, listen);
    let config = Config {
        listen,
        tls,
        redirect,
        proxies: options.trust_proxy.clone().map(|proxies| proxies.0).unwrap_or_default(),
        keys,
        limits: limits(options, no_limits),
        ice_servers: match stun.as_slice() {
            [] => Vec::new(),
            _ => vec![IceServer {
                urls: stun,
                username: None,
                credential: None,
            }],
        },
        turn,
        redis,
        webhooks,
        metrics: options.metrics_listen,
        origins,
        drain_grace: Duration::from_secs(options.drain_grace.unwrap_or_default().into()),
        ..Config::default()
    };
    let settings = Settings {
        config,
        log: options.log.unwrap_or_default(),
        no_limits,
    };
    (settings, problems.0)
}

/// Where an option says nothing of addresses: IPv6 and IPv4 in one, where the machine has IPv6 at all.
fn everywhere() -> IpAddr {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => Ipv6Addr::UNSPECIFIED.into(),
        Err(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn limits(options: &Options, none: bool) -> Limits {
    let mut limits = Limits::default();
    if let Some(grace) = options.grace {
        limits.grace_ms = u64::from(grace) * 1000;
    }
    let said = options.limits.clone().unwrap_or_default();
    let set = |field: &mut u32, value: Option<u32>| *field = value.unwrap_or(*field);
    set(&mut limits.peers_per_room, said.peers_per_room);
    set(&mut limits.waiting_per_room, said.waiting_per_room);
    set(&mut limits.candidates.0, said.candidates_per_second);
    set(&mut limits.candidates.1, said.candidates_burst);
    set(&mut limits.messages.0, said.messages_per_second);
    set(&mut limits.messages.1, said.messages_burst);
    set(&mut limits.bytes.0, said.bytes_per_second);
    set(&mut limits.bytes.1, said.bytes_burst);
    set(&mut limits.joins.0, said.joins_per_second);
    set(&mut limits.joins.1, said.joins_burst);
    limits.rooms = said.rooms.or(limits.rooms);
    limits.connections = said.connections.unwrap_or(limits.connections);
    limits.connections_per_address = said.connections_per_address.unwrap_or(limits.connections_per_address);
    limits.frame_bytes = said.frame_bytes.unwrap_or(limits.frame_bytes);
    limits.outbox.0 = said.outbox_messages.unwrap_or(limits.outbox.0);
    limits.outbox.1 = said.outbox_bytes.unwrap_or(limits.outbox.1);
    if let Some(idle) = said.idle_seconds {
        limits.idle_ms = u64::from(idle) * 1000;
    }
    if none {
        let endless = (u32::MAX, u32::MAX);
        (limits.candidates, limits.messages, limits.joins) = (endless, endless, endless);
        (limits.bytes, limits.connections, limits.connections_per_address) = (endless, usize::MAX, usize::MAX);
    }
    limits
}

struct Problems(Vec<Problem>);

impl Problems {
    fn tell(&mut self, option: &'static str, text: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Problem::new(option, text, fix));
    }

    fn tls(&mut self, options: &Options) -> Option<Tls> {
        let acme = |domain: &String| {
            Tls::Acme(Acme {
                domain: domain.clone(),
                directory: options
                    .acme_directory
                    .clone()
                    .unwrap_or_else(|| LETS_ENCRYPT.to_owned()),
                contact: options.acme_contact.clone(),
                cache: options.acme_cache.clone().unwrap_or_else(acme_cache),
                root: options.acme_root.clone(),
            })
        };
        if let Some(domain) = &options.domain {
            let name = domain.parse::<IpAddr>().is_err()
                && domain.contains('.')
                && domain
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-');
            if !name {
                self.tell(
                    "domain",
                    format!("{domain:?} is no domain name"),
                    "write the bare name, as in meet.example.org",
                );
            }
        }
        if let Some(url) = &options.acme_directory {
            self.urls("acme-directory", &[url], &["https://"]);
        }
        match (&options.tls_cert, &options.tls_key, &options.domain) {
            (None, None, None) => {
                let leftover =
                    options.acme_directory.is_some() || options.acme_contact.is_some() || options.acme_root.is_some();
                if leftover {
                    self.tell(
                        "domain",
                        "there are options for automatic certificates, and no domain",
                        "add --domain",
                    );
                }
                None
            }
            (None, None, Some(domain)) => Some(acme(domain)),
            (Some(certificate), Some(key), None) => {
                for (option, path) in [("tls-cert", certificate), ("tls-key", key)] {
                    if let Err(error) = std::fs::File::open(path) {
                        self.tell(
                            option,
                            format!("{}: {error}", path.display()),
                            "name a PEM file that this user may read",
                        );
                    }
                }
                Some(Tls::Files {
                    certificate: certificate.clone(),
                    key: key.clone(),
                })
            }
            (Some(_), None, None) => {
                self.tell("tls-key", "a certificate without its key", "add --tls-key");
                None
            }
            (None, Some(_), None) => {
                self.tell("tls-cert", "a key without its certificate", "add --tls-cert");
                None
            }
            (_, _, Some(_)) => {
                self.tell(
                    "domain",
                    "automatic certificates, and a certificate of one's own",
                    "keep --domain, or --tls-cert and --tls-key",
                );
                None
            }
        }
    }

    fn keys(&mut self, options: &Options) -> Keys {
        let mut keys: Vec<Key> = Vec::new();
        let secret = self.secret(
            "api-secret",
            options.api_secret.as_ref(),
            options.api_secret_file.as_deref(),
        );
        match (&options.api_key, secret) {
            (Some(name), Some(secret)) => keys.push(Key::new(name.clone(), secret)),
            (Some(_), None) => self.tell("api-secret", "a key without its secret", "add --api-secret-file"),
            (None, Some(_)) => self.tell("api-key", "a secret without its key's name", "add --api-key"),
            (None, None) => {}
        }
        for entry in options.keys.iter().flatten() {
            let secret = self.secret("keys", entry.secret.as_ref(), entry.secret_file.as_deref());
            match secret {
                Some(_) if keys.iter().any(|key| key.name() == entry.name) => {
                    self.tell(
                        "keys",
                        format!("there are two keys of the name {:?}", entry.name),
                        "rename one of them",
                    );
                }
                Some(secret) => keys.push(Key::new(entry.name.clone(), secret)),
                None => self.tell(
                    "keys",
                    format!("the key {:?} has no secret", entry.name),
                    "give it a secret or a secret-file",
                ),
            }
        }
        for key in &keys {
            if key.name().is_empty() || key.secret().reveal().is_empty() {
                self.tell(
                    "api-key",
                    "an empty key or secret",
                    "make a secret with: openssl rand -base64 32",
                );
            }
        }
        keys.into_iter().collect()
    }

    /// A secret that was given as it is, or as a file.
    fn secret(&mut self, option: &'static str, value: Option<&Secret>, file: Option<&Path>) -> Option<Secret> {
        match (value, file) {
            (Some(_), Some(_)) => {
                self.tell(
                    option,
                    "the secret is given, and a file with it too",
                    "keep one of them",
                );
                None
            }
            (Some(secret), None) => Some(secret.clone()),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
                Err(error) => {
                    self.tell(
                        option,
                        format!("{}: {error}", path.display()),
                        "name a file that this user may read",
                    );
                    None
                }
            },
            (None, None) => None,
        }
    }

    fn turn(&mut self, options: &Options, listen: SocketAddr) -> Turn {
        let secret = self.secret(
            "turn-secret",
            options.turn_secret.as_ref(),
            options.turn_secret_file.as_deref(),
        );
        let urls = options.turn_url.clone().unwrap_or_default();
        self.urls("turn-url", &urls, &["turn:", "turns:"]);
        if options.no_turn.unwrap_or_default() {
            return Turn::Off;
        }
        if urls.is_empty() {
            let port = if listen.port() == 0 { 0 } else { TURN_PORT };
            return Turn::Own {
                listen: options.turn_listen.unwrap_or(SocketAddr::new(listen.ip(), port)),
                external: options.turn_external_ip,
                secret,
                private: options.turn_allow_private.unwrap_or_default(),
            };
        }
        if options.turn_listen.is_some() {
            self.tell(
                "turn-url",
                "another TURN server, and an address for the built-in one",
                "keep --turn-url or --turn-listen",
            );
        }
        match secret {
            Some(secret) => Turn::Other { urls, secret },
            None => {
                self.tell(
                    "turn-secret",
                    "a TURN server without its secret",
                    "add --turn-secret-file: the static-auth-secret of coturn",
                );
                Turn::Off
            }
        }
    }

    fn urls(&mut self, option: &'static str, urls: &[impl AsRef<str>], schemes: &[&str]) {
        for url in urls {
            let rest = schemes.iter().find_map(|scheme| url.as_ref().strip_prefix(scheme));
            if rest.is_none_or(str::is_empty) {
                let (last, rest) = schemes.split_last().unwrap_or((&"", &[]));
                let expected = if rest.is_empty() {
                    (*last).to_owned()
                } else {
                    format!("{} or {last}", rest.join(", "))
                };
                // Not the URL: there may be a password in it.
                self.tell(
                    option,
                    format!("this is no URL that starts with {expected}"),
                    "correct it",
                );
            }
        }
    }

    fn origins(&mut self, origins: &[String]) {
        for origin in origins {
            let host = origin.split_once("://").map(|(_, host)| host.trim_end_matches('/'));
            if host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', ' '])) {
                self.tell(
                    "allow-origin",
                    format!("{origin:?} is no origin"),
                    "write it as browsers do: https://HOST, without a path",
                );
            }
        }
    }
}

fn acme_cache() -> PathBuf {
    let state =
        std::env::var_os("STATE_DIRECTORY").map_or_else(|| PathBuf::from("/var/lib/snug-server"), PathBuf::from);
    state.join("acme")
}
