use clap::{Args, Parser, Subcommand, ValueEnum};
use snug_protocol::{IceServer, Limits};
use snug_server::Config;
use std::net::SocketAddr;

/// A meeting place for Snug: signaling for video calls, and the web client for guests, on one port.
///
/// Media flows between the people, not through here. Rooms live in memory: the first one in makes a room, and an empty
/// one leaves nothing behind.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve rooms until Ctrl-C or SIGTERM (what happens without a command, too)
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes any free one. The address is printed on stdout, logs go to stderr
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// How log lines are written to stderr; RUST_LOG says which, as in RUST_LOG=snug_server=debug
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) log: LogFormat,

    /// Let pages of this origin open sockets too, beside the app and this server's own page; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// How long a seat waits for its client to come back after its connection broke
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace: u32,

    /// Tell clients to use this STUN server, as in stun:stun.example.org:3478; may be repeated. None by default: on one
    /// network none is needed, and no third party is asked unless you say so
    #[arg(long, value_name = "URL", value_parser = stun_url)]
    stun: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Serve {
    pub(crate) fn config(&self) -> Config {
        let limits = Limits {
            grace_ms: u64::from(self.grace) * 1000,
            ..Limits::default()
        };
        let ice_servers = match self.stun.as_slice() {
            [] => Vec::new(),
            urls => vec![IceServer {
                urls: urls.to_vec(),
                username: None,
                credential: None,
            }],
        };
        Config {
            listen: self.listen,
            limits,
            ice_servers,
            origins: self.allow_origin.clone(),
            ..Config::default()
        }
    }
}

fn stun_url(url: &str) -> Result<String, String> {
    if url.starts_with("stun:") && url.len() > "stun:".len() {
        Ok(url.to_owned())
    } else {
        Err("a STUN URL looks like stun:HOST:PORT".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_may_be_said_or_left_out() {
        for words in [
            &["snug-server", "--grace", "5"][..],
            &["snug-server", "serve", "--grace", "5"],
        ] {
            let cli = Cli::try_parse_from(words).expect("the words are right");
            let serve = match cli.command {
                Some(Command::Serve(serve)) => serve,
                None => cli.serve,
            };
            assert_eq!(serve.config().limits.grace_ms, 5000);
            assert!(serve.config().ice_servers.is_empty(), "nobody else is asked by default");
        }
    }
}
