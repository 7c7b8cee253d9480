use super::file::{KeyEntry, LimitOptions};
use super::values::{LogFormat, Proxies};
use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Deserialize;
use snug_server::Secret;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What may be decided by flag, by environment variable and in a file, always under the same name. Nothing has a
/// default here: what is absent is looked up in the next place.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes any free one. The address is printed on stdout, logs go to stderr
    /// [default: 127.0.0.1:8080, and with --domain every address, port 443]
    #[arg(long, env = "SNUG_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,

    /// The TLS certificate, a PEM file with its chain; read again when it changes
    #[arg(long, env = "SNUG_TLS_CERT", value_name = "FILE", help_heading = "TLS")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Its private key, a PEM file
    #[arg(long, env = "SNUG_TLS_KEY", value_name = "FILE", help_heading = "TLS")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Get and renew a certificate for this name by oneself (ACME); it must lead here, and port 443 of it to this server
    #[arg(long, env = "SNUG_DOMAIN", value_name = "HOST", help_heading = "TLS")]
    pub(crate) domain: Option<String>,

    /// The certificate authority's directory [default: Let's Encrypt's]
    #[arg(long, env = "SNUG_ACME_DIRECTORY", value_name = "URL", help_heading = "TLS")]
    pub(crate) acme_directory: Option<String>,

    /// Where the authority may write to when something is wrong
    #[arg(long, env = "SNUG_ACME_CONTACT", value_name = "EMAIL", help_heading = "TLS")]
    pub(crate) acme_contact: Option<String>,

    /// Keeps the account and the certificates [default: $STATE_DIRECTORY/acme, or /var/lib/snug-server/acme]
    #[arg(long, env = "SNUG_ACME_CACHE", value_name = "FOLDER", help_heading = "TLS")]
    pub(crate) acme_cache: Option<PathBuf>,

    /// Verify the authority itself with this root, a PEM file, instead of the public ones
    #[arg(long, env = "SNUG_ACME_ROOT", value_name = "FILE", help_heading = "TLS")]
    pub(crate) acme_root: Option<PathBuf>,

    /// Answer plain HTTP here with a redirect to https [default: with --domain every address, port 80]
    #[arg(long, env = "SNUG_HTTP_REDIRECT", value_name = "ADDR:PORT", help_heading = "TLS")]
    pub(crate) http_redirect: Option<SocketAddr>,

    /// Believe what a reverse proxy says about its clients (X-Forwarded-For, X-Forwarded-Proto). Alone it means proxies on
    /// this machine and in private networks; or name them, as in --trust-proxy=192.0.2.7,198.51.100.0/24
    #[arg(long, env = "SNUG_TRUST_PROXY", value_name = "NETWORKS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) trust_proxy: Option<Proxies>,

    /// The name of the key that signs tokens. With a key the server is closed: who joins needs a token. More keys than one
    /// go into the file, as [[keys]]
    #[arg(long, env = "SNUG_API_KEY", value_name = "NAME", help_heading = "Tokens")]
    pub(crate) api_key: Option<String>,

    /// Its secret. Every user of this machine can read flags: use the variable, or the file
    #[arg(
        long,
        env = "SNUG_API_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        allow_hyphen_values = true,
        help_heading = "Tokens"
    )]
    pub(crate) api_secret: Option<Secret>,

    /// A file with the secret
    #[arg(long, env = "SNUG_API_SECRET_FILE", value_name = "FILE", help_heading = "Tokens")]
    pub(crate) api_secret_file: Option<PathBuf>,

    /// Tell this URL what happens in rooms, signed with the first key; may be repeated
    #[arg(
        long,
        env = "SNUG_WEBHOOK_URL",
        value_name = "URL",
        value_delimiter = ',',
        help_heading = "Tokens"
    )]
    pub(crate) webhook_url: Option<Vec<String>>,

    /// Keep rooms in this Redis, so that several servers can share them: redis://[:PASSWORD@]HOST:PORT
    #[arg(long, env = "SNUG_REDIS", value_name = "URL", hide_env_values = true)]
    pub(crate) redis: Option<Secret>,

    /// A file with that URL
    #[arg(long, env = "SNUG_REDIS_FILE", value_name = "FILE")]
    pub(crate) redis_file: Option<PathBuf>,

    /// Where the built-in STUN and TURN server listens, UDP and TCP
    /// [default: the address of --listen, port 3478, or a free one if its port is 0]
    #[arg(
        long,
        env = "SNUG_TURN_LISTEN",
        value_name = "ADDR:PORT",
        help_heading = "STUN and TURN"
    )]
    pub(crate) turn_listen: Option<SocketAddr>,

    /// The address at which the world reaches it, where this machine is behind a NAT
    #[arg(
        long,
        env = "SNUG_TURN_EXTERNAL_IP",
        value_name = "IP",
        help_heading = "STUN and TURN"
    )]
    pub(crate) turn_external_ip: Option<IpAddr>,

    /// What TURN credentials are made with [default: a new one at each start]
    #[arg(
        long,
        env = "SNUG_TURN_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        allow_hyphen_values = true,
        help_heading = "STUN and TURN"
    )]
    pub(crate) turn_secret: Option<Secret>,

    /// A file with that secret
    #[arg(
        long,
        env = "SNUG_TURN_SECRET_FILE",
        value_name = "FILE",
        help_heading = "STUN and TURN"
    )]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// Use this coturn instead of the built-in server, as in turn:turn.example.org:3478; may be repeated
    #[arg(
        long,
        env = "SNUG_TURN_URL",
        value_name = "URL",
        value_delimiter = ',',
        help_heading = "STUN and TURN"
    )]
    pub(crate) turn_url: Option<Vec<String>>,

    /// Relay to private and loopback addresses too: for tests, and for networks without strangers
    #[arg(long, env = "SNUG_TURN_ALLOW_PRIVATE", value_parser = BoolishValueParser::new(), value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "STUN and TURN")]
    pub(crate) turn_allow_private: Option<bool>,

    /// Run no STUN and TURN server
    #[arg(long, env = "SNUG_NO_TURN", value_parser = BoolishValueParser::new(), value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "STUN and TURN")]
    pub(crate) no_turn: Option<bool>,

    /// Tell clients to use this STUN server too, as in stun:stun.example.org:3478; may be repeated. None by default: no
    /// third party is asked unless you say so
    #[arg(
        long,
        env = "SNUG_STUN",
        value_name = "URL",
        value_delimiter = ',',
        help_heading = "STUN and TURN"
    )]
    pub(crate) stun: Option<Vec<String>>,

    /// Let pages of this origin open sockets too, beside the app and this server's own page; may be repeated
    #[arg(long, env = "SNUG_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) allow_origin: Option<Vec<String>>,

    /// How long a seat waits for its client to come back after its connection broke [default: 30]
    #[arg(long, env = "SNUG_GRACE", value_name = "SECONDS")]
    pub(crate) grace: Option<u32>,

    /// Serve /metrics, /healthz and /readyz here, to everybody who gets here. Without it /metrics is at the main address, for
    /// who has an API key, or for this machine alone
    #[arg(long, env = "SNUG_METRICS_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,

    /// How long to serve on after SIGTERM while /readyz says no already, for load balancers to notice [default: 0]
    #[arg(long, env = "SNUG_DRAIN_GRACE", value_name = "SECONDS")]
    pub(crate) drain_grace: Option<u32>,

    /// Let clients send and join as fast as they can. For benchmarks only: one client can stop the others
    #[arg(long, env = "SNUG_NO_LIMITS", value_parser = BoolishValueParser::new(), value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) no_limits: Option<bool>,

    /// How log lines are written to stderr; RUST_LOG says which, as in RUST_LOG=snug_server=debug [default: text]
    #[arg(long, env = "SNUG_LOG", value_name = "FORMAT", value_enum)]
    pub(crate) log: Option<LogFormat>,

    #[arg(skip)]
    pub(crate) keys: Option<Vec<KeyEntry>>,
    #[arg(skip)]
    pub(crate) limits: Option<LimitOptions>,
}

