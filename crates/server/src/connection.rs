use crate::Config;
use crate::admission::Visitor;
use crate::api::Throttle;
use crate::crowd::{Crowd, Place};
use crate::hub::Hub;
use crate::page;
use crate::proxy::{Client, is_trusted};
use crate::relay::Relay;
use crate::route::{Routed, route};
use crate::socket::Socket;
use crate::tls::Acceptor;
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER, STRICT_TRANSPORT_SECURITY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use snug_protocol::{IceServer, Limits};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

/// Bytes and fields of a request's head, at most.
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_FIELDS: usize = 64;

/// How long a connection may ask for one thing after another, and for how long then still be sent the last of them.
const HTTP_LIFE: Duration = Duration::from_secs(300);
const HTTP_REST: Duration = Duration::from_secs(30);

/// Browsers that were here over TLS come over TLS for a year (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) hub: Hub,
    /// The STUN and TURN server that clients are told about.
    pub(crate) relay: Option<Relay>,
    /// What the built-in one counts.
    pub(crate) turn: Option<Arc<snug_turn::Stats>>,
    /// Whoever is connected.
    pub(crate) crowd: Arc<Crowd>,
    /// How often an address may ask for ICE servers.
    pub(crate) throttle: Throttle,
    /// Set when the server is about to end, and sends new clients elsewhere.
    pub(crate) leaving: AtomicBool,
    /// Its sender is dropped when the server drains.
    pub(crate) draining: watch::Receiver<()>,
}

impl Shared {
    /// Why new clients are not to be sent here, if that is so.
    pub(crate) fn not_ready(&self) -> Option<String> {
        if self.leaving.load(Relaxed) {
            return Some("draining".to_owned());
        }
        self.hub.trouble()
    }

    /// What the `RTCPeerConnection` of this identity is to use, who reached this server under `host`.
    pub(crate) fn ice_servers(&self, identity: Option<&str>, host: Option<&str>) -> Vec<IceServer> {
        let mut servers = self.config.ice_servers.clone();
        if let Some(relay) = &self.relay {
            servers.extend(relay.ice_servers(identity, host, SystemTime::now()));
        }
        servers
    }
}

impl Shared {
    /// A place for a connection from `peer`, if there is one left. A proxy's connections are its clients'.
    pub(crate) fn enter(&self, peer: IpAddr) -> Option<Place> {
        let known = (!is_trusted(peer, &self.config.proxies)).then_some(peer);
        let full = match self.crowd.enter(known) {
            Ok(place) => return Some(place),
            Err(full) => full,
        };
        debug!(?full, "too many connections");
        None
    }
}

/// A connection that became a socket.
struct Opened {
    socket: Socket,
    io: Upgraded,
    /// Kept for as long as it lasts.
    place: Place,
}

impl Opened {
    async fn run(self) {
        self.socket.run(TokioIo::new(self.io)).await;
        drop(self.place);
    }
}

/// One connection: requests, and perhaps a socket that one of them becomes.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, place: Place) {
    // In boxes of their own, so that nothing of HTTP stays in memory.
    if let Some(opened) = Box::pin(requests(shared, stream, peer, place)).await {
        Box::pin(opened.run()).await;
    }
}

async fn requests(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, place: Place) -> Option<Opened> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    match &shared.tls {
        Some(tls) => {
            let stream = tls.accept(stream, peer.ip()).await?;
            speak(&shared, stream, peer.ip(), place).await
        }
        None => speak(&shared, stream, peer.ip(), place).await,
    }
}

async fn speak<S>(shared: &Arc<Shared>, stream: S, peer: IpAddr, place: Place) -> Option<Opened>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let upgrade = Mutex::new(None);
    let upgrade = &upgrade;
    let place = Mutex::new(Some(place));
    let theirs = &place;
    let service = service_fn(|request| async move {
        let client = Client::of(peer, shared.tls.is_some(), request.headers(), &shared.config.proxies);
        let visitor = Visitor::of(&request, &shared.config);
        let mut routed = match refused(theirs, peer, client.address) {
            None => route(request, peer, client, shared).await,
            Some(refused) => refused,
        };
        if shared.tls.is_some() {
            let headers = routed.response.headers_mut();
            headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
        }
        if let Some(socket) = routed.upgrade {
            *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some((socket, client.address, visitor));
        }
        Ok::<_, Infallible>(routed.response)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(shared.limits.idle_ms))
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut draining = shared.draining.clone();
    let over = async {
        tokio::select! {
            _ = draining.changed() => {}
            () = sleep(HTTP_LIFE) => {}
        }
    };
    let served = tokio::select! {
        served = &mut connection => Ok(served),
        () = over => {
            connection.as_mut().graceful_shutdown();
            timeout(HTTP_REST, connection).await
        }
    };
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection broke"),
        Err(_) => debug!("a connection that reads too slowly"),
    }
    let (upgraded, address, visitor) = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    match upgraded.await {
        Ok(io) => Some(Opened {
            socket: Socket {
                address,
                visitor,
                limits: shared.limits.clone(),
                linger: shared.config.linger,
                hub: shared.hub.clone(),
                shared: shared.clone(),
            },
            io,
            place: place.lock().unwrap_or_else(PoisonError::into_inner).take()?,
        }),
        Err(error) => {
            debug!(%error, "no upgrade");
            None
        }
    }
}

/// Counts a proxy's connection for the client that it carries now, and says no where that has too many.
fn refused(place: &Mutex<Option<Place>>, peer: IpAddr, client: IpAddr) -> Option<Routed> {
    if client == peer.to_canonical() {
        return None;
    }
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    let full = place.as_mut()?.belongs_to(client).err()?;
    debug!(?full, "too many connections");
    let mut response = page::text(
        StatusCode::TOO_MANY_REQUESTS,
        "too many connections from your address\n",
    );
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("5"));
    Some(Routed {
        response,
        upgrade: None,
    })
}
