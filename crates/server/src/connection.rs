use crate::Config;
use crate::hub::Hub;
use crate::proxy::Client;
use crate::route::route;
use crate::socket::Socket;
use crate::tls::Acceptor;
use hyper::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use snug_protocol::Limits;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

/// How long a connection may take to send a request's head, idle ones included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Browsers that were here over TLS come over TLS for a year (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) hub: Hub,
    /// Its sender is dropped when the server drains.
    pub(crate) draining: watch::Receiver<()>,
}

/// A connection that became a socket. It runs in a task of its own, so that nothing of HTTP stays in memory.
pub(crate) struct Opened {
    socket: Socket,
    io: Upgraded,
}

impl Opened {
    pub(crate) async fn run(self) -> Option<Self> {
        self.socket.run(TokioIo::new(self.io)).await;
        None
    }
}

/// One connection: requests, and perhaps a socket that one of them becomes.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) -> Option<Opened> {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    match &shared.tls {
        Some(tls) => {
            let stream = tls.accept(stream, peer.ip()).await?;
            speak(&shared, stream, peer.ip()).await
        }
        None => speak(&shared, stream, peer.ip()).await,
    }
}

async fn speak<S>(shared: &Shared, stream: S, peer: IpAddr) -> Option<Opened>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let upgrade = Mutex::new(None);
    let service = service_fn(|mut request| {
        let client = Client::of(peer, shared.tls.is_some(), request.headers(), &shared.config.proxies);
        let mut routed = route(&mut request, client, &shared.config.origins);
        if shared.tls.is_some() {
            let headers = routed.response.headers_mut();
            headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
        }
        if let Some(socket) = routed.upgrade {
            *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some((socket, client.address));
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
    let (upgraded, address) = upgrade.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    match upgraded.await {
        Ok(io) => Some(Opened {
            socket: Socket {
                address,
                limits: shared.limits.clone(),
                linger: shared.config.linger,
                hub: shared.hub.clone(),
            },
            io,
        }),
        Err(error) => {
            debug!(%error, "no upgrade");
            None
        }
    }
}
