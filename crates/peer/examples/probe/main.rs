//! A bare Tauri application around the plugin: one window, and a page served from a directory.
//!
//! ```text
//! (cd crates/peer/guest-js && npx vite build)                    # the page, into examples/probe/dist
//! cargo run -p tauri-plugin-peer-connection --example probe
//! ```
//!
//! The end-to-end tests in `guest-js/e2e` drive it with WebKitWebDriver. `PROBE_MOCK_DEVICES=1` asks for mock
//! camera and microphone, `PROBE_PAGE` names another directory than `examples/probe/dist` (or several, separated like
//! those of `PATH`: the first that has a file serves it), `PROBE_INLINE=1` allows inline scripts.
//!
//! A real application would use `tauri::generate_context!` and grant the plugin in a capability file
//! (`"peer-connection:default"`); this one puts both together by hand, so that the page can be rebuilt without
//! the application.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use tauri::utils::acl::ExecutionContext;
use tauri::utils::acl::resolved::Resolved;
use tauri::utils::assets::{AssetKey, AssetsIter, CspHash};
use tauri::webview::{PermissionKind, PermissionResponse};
use tauri::{Assets, Context, Pattern, WebviewUrl, WebviewWindowBuilder, Wry};
use tauri_plugin_peer_connection::webview::{WebviewOptions, avoid_dmabuf_renderer, prepare};

/// As strict as an application can be: no inline scripts, no blobs, no network but the plugin's loopback socket.
const CSP: &str = "default-src 'self'; connect-src ipc: http://ipc.localhost ws://127.0.0.1:*; \
                   media-src 'self' mediastream:; object-src 'none'";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    avoid_dmabuf_renderer();
    let pages = std::env::var_os("PROBE_PAGE").map_or_else(
        || vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/probe/dist")],
        |value| std::env::split_paths(&value).collect(),
    );
    let options = WebviewOptions {
        mock_devices: wanted("PROBE_MOCK_DEVICES"),
    };
    tauri::Builder::default()
        .plugin(tauri_plugin_peer_connection::init())
        .on_permission_request(|webview, kind| {
            let own = webview.url().is_ok_and(|url| url.scheme() == "tauri");
            let capture = matches!(
                kind,
                PermissionKind::Camera | PermissionKind::Microphone | PermissionKind::DisplayCapture
            );
            if own && capture {
                PermissionResponse::Allow
            } else {
                PermissionResponse::Deny
            }
        })
        .setup(move |app| {
            let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
                .title("Peer connection probe")
                .inner_size(900.0, 700.0)
                .build()?;
            prepare(&window, options)?;
            Ok(())
        })
        .run(context(pages)?)?;
    Ok(())
}

fn wanted(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "1")
}

/// What the page may ask for: all.
const COMMANDS: &[&str] = include!("../../src/commands.in");

fn context(pages: Vec<PathBuf>) -> Result<Context<Wry>, Box<dyn std::error::Error>> {
    let csp = (!wanted("PROBE_INLINE")).then_some(CSP);
    let config: tauri::Config = serde_json::from_value(serde_json::json!({
        "identifier": "org.example.peer-connection-probe",
        "productName": "Peer connection probe",
        "app": { "windows": [], "security": { "csp": csp } },
    }))?;
    let mut context = Context::new(
        config,
        Box::new(Directories(pages)),
        None,
        None,
        tauri::PackageInfo {
            name: "probe".into(),
            version: "0.1.0".parse()?,
            authors: "",
            description: "",
            crate_name: "probe",
        },
        Pattern::Brownfield,
        tauri::runtime_authority!(Default::default(), Resolved::default()),
        None,
    );
    for command in COMMANDS {
        context
            .runtime_authority_mut()
            .__allow_command(format!("plugin:peer-connection|{command}"), ExecutionContext::Local);
    }
    Ok(context)
}

/// Serves the files of directories under `tauri://localhost`.
struct Directories(Vec<PathBuf>);

impl Assets<Wry> for Directories {
    fn get(&self, key: &AssetKey) -> Option<Cow<'_, [u8]>> {
        let relative = Path::new(key.as_ref().trim_start_matches('/'));
        let inside = relative
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        inside
            .then(|| {
                self.0
                    .iter()
                    .find_map(|directory| std::fs::read(directory.join(relative)).ok())
            })
            .flatten()
            .map(Cow::Owned)
    }

    fn iter(&self) -> Box<AssetsIter<'_>> {
        Box::new(std::iter::empty())
    }

    fn csp_hashes(&self, _: &AssetKey) -> Box<dyn Iterator<Item = CspHash<'_>> + '_> {
        Box::new(std::iter::empty())
    }
}
