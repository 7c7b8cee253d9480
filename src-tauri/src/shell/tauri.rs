use super::Shell;
use crate::window::LABEL;
use tauri::{AppHandle, Manager, WebviewWindow};
use tauri_plugin_clipboard_manager::ClipboardExt;

/// The real desktop.
pub struct TauriShell {
    app: AppHandle,
}

impl TauriShell {
    pub fn new(app: AppHandle) -> Self {
        Self { app }
    }

    fn on_window(&self, what: &str, act: impl Fn(&WebviewWindow) -> tauri::Result<()>) {
        let Some(window) = self.app.get_webview_window(LABEL) else {
            return;
        };
        if let Err(error) = act(&window) {
            tracing::warn!(%error, "the window did not {what}");
        }
    }
}

impl Shell for TauriShell {
    fn show(&self) {
        self.on_window("come up", |window| {
            window.unminimize()?;
            window.show()?;
            window.set_focus()
        });
    }

    fn hide(&self) {
        self.on_window("hide", WebviewWindow::hide);
    }

    fn quit(&self) {
        self.app.exit(0);
    }

    fn copy_text(&self, text: &str) -> Result<(), String> {
        self.app.clipboard().write_text(text).map_err(|error| error.to_string())
    }
}
