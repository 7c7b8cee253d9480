//! What machines ask of a server: does it live, does it take clients, how does it do.

use crate::connection::Shared;
use crate::metrics::CONTENT_TYPE;
use crate::route::not_read;
use crate::{api, page};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

/// Connections to the address for metrics, at a time.
const CROWD: usize = 64;
/// How long a request's head may take there, idle connections included: scrapers keep theirs for a minute.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Health,
    Ready,
    Metrics,
}

/// Where it was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// By whoever is connected: a client, or a proxy.
    AtTheMainAddress { peer: IpAddr },
    /// Where nobody gets but those who may.
    AtItsOwnAddress,
}

impl Path {
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }
}

pub(crate) fn answer<B>(request: &Request<B>, path: Path, asked: Asked, shared: &Shared) -> Response<Full<Bytes>> {
    if let Some(refused) = not_read(request.method()) {
        return refused;
    }
    match path {
        Path::Health => page::text(StatusCode::OK, "ok\n"),
        Path::Ready => ready(shared),
        Path::Metrics => match asked {
            Asked::AtItsOwnAddress => metrics(shared),
            Asked::AtTheMainAddress { peer } => {
                refused(request.headers(), peer, shared).unwrap_or_else(|| metrics(shared))
            }
        },
    }
}

/// Whether new clients are to be sent here.
fn ready(shared: &Shared) -> Response<Full<Bytes>> {
    match shared.not_ready() {
        None => page::text(StatusCode::OK, "ready\n"),
        Some(why) => page::text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
    }
}

fn metrics(shared: &Shared) -> Response<Full<Bytes>> {
    let up = shared.hub.trouble().is_none();
    let mut page = shared.hub.metrics().page(shared.hub.gauges(), up);
    page.gauge("snug_ready", "Whether this server takes new clients.")
        .value(u8::from(shared.not_ready().is_none()));
    if let Some(turn) = &shared.turn {
        page.turn(&turn.samples());
    }
    let mut response = page::text(StatusCode::OK, page.finish());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// At the main address anybody may come by.
fn refused(headers: &HeaderMap, peer: IpAddr, shared: &Shared) -> Option<Response<Full<Bytes>>> {
    let config = &shared.config;
    if config.metrics.is_some() {
        return Some(page::text(StatusCode::NOT_FOUND, "nothing here\n"));
    }
    if !config.keys.is_empty() {
        let caller = api::caller(headers, &config.keys);
        return caller
            .and_then(|caller| caller.may_list())
            .err()
            .map(api::Refusal::response);
    }
    // Behind a proxy everybody comes from this machine.
    if peer.to_canonical().is_loopback() && config.proxies.is_empty() && !is_forwarded(headers) {
        return None;
    }
    Some(page::text(
        StatusCode::FORBIDDEN,
        "metrics are for this machine alone: set an API key and sign in with it, or use --metrics-listen\n",
    ))
}

/// Whether a proxy passed this on that nobody told us of.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// Serves these paths, and nothing else, until it is dropped.
pub(crate) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CROWD {
            connections.join_next().await;
        }
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = match Path::of(request.uri().path()) {
                    Some(path) => answer(&request, path, Asked::AtItsOwnAddress, &shared),
                    None => page::text(StatusCode::NOT_FOUND, "nothing here\n"),
                };
                async { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                debug!(%error, "a connection broke");
            }
        });
    }
}
