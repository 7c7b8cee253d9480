use crate::Config;
use crate::connection::{Opened, Shared, serve};
use crate::hub::Hub;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

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
        let hub = Hub::new(core, self.config.redis.as_ref(), seed)?;
        // Each task is a connection, or the socket that a connection became.
        let mut tasks: JoinSet<Option<Opened>> = JoinSet::new();
        let mut keeper = JoinSet::new();
        keeper.spawn(hub.clone().keep_time());
        let linger = self.config.linger;
        let (drain, draining) = watch::channel(());
        let shared = Arc::new(Shared {
            limits: Arc::new(self.config.limits.clone()),
            config: self.config,
            hub: hub.clone(),
            draining,
        });
        info!(address = %self.address, "listening");
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => break,
                Some(done) = tasks.join_next() => {
                    if let Ok(Some(upgraded)) = done {
                        tasks.spawn(upgraded.run());
                    }
                }
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
        hub.drain().await;
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
