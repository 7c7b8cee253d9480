//! Logs go to stderr. `SNUG_APP_LOG` says how much, as `SNUG_APP_LOG=snug_desktop=debug,warn` does. (`SNUG_LOG` is the server's.)

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// The deep-link plugin logs the arguments it does not take for a link, and those can be room links with their secret.
/// The relay client calls it an error when a relay refuses an address, as each relay does with private ones, and names it.
const DEFAULT: &str = "warn,snug_desktop=info,snug_client=info,snug::trace=info,tauri_plugin_deep_link=error,\
    webrtc::peer_connection::transport::turn_relayer=off";

pub fn start() {
    let filter = EnvFilter::try_from_env("SNUG_APP_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let lines = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    if let Err(error) = lines.with_env_filter(filter).try_init() {
        eprintln!("snug: no logs: {error}");
    }
}
