//! Servers that share a Redis of their own.
#![allow(dead_code, reason = "each test uses what it needs")]

use snug_server::{Config, Secret};
use snug_testkit::{PATIENCE, RedisServer, Server};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

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
            let node = Server::with(config.clone()).await;
            is_ready(&node).await;
            nodes.push(node);
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

/// Waits until a server has its Redis.
pub async fn is_ready(server: &Server) {
    let ask = async {
        loop {
            let mut stream = TcpStream::connect(server.address()).await.expect("the server listens");
            let request = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.expect("the server reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("the server answers");
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, ask).await.expect("redis is reached");
}
