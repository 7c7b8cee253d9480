//! Snug's server: signaling at `/ws`, the web client for guests beside it, on one port.
//!
//! A library, so that the app can host a room by itself; the binary is a thin shell around it. All rules are in
//! [`snug_room`]; what is here owns sockets, the clock and the dice, and decides nothing.
//!
//! ```text
//! server: accepts --> connection (hyper) --> page, healthz
//!                         |  upgrade at /ws
//!                         v
//!                     socket: gate, parse  -- call -->  hub: the core, behind a lock
//!                     socket: write  <== Letter ===     (bounded outlet; full: dropped)
//! ```

mod admission;
mod ahead;
mod api;
pub mod config;
mod connection;
mod crowd;
mod hub;
mod meter;
mod metrics;
mod observer;
mod opening;
mod origin;
mod outlet;
mod page;
mod proxy;
mod relay;
mod route;
mod server;
mod socket;
mod status;
pub mod tls;
pub mod token;
pub mod trace;
mod webhook;
mod wire;

pub use config::{Config, Secret};
pub use server::Server;
