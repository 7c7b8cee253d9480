use crate::Config;
use crate::hub::{Command, Hub};
use crate::route::route;
use crate::socket::Socket;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use snug_room::{Input, Rooms, SocketId};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

/// Commands on their way to the hub; senders wait when it is full.
const COMMANDS: usize = 1024;
/// How long a connection may take to send a request's head, idle ones included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// A server that listens, and serves once it [runs](Server::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
}

impl Server {
    /// Takes the address of the configuration.
    ///
    /// # Errors
    /// When the address is not ours or is taken.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            config,
        })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `end` comes; then every client is told to resume elsewhere (1001), and this returns within the
    /// configured linger. Dropping the future instead cuts every socket at once.
    ///
    /// # Errors
    /// When the system has no randomness for the secrets.
    pub async fn run(self, end: impl Future<Output = ()>) -> io::Result<()> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let core = snug_room::Config {
            limits: self.config.limits.clone(),
            ice_servers: self.config.ice_servers.clone(),
        };
        let (hub, commands) = mpsc::channel(COMMANDS);
        let mut tasks = JoinSet::new();
        tasks.spawn(Hub::new(Rooms::new(core, seed), commands).run());
        let linger = self.config.linger;
        let (drain, draining) = watch::channel(());
        let shared = Arc::new(Shared {
            config: self.config,
            hub,
            draining,
            sockets: AtomicU64::new(1),
        });
        info!(address = %self.address, "listening");
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(_) = tasks.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        tasks.spawn(serve(shared.clone(), stream, address));
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: those who are in may leave meanwhile.
                        warn!(%error, "cannot accept");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        info!("draining");
        drop((self.listener, drain));
        // An error means that the hub is gone, and its sockets with it.
        shared.hub.send(Command::Core(Input::Drain)).await.ok();
        drop(shared);
        let drained = timeout(linger + Duration::from_secs(1), async {
            while tasks.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            debug!(left = tasks.len(), "connections cut");
        }
        info!("stopped");
        Ok(())
    }
}

struct Shared {
    config: Config,
    hub: mpsc::Sender<Command>,
    /// Its sender is dropped when the server drains.
    draining: watch::Receiver<()>,
    sockets: AtomicU64,
}

/// One connection: requests, and perhaps a socket that one of them becomes.
async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let upgrade = Mutex::new(None);
    let service = service_fn(|mut request| {
        let routed = route(&mut request, &shared.config.origins);
        if let Some(socket) = routed.upgrade {
            *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        }
        async { Ok::<_, Infallible>(routed.response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut draining = shared.draining.clone();
    let served = tokio::select! {
        served = &mut connection => served,
        _ = draining.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        debug!(%error, "a connection broke");
    }
    let Some(socket) = upgrade.into_inner().unwrap_or_else(PoisonError::into_inner) else {
        return;
    };
    match socket.await {
        Ok(io) => {
            let config = &shared.config;
            let socket = Socket {
                id: SocketId(shared.sockets.fetch_add(1, Ordering::Relaxed)),
                address: peer.ip(),
                limits: config.limits.clone(),
                linger: config.linger,
                hub: shared.hub.clone(),
            };
            socket.run(TokioIo::new(io)).await;
        }
        Err(error) => debug!(%error, "no upgrade"),
    }
}
