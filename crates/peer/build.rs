//! Generates one permission per command of the plugin.

const COMMANDS: &[&str] = include!("src/commands.in");

fn main() {
    println!("cargo:rerun-if-changed=src/commands.in");
    tauri_plugin::Builder::new(COMMANDS).build();
}
