//! A window with a peer connection in it.

use tauri::webview::{PermissionKind, PermissionResponse};
use tauri::{WebviewUrl, WebviewWindowBuilder};
use tauri_plugin_peer_connection::webview::{WebviewOptions, avoid_dmabuf_renderer, prepare};

fn main() -> tauri::Result<()> {
    avoid_dmabuf_renderer();
    tauri::Builder::default()
        .plugin(tauri_plugin_peer_connection::init())
        // The page's own origin may use camera and microphone. Ask your user here if you want to be asked.
        .on_permission_request(|webview, kind| {
            let own = webview.url().is_ok_and(|url| url.scheme() == "tauri");
            match kind {
                PermissionKind::Camera | PermissionKind::Microphone if own => PermissionResponse::Allow,
                _ => PermissionResponse::Deny,
            }
        })
        .setup(|app| {
            let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
                .title("A call to oneself")
                .build()?;
            prepare(&window, WebviewOptions::default())?;
            Ok(())
        })
        .run(tauri::generate_context!())
}
