use crate::Config;
use crate::api::Throttle;
use crate::connection::{Shared, serve};
use crate::crowd::Crowd;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::observer::Observer;
use crate::relay::Relay;
use crate::status;
use crate::tls::{Acceptor, Renewal, redirect};
use crate::webhook::{Patience, Webhooks};
use snug_turn::TurnServer;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

/// How often an address may ask for ICE servers: a second, and at once.
const ICE_REQUESTS: (u32, u32) = (5, 40);

/// What is left of a connection that ended goes with the next one that comes, and after this time at the latest: to be told
/// of each end would cost more.
const SWEEP: Duration = Duration::from_secs(1);

/// A server that listens, and serves once it [runs](Server::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: Config,
    tls: Option<(Acceptor, Renewal)>,
    redirect: Option<TcpListener>,
    metrics: Option<TcpListener>,
    relay: Option<(Relay, Option<TurnServer>)>,
}

impl Server {
    /// Takes the addresses of the configuration, and loads its certificate.
    ///
    /// # Errors
    /// When an address is not ours or is taken, or the certificate cannot be used.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let tls = config.tls.as_ref().map(Acceptor::new).transpose()?;
        let listener = listen(config.listen).await?;
        let address = listener.local_addr()?;
        let redirect = match config.redirect.filter(|_| tls.is_some()) {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let metrics = match config.metrics {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let relay = Relay::bind(&config, tls.as_ref().map(|(acceptor, _)| acceptor))?;
        Ok(Self {
            listener,
            address,
            config,
            tls,
            redirect,
            metrics,
            relay,
        })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser finds it, if it can reach the address.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it answers plain HTTP with a redirect, if anywhere.
    pub fn redirects(&self) -> Option<SocketAddr> {
        self.redirect.as_ref()?.local_addr().ok()
    }

    /// Where it serves metrics to everybody who gets there, if anywhere.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// Where its own STUN and TURN server listens, if it has one.
    pub fn turn(&self) -> Option<SocketAddr> {
        Some(self.relay.as_ref()?.1.as_ref()?.address())
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
        let metrics = Arc::new(Metrics::new());
        let config = &self.config;
        let (webhooks, couriers) =
            Webhooks::start(&config.webhooks, config.keys.first(), Patience::default(), &metrics)?;
        let observer = Arc::new(Observer::new(metrics, webhooks)?);
        let hub = Hub::new(core, self.config.redis.as_ref(), seed, observer)?;
        // Each task is a connection, and perhaps the socket that it becomes.
        let mut tasks = JoinSet::new();
        let mut keeper = JoinSet::new();
        keeper.spawn(hub.clone().keep_time());
        let tls = self.tls.map(|(acceptor, renewal)| {
            keeper.spawn(renewal);
            acceptor
        });
        if let Some(listener) = self.redirect {
            keeper.spawn(redirect(listener, self.address.port()));
        }
        let mut turn_stats = None;
        let relay = self.relay.map(|(relay, turn)| {
            if let Some(turn) = turn {
                turn_stats = Some(turn.stats());
                keeper.spawn(turn.run(std::future::pending()));
            }
            relay
        });
        let (grace, linger) = (self.config.drain_grace, self.config.linger);
        let (drain, draining) = watch::channel(());
        let (most, most_of_one) = (
            self.config.limits.connections,
            self.config.limits.connections_per_address,
        );
        let shared = Arc::new(Shared {
            crowd: Crowd::new(most, most_of_one),
            limits: Arc::new(self.config.limits.clone()),
            config: self.config,
            tls,
            relay,
            turn: turn_stats,
            hub: hub.clone(),
            throttle: Throttle::new(ICE_REQUESTS),
            leaving: AtomicBool::new(false),
            draining,
        });
        info!(address = %self.address, "listening");
        if let Some(listener) = self.metrics {
            keeper.spawn(status::listen(listener, shared.clone()));
        }
        let leave = async {
            end.await;
            shared.leaving.store(true, Relaxed);
            if !grace.is_zero() {
                info!(seconds = grace.as_secs(), "leaving: new clients are to go elsewhere");
                sleep(grace).await;
            }
        };
        tokio::pin!(leave);
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut leave => break,
                _ = sweep.tick() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        if let Some(place) = shared.enter(address.ip()) {
                            tasks.spawn(serve(shared.clone(), stream, address, place));
                        }
                    }
                    Err(error) => {
                        // Out of file descriptors, most likely: those who are in may leave meanwhile.
                        warn!(%error, "cannot accept");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
            while tasks.try_join_next().is_some() {}
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
        couriers.finish(linger).await;
        info!("stopped");
        Ok(())
    }
}

/// The error says which address it is about.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}
