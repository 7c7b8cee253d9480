//! The REST API: rooms as an operator's own programs see and change them. Described by [`openapi`].

mod auth;
mod body;
mod ice;
mod openapi;
mod path;
mod refusal;
mod rooms;
mod throttle;
mod token;

pub(crate) use auth::caller;
pub(crate) use throttle::Throttle;

use crate::connection::Shared;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use path::Route;
pub(crate) use refusal::Refusal;
use serde::Serialize;
use std::net::IpAddr;

/// What an answer is made of.
pub(crate) struct Reply {
    status: StatusCode,
    body: Bytes,
    location: Option<String>,
}

type Answer = Result<Reply, Refusal>;

/// Whether this path is one of the API's.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Answers one request of `client`.
pub(crate) async fn answer(request: Request<Incoming>, client: IpAddr, shared: &Shared) -> Response<Full<Bytes>> {
    let reply = dispatch(request, client, shared).await;
    reply.map_or_else(Refusal::response, Reply::response)
}

async fn dispatch(request: Request<Incoming>, client: IpAddr, shared: &Shared) -> Answer {
    let (head, body) = request.into_parts();
    let route = Route::of(head.uri.path()).ok_or_else(Refusal::nothing_here)?;
    // An answer to HEAD is that to GET, and hyper leaves the body out.
    let method = if head.method == Method::HEAD {
        Method::GET
    } else {
        head.method.clone()
    };
    if !route.methods().contains(&method) {
        return Err(Refusal::method(route.methods()));
    }
    let get = method == Method::GET;
    match route {
        Route::Rooms if get => rooms::list(&head, shared).await,
        Route::Rooms => rooms::create(&head, body, shared).await,
        Route::Room(room) if get => rooms::show(&head, room, shared).await,
        Route::Room(room) => rooms::end(&head, room, shared).await,
        Route::Peer(room, peer) => rooms::kick(&head, room, peer, shared).await,
        Route::Token => token::mint(&head, body, shared).await,
        Route::Ice => ice::servers(&head, client, shared),
        Route::Document => Ok(Reply::new(
            StatusCode::OK,
            Bytes::from_static(openapi::document().as_bytes()),
        )),
    }
}

impl Reply {
    fn new(status: StatusCode, body: Bytes) -> Self {
        Self {
            status,
            body,
            location: None,
        }
    }

    fn json(status: StatusCode, body: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(body).map_err(Refusal::internal)?;
        Ok(Self::new(status, body.into()))
    }

    fn done() -> Answer {
        Ok(Self::new(StatusCode::NO_CONTENT, Bytes::new()))
    }

    fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    fn response(self) -> Response<Full<Bytes>> {
        let mut response = respond(self.status, self.body);
        if let Some(location) = self.location.and_then(|at| HeaderValue::from_str(&at).ok()) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }
}

impl Refusal {
    pub(crate) fn response(self) -> Response<Full<Bytes>> {
        let mut response = respond(self.status, self.body());
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }

    fn method(allowed: &[Method]) -> Self {
        let mut names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        let names = names.join(", ");
        let refusal = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            format!("only {names} here"),
        );
        refusal.with(ALLOW, &names)
    }
}

fn respond(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let with_body = !body.is_empty();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if with_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
