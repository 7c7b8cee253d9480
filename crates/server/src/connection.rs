use crate::Config;
use crate::admission::Visitor;
use crate::ahead::Ahead;
use crate::api::Throttle;
use crate::crowd::{Crowd, Place};
use crate::hub::Hub;
use crate::opening;
use crate::page;
use crate::proxy::{Client, is_trusted};
use crate::relay::Relay;
use crate::route::{Routed, handshake, route};
use crate::socket::Socket;
use crate::tls::Acceptor;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER, STRICT_TRANSPORT_SECURITY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
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
pub(crate) const HEAD_FIELDS: usize = 64;

/// How long a connection may ask for one thing after another, and for how long then still be sent the last of them.
const HTTP_LIFE: Duration = Duration::from_secs(300);
const HTTP_REST: Duration = Duration::from_secs(30);

/// Browsers that were here over TLS come over TLS for a year (RFC 6797).
const HSTS: &str = "max-age=31536000";

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
struct Opened<Io> {
    socket: Socket,
    io: Ahead<Io>,
    /// The end of the handshake, where that is not sent yet.
    greeting: String,
    /// Kept for as long as it lasts.
    place: Place,
}

/// How a connection begins.
enum Begun<Io> {
    Socket(Opened<Io>),
    /// With something that is for the web server.
    Request(Ahead<Io>, Place),
}

/// One connection: requests, and perhaps a socket that one of them becomes.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, place: Place) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let peer = peer.ip();
    if shared.tls.is_none() {
        return speak(shared, stream, peer, place).await;
    }
    // In boxes of its own, so that it takes no room where there is none.
    Box::pin(async move {
        if let Some(tls) = &shared.tls
            && let Some(stream) = tls.accept(stream, peer).await
        {
            speak(shared.clone(), Box::new(stream), peer, place).await;
        }
    })
    .await;
}

async fn speak<Io>(shared: Arc<Shared>, io: Io, peer: IpAddr, place: Place)
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let opened = match begin(&shared, io, peer, place).await {
        Some(Begun::Socket(opened)) => Some(opened),
        // In a box of its own, so that nothing of HTTP stays in memory.
        Some(Begun::Request(io, place)) => Box::pin(requests(&shared, io, peer, place)).await,
        None => None,
    };
    if let Some(opened) = opened {
        opened.socket.run(opened.io, opened.greeting).await;
        drop(opened.place);
    }
}

/// The first request, as far as it opens a socket.
async fn begin<Io>(shared: &Arc<Shared>, mut io: Io, peer: IpAddr, mut place: Place) -> Option<Begun<Io>>
where
    Io: AsyncRead + Unpin,
{
    let mut draining = shared.draining.clone();
    let patience = Duration::from_millis(shared.limits.idle_ms);
    let read = tokio::select! {
        biased;
        read = timeout(patience, opening::beginning(&mut io, HEAD_BYTES)) => read,
        _ = draining.changed() => return None,
    };
    let bytes = match read {
        Ok(Ok(bytes)) if bytes.is_empty() => return None,
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            debug!(%error, "a connection broke");
            return None;
        }
        Err(_) => {
            debug!("a connection that asks for nothing");
            return None;
        }
    };
    Some(match welcome(shared, &bytes, peer, &mut place) {
        Some((socket, greeting, rest)) => Begun::Socket(Opened {
            socket,
            io: Ahead::new(io, rest),
            greeting,
            place,
        }),
        None => Begun::Request(Ahead::new(io, bytes), place),
    })
}

/// The socket that these bytes open, the answer that opens it, and what came behind them already.
fn welcome(shared: &Arc<Shared>, bytes: &Bytes, peer: IpAddr, place: &mut Place) -> Option<(Socket, String, Bytes)> {
    let (request, rest) = opening::request(bytes, HEAD_BYTES)?;
    let secure = shared.tls.is_some();
    let client = Client::of(peer, secure, request.headers(), &shared.config.proxies);
    let accept = handshake(&request, client, &shared.config.origins).ok()?;
    if client.address != peer.to_canonical() {
        place.belongs_to(client.address).ok()?;
    }
    let hsts = if secure {
        format!("{STRICT_TRANSPORT_SECURITY}: {HSTS}\r\n")
    } else {
        String::new()
    };
    // By which a client finds out that its clock is wrong.
    let date = httpdate::HttpDate::from(SystemTime::now());
    let greeting = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n{hsts}\
         date: {date}\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    let visitor = Visitor::of(&request, &shared.config);
    let socket = Socket {
        address: client.address,
        visitor,
        shared: shared.clone(),
    };
    Some((socket, greeting, rest))
}

/// All that a web server answers.
async fn requests<Io>(shared: &Arc<Shared>, io: Ahead<Io>, peer: IpAddr, place: Place) -> Option<Opened<Io>>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
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
            headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
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
        .serve_connection(TokioIo::new(io), service)
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
    let upgraded = match upgraded.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            debug!(%error, "no upgrade");
            return None;
        }
    };
    let parts = upgraded.downcast::<TokioIo<Ahead<Io>>>().ok()?; // It is what was put in.
    Some(Opened {
        socket: Socket {
            address,
            visitor,
            shared: shared.clone(),
        },
        io: parts.io.into_inner().after(parts.read_buf),
        greeting: String::new(),
        place: place.lock().unwrap_or_else(PoisonError::into_inner).take()?,
    })
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
