use crate::connection::Shared;
use crate::proxy::Client;
use crate::{api, opening, origin, page, status};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::net::IpAddr;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The answer to a request, and the socket that comes of it, if one does.
pub(crate) struct Routed {
    pub(crate) response: Response<Full<Bytes>>,
    pub(crate) upgrade: Option<OnUpgrade>,
}

/// `peer` is who is connected, `client` who that speaks for.
pub(crate) async fn route(mut request: Request<Incoming>, peer: IpAddr, client: Client, shared: &Shared) -> Routed {
    let path = request.uri().path();
    if path == opening::PATH {
        return socket(&mut request, client, &shared.config.origins);
    }
    let response = if api::is_api(path) {
        api::answer(request, client.address, shared).await
    } else if let Some(known) = status::Path::of(path) {
        status::answer(&request, known, status::Asked::AtTheMainAddress { peer }, shared)
    } else {
        answer(&request)
    };
    Routed {
        response,
        upgrade: None,
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if let Some(refused) = not_read(request.method()) {
        return refused;
    }
    // hyper leaves out the body of an answer to HEAD, and keeps its length.
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path();
    match path {
        "/" | "/index.html" => page::index(host),
        _ if is_room(path) => page::index(host),
        _ => page::file(path.trim_start_matches('/'), host)
            .unwrap_or_else(|| page::text(StatusCode::NOT_FOUND, "nothing here\n")),
    }
}

/// What a method gets that does more than reading.
pub(crate) fn not_read(method: &Method) -> Option<Response<Full<Bytes>>> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = page::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(response)
}

/// `/r/ROOM`: one part after `/r/`, and not empty.
fn is_room(path: &str) -> bool {
    path.strip_prefix("/r/")
        .is_some_and(|room| !room.is_empty() && !room.contains('/'))
}

fn socket(request: &mut Request<Incoming>, client: Client, origins: &[String]) -> Routed {
    let accept = handshake(request, client, origins).and_then(|accept| {
        HeaderValue::from_str(&accept).map_err(|_| Box::new(page::text(StatusCode::BAD_REQUEST, "a bad key\n")))
    });
    let accept = match accept {
        Ok(accept) => accept,
        Err(response) => {
            return Routed {
                response: *response,
                upgrade: None,
            };
        }
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Routed {
        response,
        upgrade: Some(hyper::upgrade::on(request)),
    }
}

/// The server's half of the opening handshake (RFC 6455, section 4.2): the `Sec-WebSocket-Accept` of a socket to be.
///
/// # Errors
/// The answer to a request that gets none.
pub(crate) fn handshake<B>(
    request: &Request<B>,
    client: Client,
    origins: &[String],
) -> Result<String, Box<Response<Full<Bytes>>>> {
    let headers = request.headers();
    if request.method() != Method::GET || !says(headers, CONNECTION, "upgrade") || !says(headers, UPGRADE, "websocket")
    {
        let mut response = page::text(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n");
        response
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Err(response.into());
    }
    if !origin::allowed(headers, client.secure, origins) {
        return Err(page::text(StatusCode::FORBIDDEN, "this origin may not connect\n").into());
    }
    let version = headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_some_and(|version| version == "13");
    match headers.get(SEC_WEBSOCKET_KEY).filter(|_| version) {
        Some(key) => Ok(derive_accept_key(key.as_bytes())),
        None => Err(page::text(StatusCode::BAD_REQUEST, "WebSocket version 13 is spoken here\n").into()),
    }
}

/// Whether one of the comma-separated words is this one.
fn says(headers: &HeaderMap, name: hyper::header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|said| said.trim().eq_ignore_ascii_case(word))
}
