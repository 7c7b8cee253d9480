//! The plugin's commands. All else the page says on the sockets that `open` gives it.

use tauri::{Runtime, State, Webview};

use crate::Sessions;
use crate::error::Result;
use crate::session::Session;
use crate::wire::Opened;

#[tauri::command]
pub async fn open<R: Runtime>(webview: Webview<R>, sessions: State<'_, Sessions>) -> Result<Opened> {
    let (session, opened) = Session::open_controlled(origins(&webview)).await?;
    sessions.begin(webview.label(), webview.window_ref().label(), session);
    Ok(opened)
}

#[tauri::command]
pub async fn shares_screens() -> bool {
    crate::webview::shares_screens().await
}

/// The documents that may use the loopback sockets: the app's own, wherever this platform serves it from.
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
