//! The peer connection, thrown at by a remote and by a page, and what has to hold whatever they send.
//!
//! Its source is included by path: it is private there, and its crate brings a webview along, which nobody wants to build
//! once more with the fuzzer's instruments.

mod commands;
mod description;
mod edits;
mod heap;
mod media;
mod network;
mod page;
mod scene;

pub use commands::commands;
pub use description::descriptions;
pub use media::media;
pub use network::network;
pub use page::page;

macro_rules! included {
    ($($name:ident $path:literal)*) => {$(
        #[path = $path]
        #[allow(dead_code, unused_imports)]
        mod $name;
    )*};
}

included! {
    audio "../../../crates/peer/src/audio/mod.rs"
    control "../../../crates/peer/src/control.rs"
    engine "../../../crates/peer/src/engine/mod.rs"
    error "../../../crates/peer/src/error.rs"
    frame "../../../crates/peer/src/frame.rs"
    jsep "../../../crates/peer/src/jsep/mod.rs"
    outbox "../../../crates/peer/src/outbox.rs"
    rtp "../../../crates/peer/src/rtp/mod.rs"
    session "../../../crates/peer/src/session.rs"
    socket "../../../crates/peer/src/socket.rs"
    wire "../../../crates/peer/src/wire/mod.rs"
}
