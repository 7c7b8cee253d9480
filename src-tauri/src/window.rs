//! The one window.

use crate::boot::Settings;
use crate::controller::{Ask, Inbox};
use crate::navigation::{self, Home};
use tauri::webview::{Color, PageLoadEvent, PageLoadPayload};
use tauri::{AppHandle, Manager, Webview, WebviewUrl, WebviewWindowBuilder, Window, WindowEvent};

pub const LABEL: &str = "main";

/// The page's own dark: a white flash before the first paint would be seen.
const BACKGROUND: Color = Color(0x16, 0x13, 0x10, 0xff);

/// Opens the window, and readies its webview before the first script of the page runs.
pub fn open(app: &AppHandle, settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::of(app);
    let opener = app.clone();
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Snug")
        .inner_size(1120.0, 720.0)
        .min_inner_size(360.0, 480.0)
        .background_color(BACKGROUND)
        .on_navigation(move |url| navigation::allows(&home, url))
        .on_new_window(move |url, _| navigation::open_elsewhere(&opener, &url))
        // The page names itself (`document.title`); it needs no permission for that.
        .on_document_title_changed(|window, title| {
            if let Err(error) = window.set_title(&title) {
                tracing::debug!(%error, "the window keeps its title");
            }
        })
        .build()?;
    let options = tauri_plugin_peer_connection::webview::WebviewOptions {
        mock_devices: settings.test_devices,
    };
    tauri_plugin_peer_connection::webview::prepare(&window, options)?;
    #[cfg(target_os = "linux")]
    if settings.test_devices {
        print_console(&window)?;
    }
    Ok(())
}

/// For tests: what the page writes to its console goes to stdout.
#[cfg(target_os = "linux")]
fn print_console(window: &tauri::WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{SettingsExt, WebViewExt};
    window.with_webview(|webview| {
        if let Some(settings) = WebViewExt::settings(&webview.inner()) {
            settings.set_enable_write_console_messages_to_stdout(true);
        }
    })
}

pub fn on_event(window: &Window, event: &WindowEvent) {
    if let WindowEvent::CloseRequested { api, .. } = event {
        api.prevent_close();
        window.state::<Inbox>().post(Ask::Close);
    }
}

/// A new document knows nothing of what the former one had.
pub fn on_page_load(webview: &Webview, load: &PageLoadPayload<'_>) {
    if load.event() == PageLoadEvent::Started {
        webview.state::<Inbox>().post(Ask::NewPage);
    }
}
