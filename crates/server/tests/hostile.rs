//! Clients that mean harm, over real sockets: they are refused, bounded and forgotten, and nobody else is hurt.

// All of 127.0.0.0/8 are addresses of this machine.
#![cfg(target_os = "linux")]

#[path = "hostile/connections.rs"]
mod connections;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/intruders.rs"]
mod intruders;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "support/process.rs"]
mod process;
#[path = "hostile/storm.rs"]
mod storm;

use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::Raw;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// An address of this machine that no other client of the test has.
fn from(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

fn config(limits: Limits) -> Config {
    Config {
        limits,
        ..Config::default()
    }
}

/// What the server counts under this name.
async fn gauge(server: SocketAddr, name: &str) -> u64 {
    let (status, page) = Raw::get(server, from(1), "/metrics").await.expect("an answer");
    assert_eq!(status, 200);
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {page}"))
}
