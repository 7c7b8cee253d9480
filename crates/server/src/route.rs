use crate::{origin, page};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The answer to a request, and the socket that comes of it, if one does.
pub(crate) struct Routed {
    pub(crate) response: Response<Full<Bytes>>,
    pub(crate) upgrade: Option<OnUpgrade>,
}

pub(crate) fn route(request: &mut Request<Incoming>, origins: &[String]) -> Routed {
    if request.uri().path() == "/ws" {
        return socket(request, origins);
    }
    Routed {
        response: answer(request),
        upgrade: None,
    }
}

fn answer(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = page::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    // hyper leaves out the body of an answer to HEAD, and keeps its length.
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path();
    match path {
        "/" | "/index.html" => page::index(host),
        "/healthz" => page::text(StatusCode::OK, "ok\n"),
        _ if is_room(path) => page::index(host),
        _ => page::file(path.trim_start_matches('/'), host)
            .unwrap_or_else(|| page::text(StatusCode::NOT_FOUND, "nothing here\n")),
    }
}

/// `/r/ROOM`: one part after `/r/`, and not empty.
fn is_room(path: &str) -> bool {
    path.strip_prefix("/r/")
        .is_some_and(|room| !room.is_empty() && !room.contains('/'))
}

/// The server's half of the opening handshake (RFC 6455, section 4.2).
fn socket(request: &mut Request<Incoming>, origins: &[String]) -> Routed {
    let refuse = |status, text| Routed {
        response: page::text(status, text),
        upgrade: None,
    };
    let headers = request.headers();
    if request.method() != Method::GET || !says(headers, CONNECTION, "upgrade") || !says(headers, UPGRADE, "websocket")
    {
        let mut routed = refuse(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n");
        routed
            .response
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        return routed;
    }
    if !origin::allowed(headers, origins) {
        return refuse(StatusCode::FORBIDDEN, "this origin may not connect\n");
    }
    let version = headers
        .get("sec-websocket-version")
        .is_some_and(|version| version == "13");
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|_| version) else {
        return refuse(StatusCode::BAD_REQUEST, "WebSocket version 13 is spoken here\n");
    };
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) else {
        return refuse(StatusCode::BAD_REQUEST, "a bad key\n");
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

/// Whether one of the comma-separated words is this one.
fn says(headers: &HeaderMap, name: hyper::header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|said| said.trim().eq_ignore_ascii_case(word))
}
