//! The TypeScript twins in `ui/src/generated` are what the Rust types say.

use snug_protocol::{ClientFrame, ServerMessage};
use std::path::Path;
use std::{env, fs, process};
use ts_rs::{Config, TS};

#[test]
fn the_generated_types_are_fresh() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/generated");
    let fresh = env::temp_dir().join(format!("snug-protocol-bindings-{}", process::id()));
    let config = Config::from_env().with_out_dir(&fresh);
    ClientFrame::export_all(&config).expect("written");
    ServerMessage::export_all(&config).expect("written");
    let mut stale = Vec::new();
    for entry in fs::read_dir(&fresh).expect("a folder") {
        let entry = entry.expect("an entry");
        let ours = fs::read_to_string(entry.path()).expect("text");
        let theirs = fs::read_to_string(committed.join(entry.file_name())).unwrap_or_default();
        if ours != theirs {
            stale.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    fs::remove_dir_all(&fresh).expect("our own folder");
    assert!(
        stale.is_empty(),
        "stale in ui/src/generated: {}; run `./dev gen`",
        stale.join(", ")
    );
}
