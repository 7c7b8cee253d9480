//! Rooms in Redis with one node: what every store does.
#![cfg(unix)]

mod contract;

#[path = "support/redis.rs"]
mod redis;

mod store {
    pub use crate::redis::OneNode as Server;
}

#[path = "contract/address.rs"]
mod address;

use store::Server;
