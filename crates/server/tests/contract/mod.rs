//! What a client sees on the wire, whatever the rooms are kept in. Each store runs all of it: `Server` is its own.

pub use super::store::Server;

mod errors;
mod limits;
mod rooms;
mod sessions;
