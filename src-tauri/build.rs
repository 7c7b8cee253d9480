//! Generates one permission per command, and makes sure that there is a page to embed.

use std::path::Path;

const COMMANDS: &[&str] = &[
    "boot",
    "listen",
    "join",
    "send",
    "leave",
    "hint",
    "trace",
    "copy_text",
    "save_report",
    "clock_ahead",
    "closed",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-env-changed=SNUG_DEFAULT_SERVER");
    let page = Path::new("../ui/dist/desktop");
    if !page.join("index.html").exists() {
        println!("cargo:warning=ui/dist/desktop has no page: this build shows an empty one (./dev builds both)");
        std::fs::create_dir_all(page)?;
        std::fs::write(page.join("index.html"), "<!doctype html><title>Snug</title>\n")?;
    }
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}
