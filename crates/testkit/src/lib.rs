//! What tests share: a real server that can be killed, a cable that can be cut, a client of bare JSON.
//!
//! Never part of what is shipped, so it may panic: a panic here is a failed test.

mod link;
pub mod model;
pub mod raw;
#[cfg(unix)]
mod redis;
mod server;
pub mod sim;
mod wire;

pub use link::Link;
pub use raw::Raw;
#[cfg(unix)]
pub use redis::RedisServer;
pub use server::Server;
pub use wire::{PATIENCE, Wire, WireEvent};
