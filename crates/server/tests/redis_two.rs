//! Rooms in Redis with two nodes: what every store does, with each client on another node than the one before.
#![cfg(unix)]

mod contract;

#[path = "support/redis.rs"]
mod redis;

mod store {
    pub use crate::redis::TwoNodes as Server;
}
