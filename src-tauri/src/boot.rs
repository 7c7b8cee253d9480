//! What the environment says about this start, and what the page is told of it.

use crate::links;
use crate::opening::Opening;
use crate::page::{BootInfo, Platform};

/// Read once, at the start.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The server that new rooms are started on. `SNUG_SERVER` wins over what was compiled in.
    pub default_server: Option<String>,
    /// `SNUG_TEST_DEVICES=1`: the webview's mock camera and microphone.
    pub test_devices: bool,
}

impl Settings {
    pub fn from_environment() -> Self {
        let named = std::env::var("SNUG_SERVER")
            .ok()
            .or_else(|| option_env!("SNUG_DEFAULT_SERVER").map(Into::into));
        let default_server = named.as_deref().and_then(links::server);
        if named.is_some() && default_server.is_none() {
            tracing::warn!("SNUG_SERVER is not of the form http(s)://HOST[:PORT]: no server is preset");
        }
        Self {
            default_server,
            test_devices: std::env::var_os("SNUG_TEST_DEVICES").is_some_and(|value| value == "1"),
        }
    }

    pub fn boot_info(&self, first: Option<Opening>) -> BootInfo {
        BootInfo {
            version: env!("CARGO_PKG_VERSION").into(),
            platform: Platform::here(),
            default_server: self.default_server.clone(),
            join_at_once: first.as_ref().is_some_and(|first| first.join_at_once),
            first_link: first.map(|first| first.url),
            native_peer_connection: Platform::here() != Platform::Linux,
            test_mode: self.test_devices,
        }
    }
}
