use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// How long a connection may take, and how many there may be at one time.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST: usize = 512;

/// Answers everything with where it is in `https`, at this port.
pub(crate) async fn redirect(listener: TcpListener, port: u16) {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        // A closed semaphore has no places; nobody closes this one.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    answer(stream, port).await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, port: u16) {
    let service = service_fn(move |request| async move { Ok::<_, Infallible>(elsewhere(&request, port)) });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(PATIENCE, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection broke"),
        Err(_) => debug!("a slow request"),
    }
}

fn elsewhere(request: &Request<Incoming>, port: u16) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    let location = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(name)
        .map(|name| {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            match port {
                443 => format!("https://{name}{path}"),
                _ => format!("https://{name}:{port}{path}"),
            }
        })
        .and_then(|location| HeaderValue::from_str(&location).ok());
    *response.status_mut() = match location {
        Some(location) => {
            response.headers_mut().insert(LOCATION, location);
            StatusCode::PERMANENT_REDIRECT
        }
        None => StatusCode::BAD_REQUEST,
    };
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A host without its port, if it is one (RFC 3986, 3.2.2).
fn name(host: &str) -> Option<&str> {
    let end = match host.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    let name = host.get(..end)?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    (!name.is_empty() && name.chars().all(fits)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for (host, expected) in [
            ("meet.example.org", Some("meet.example.org")),
            ("meet.example.org:80", Some("meet.example.org")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("[2001:db8::1]:80", Some("[2001:db8::1]")),
            ("[2001:db8::1]", Some("[2001:db8::1]")),
            ("[2001", None),
            ("", None),
            (":80", None),
            ("a@b", None),
            ("a/b", None),
        ] {
            assert_eq!(name(host), expected, "{host}");
        }
    }
}
