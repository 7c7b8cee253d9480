//! TURN over TCP and TLS (RFC 8656, 2.1), which the engine's client does not speak: a local UDP port takes its
//! datagrams, and a stream to the server carries them.

mod carriage;
mod framing;

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use carriage::{Carriage, Server};

use crate::wire::{Configuration, OneOrMany};

/// Streams that one local port serves: one for each of the engine's sockets.
const STREAMS: usize = 32;
/// Datagrams that may wait for a stream. More are dropped, as a network would.
const QUEUE: usize = 128;
/// The largest datagram.
const DATAGRAM: usize = 2_048;

/// The local ports of one connection; they close with it.
#[derive(Default)]
pub struct Streams {
    ports: HashMap<Server, Vec<SocketAddr>>,
    tasks: JoinSet<()>,
}

impl Streams {
    /// A configuration whose servers the engine can reach by datagrams.
    pub async fn local(&mut self, configuration: &Configuration) -> Configuration {
        let mut local = configuration.clone();
        for server in &mut local.ice_servers {
            let mut urls = Vec::new();
            for url in server.urls.iter() {
                match self.urls(url).await {
                    Some(local) => urls.extend(local),
                    None => urls.push(url.to_owned()),
                }
            }
            server.urls = OneOrMany::Many(urls);
        }
        local
    }

    /// The URLs of a configuration, each with those by which the engine reaches the server.
    pub async fn pairs(&mut self, configuration: &Configuration) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for url in configuration.ice_servers.iter().flat_map(|server| server.urls.iter()) {
            let used = self.urls(url).await.unwrap_or_else(|| vec![url.to_owned()]);
            pairs.extend(used.into_iter().map(|used| (url.to_owned(), used)));
        }
        pairs
    }

    /// The URLs by which the engine reaches a server that is reached by streams; `None` if `url` names none.
    async fn urls(&mut self, url: &str) -> Option<Vec<String>> {
        let server = Server::parse(url)?;
        if !self.ports.contains_key(&server) {
            let ports = self.open(&server).await;
            self.ports.insert(server.clone(), ports);
        }
        let ports = self.ports.get(&server)?;
        Some(ports.iter().map(|port| format!("turn:{port}?transport=udp")).collect())
    }

    /// One port for each family: the engine's sockets speak only their own.
    async fn open(&mut self, server: &Server) -> Vec<SocketAddr> {
        let mut ports = Vec::new();
        for address in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ] {
            let bound = UdpSocket::bind(address).await;
            match bound.and_then(|socket| Ok((socket.local_addr()?, socket))) {
                Ok((port, socket)) => {
                    ports.push(port);
                    self.tasks.spawn(serve(Arc::new(socket), server.clone()));
                }
                Err(error) => tracing::debug!(%error, "no local port for a stream to a TURN server"),
            }
        }
        ports
    }
}

/// Gives each of the engine's sockets a stream.
async fn serve(socket: Arc<UdpSocket>, server: Server) {
    let mut streams: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
    let mut running = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        while running.try_join_next().is_some() {}
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // A datagram that could not be delivered shows here.
                tracing::debug!(%error, "a local port for TURN");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Some(datagram) = buffer.get(..length) else { continue };
        streams.retain(|_, stream| !stream.is_closed());
        if !streams.contains_key(&from) {
            if streams.len() >= STREAMS {
                tracing::warn!("too many streams to a TURN server");
                continue;
            }
            let (sender, queue) = mpsc::channel(QUEUE);
            streams.insert(from, sender);
            let carriage = Carriage {
                socket: Arc::clone(&socket),
                peer: from,
            };
            running.spawn(carriage.run(server.clone(), queue));
        }
        let sent = streams.get(&from).map(|stream| stream.try_send(datagram.to_vec()));
        if let Some(Err(_)) = sent {
            tracing::trace!("a stream to a TURN server is behind");
        }
    }
}