/// Calls a macro with the name of every option, in the order in which they are shown.
macro_rules! for_each_option {
    ($call:ident) => {
        $call!(
            listen,
            tls_cert,
            tls_key,
            domain,
            acme_directory,
            acme_contact,
            acme_cache,
            acme_root,
            http_redirect,
            trust_proxy,
            api_key,
            api_secret,
            api_secret_file,
            webhook_url,
            redis,
            redis_file,
            turn_listen,
            turn_external_ip,
            turn_secret,
            turn_secret_file,
            turn_url,
            turn_allow_private,
            no_turn,
            stun,
            allow_origin,
            grace,
            metrics_listen,
            drain_grace,
            no_limits,
            log,
            keys,
            limits
        )
    };
}
pub(crate) use for_each_option;

impl Options {
    /// These, and for what is not decided here, those.
    pub(crate) fn or(self, mut other: Self) -> Self {
        // A secret and the file with the secret are one decision.
        if self.api_secret.is_some() || self.api_secret_file.is_some() {
            (other.api_secret, other.api_secret_file) = (None, None);
        }
        if self.turn_secret.is_some() || self.turn_secret_file.is_some() {
            (other.turn_secret, other.turn_secret_file) = (None, None);
        }
        if self.redis.is_some() || self.redis_file.is_some() {
            (other.redis, other.redis_file) = (None, None);
        }
        macro_rules! merge {
            ($($name:ident),*) => { Self { $($name: self.$name.or(other.$name)),* } };
        }
        for_each_option!(merge)
    }
}
