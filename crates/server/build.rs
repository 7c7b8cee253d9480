//! The web client is embedded from `ui/dist/web`. A build without it is a server without guests, not an error.

use std::{env, fs, path::Path};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let web = Path::new(&root).join("../../ui/dist/web");
    if let Err(error) = fs::create_dir_all(&web) {
        println!("cargo:warning=cannot create {}: {error}", web.display());
    }
    println!("cargo:rerun-if-changed={}", web.display());
}
