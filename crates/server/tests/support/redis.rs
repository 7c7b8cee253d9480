//! Servers that share a Redis of their own.
#![allow(dead_code, reason = "each test uses what it needs")]

use snug_server::{Config, Secret};
use snug_testkit::{RedisServer, Server};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A Redis, and nodes on it. Whoever asks where to connect gets one node after the other.
pub struct Nodes<const N: usize> {
    pub redis: RedisServer,
    pub nodes: Vec<Server>,
    next: AtomicUsize,
}

pub type OneNode = Nodes<1>;
pub type TwoNodes = Nodes<2>;

impl<const N: usize> Nodes<N> {
    pub async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let redis = RedisServer::start().await;
        let config = Config {
            redis: Some(Secret::new(redis.url())),
            ..config
        };
        let mut nodes = Vec::new();
        for _ in 0..N {
            nodes.push(Server::with(config.clone()).await);
        }
        Self {
            redis,
            nodes,
            next: AtomicUsize::new(0),
        }
    }

    pub fn url(&self) -> String {
        self.next().url()
    }

    pub fn address(&self) -> SocketAddr {
        self.next().address()
    }

    pub async fn drain(&mut self) {
        for node in &mut self.nodes {
            node.drain().await;
        }
    }

    fn next(&self) -> &Server {
        &self.nodes[self.next.fetch_add(1, Ordering::Relaxed) % N]
    }
}
