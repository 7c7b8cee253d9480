//! Generates one permission per command of the plugin.

fn main() {
    tauri_plugin::Builder::new(&[
        "open",
        "create",
        "generate_certificate",
        "run",
        "close",
        "shares_screens",
    ])
    .build();
}
