//! The plugin's commands: they find the webview's session and pass on.

use std::sync::Arc;

use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{Runtime, State, Webview};

use crate::Sessions;
use crate::error::{PeerError, Result};
use crate::session::Session;
use crate::wire::{Certificate, CertificateRequest, Configuration, Event, Op, Opened, PcId};

#[tauri::command]
pub async fn open<R: Runtime>(
    webview: Webview<R>,
    sessions: State<'_, Sessions>,
    events: Channel<Event>,
) -> Result<Opened> {
    let tell = move |event: Event| {
        if let Err(error) = events.send(event) {
            tracing::debug!(%error, "the page is gone");
        }
    };
    let (session, opened) = Session::open(Arc::new(tell), origins(&webview)).await?;
    sessions.begin(webview.label(), webview.window_ref().label(), session);
    Ok(opened)
}

#[tauri::command]
pub async fn create<R: Runtime>(
    webview: Webview<R>,
    sessions: State<'_, Sessions>,
    configuration: Configuration,
) -> Result<PcId> {
    find(&webview, &sessions)?.create(configuration).await
}

#[tauri::command]
pub async fn generate_certificate<R: Runtime>(
    webview: Webview<R>,
    sessions: State<'_, Sessions>,
    request: CertificateRequest,
) -> Result<Certificate> {
    find(&webview, &sessions)?.generate_certificate(&request)
}

#[tauri::command]
pub async fn run<R: Runtime>(webview: Webview<R>, sessions: State<'_, Sessions>, pc: PcId, op: Op) -> Result<Value> {
    find(&webview, &sessions)?.run(pc, op).await
}

#[tauri::command]
pub async fn close<R: Runtime>(webview: Webview<R>, sessions: State<'_, Sessions>, pc: PcId) -> Result<()> {
    find(&webview, &sessions)?.close(pc).await
}

#[tauri::command]
pub async fn shares_screens() -> bool {
    crate::webview::shares_screens().await
}

fn find<R: Runtime>(webview: &Webview<R>, sessions: &Sessions) -> Result<Arc<Session>> {
    sessions
        .get(webview.label())
        .ok_or_else(|| PeerError::invalid_state("open was not called"))
}

/// The documents that may use the loopback socket: the app's own, wherever this platform serves it from.
fn origins<R: Runtime>(webview: &Webview<R>) -> Vec<String> {
    use tauri::Manager;
    let own = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];
    let dev = webview
        .config()
        .build
        .dev_url
        .as_ref()
        .map(|url| url.origin().ascii_serialization());
    own.into_iter().map(str::to_owned).chain(dev).collect()
}
