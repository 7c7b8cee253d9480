//! Whether WebKitGTK shall draw through DMA-BUF buffers.

/// Call it before any thread and before GTK start.
///
/// Without a GPU that renderer costs most of a core for one video, and with NVIDIA's own driver the window can stay
/// blank; everywhere else it is the better one. Whoever sets `WEBKIT_DISABLE_DMABUF_RENDERER` has the last word.
pub fn choose() {
    #[cfg(target_os = "linux")]
    {
        use std::path::Path;
        let nvidia = Path::new("/proc/driver/nvidia/version").exists();
        if nvidia || !has_render_node(Path::new("/dev/dri")) {
            tauri_plugin_peer_connection::webview::avoid_dmabuf_renderer();
        }
    }
}

#[cfg(target_os = "linux")]
fn has_render_node(folder: &std::path::Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
}
