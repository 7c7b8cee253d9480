use crate::dial::Dialer;
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use snug_session::{Attempt, Input};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Message, http};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// The longest frame that is read, in bytes: a `joined` of a full room is a small part of it.
const MAX_FRAME: usize = 1024 * 1024;
/// How long a closing handshake may take, once nobody waits for it.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long one write may take. The session gives a silent socket up sooner; this ends the task behind it.
const STUCK: Duration = Duration::from_secs(15);

/// What a socket is to say.
pub(crate) enum Outgoing {
    Text(String),
    /// That this was all. What still comes is heard.
    Finish,
}

/// One socket, from its opening to its end. Says what it sees under its own `attempt`, and stops when `outgoing` is
/// dropped.
pub(crate) async fn run(
    url: String,
    dialer: Arc<Dialer>,
    attempt: Attempt,
    local: Arc<OnceLock<IpAddr>>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    reports: mpsc::Sender<Input>,
) {
    let opened = tokio::select! {
        opened = open(&url, &dialer) => opened.map(|(socket, _)| socket),
        // Nothing is written before the socket is open, so this is the driver letting go.
        _ = outgoing.recv() => return,
    };
    let last = match opened {
        Ok(socket) => {
            // Without it a change of address is found out by pings.
            if let Some(address) = local_address(&socket) {
                local.get_or_init(|| address);
            }
            if reports.send(Input::Opened(attempt)).await.is_err() {
                return;
            }
            match carry(socket, attempt, &mut outgoing, &reports).await {
                Some(code) => Input::Closed(attempt, code),
                None => return,
            }
        }
        Err(error) => {
            tracing::debug!(attempt = attempt.0, %error, "no socket");
            failure(attempt, &error)
        }
    };
    if reports.send(last).await.is_err() {
        tracing::trace!(attempt = attempt.0, "the session ended before its socket");
    }
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A socket, and the answer that opened it.
pub(crate) async fn open(url: &str, dialer: &Dialer) -> Result<(Socket, Response), Error> {
    let connector = if url.starts_with("wss:") {
        Connector::Rustls(tls().await?)
    } else {
        Connector::Plain
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let request = url.into_client_request()?;
    let uri = request.uri();
    let host = uri.host().ok_or(Error::Url(UrlError::NoHostName))?;
    let port = uri.port_u16().unwrap_or(if url.starts_with("wss:") { 443 } else { 80 });
    let stream = dialer.dial(host.trim_matches(['[', ']']), port).await?;
    stream.set_nodelay(true)?;
    client_async_tls_with_config(request, stream, Some(config), Some(connector)).await
}

fn local_address(socket: &Socket) -> Option<IpAddr> {
    let stream = match socket.get_ref() {
        MaybeTlsStream::Plain(stream) => stream,
        MaybeTlsStream::Rustls(stream) => stream.get_ref().0,
        _ => return None,
    };
    stream.local_addr().ok().map(|address| address.ip())
}

/// Carries frames both ways. The close code when the other side ended it; None when the driver let go.
async fn carry(
    mut socket: Socket,
    attempt: Attempt,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    reports: &mpsc::Sender<Input>,
) -> Option<Option<u16>> {
    loop {
        let text = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => text.as_str().to_owned(),
                // Not of this protocol; an empty text says so in the session's counts.
                Some(Ok(Message::Binary(_))) => String::new(),
                Some(Ok(Message::Close(frame))) => return Some(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => {
                    tracing::debug!(attempt = attempt.0, %error, "the socket broke");
                    return Some(None);
                }
                None => return Some(None),
            },
            first = outgoing.recv() => {
                let Some(first) = first else {
                    close(socket).await;
                    return None;
                };
                match tokio::time::timeout(STUCK, say(&mut socket, first, outgoing)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => {
                        tracing::debug!(attempt = attempt.0, %error, "the socket took nothing more");
                        // What it still had to say, its close code above all, can be read yet.
                        return Some(last_words(socket).await);
                    }
                    Err(_) => return Some(None),
                }
            }
        };
        if reports.send(Input::Text(attempt, text)).await.is_err() {
            return None;
        }
    }
}

/// Says this and all else that waits by now, with one write.
async fn say(socket: &mut Socket, first: Outgoing, more: &mut mpsc::Receiver<Outgoing>) -> Result<(), Error> {
    let mut next = Some(first);
    while let Some(what) = next {
        let message = match what {
            Outgoing::Text(text) => Message::text(text),
            Outgoing::Finish => Message::Close(Some(goodbye())),
        };
        socket.feed(message).await?;
        next = more.try_recv().ok();
    }
    socket.flush().await
}

async fn last_words(mut socket: Socket) -> Option<u16> {
    let read = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.code.into());
            }
        }
        None
    };
    tokio::time::timeout(FAREWELL, read).await.unwrap_or(None)
}

pub(crate) async fn close(mut socket: Socket) {
    let farewell = tokio::time::timeout(FAREWELL, socket.close(Some(goodbye()))).await;
    tracing::trace!(?farewell, "closed");
}

fn goodbye() -> CloseFrame {
    CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    }
}

fn failure(attempt: Attempt, error: &Error) -> Input {
    let (answered, retry_after) = match error {
        Error::Http(response) => (true, retry_after(response.headers())),
        Error::Protocol(_) | Error::HttpFormat(_) | Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => {
            (true, None)
        }
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::Url(_) => (false, None),
    };
    Input::Failed {
        attempt,
        answered,
        retry_after,
    }
}

/// In seconds on the wire (RFC 9110, 10.2.3), in milliseconds here. A date is not worth a calendar.
fn retry_after(headers: &http::HeaderMap) -> Option<u64> {
    const LONGEST: u64 = 300;
    let seconds: u64 = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(seconds.min(LONGEST) * 1_000)
}

/// The system's own roots, read anew for each socket: a desktop's owner may add one while the app runs. Reading them
/// is file work, so it happens off the runtime.
async fn tls() -> Result<Arc<ClientConfig>, Error> {
    let config = tokio::task::spawn_blocking(|| {
        let mut roots = rustls::RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a root certificate could not be read");
        }
        roots.add_parsable_certificates(found.certs);
        // The provider is named, since a process may hold several and then rustls would choose none.
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|config| Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    });
    config
        .await
        .map_err(std::io::Error::other)?
        .map_err(|error| Error::Io(std::io::Error::other(error)))
}
