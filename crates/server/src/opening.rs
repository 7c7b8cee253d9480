//! How nearly every connection begins: with the opening handshake of a socket (RFC 6455, section 4.2). It is read and answered
//! here, by the rules that hold for every request, without a web server around it. Whatever is anything else, or is to be
//! refused, is for that server to answer: it gets the bytes as they came.

use crate::ahead::poll_more;
use crate::connection::HEAD_FIELDS;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, Uri};
use std::future::poll_fn;
use std::io;
use tokio::io::AsyncRead;

/// Where sockets are opened.
pub(crate) const PATH: &str = "/ws";

/// How the bytes begin that are worth waiting for here.
const BEGINNING: &[u8] = b"GET /ws";

/// Reads the head of the first request, if it begins like one that opens a socket, and else what comes at once. No more
/// than one read past `most` bytes; empty where nothing comes at all.
pub(crate) async fn beginning<Io: AsyncRead + Unpin>(io: &mut Io, most: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        let more = poll_fn(|context| poll_more(io, context, &mut bytes)).await?;
        let known = bytes.len().min(BEGINNING.len());
        let is_ours = bytes[..known] == BEGINNING[..known];
        if more == 0 || !is_ours || bytes.len() > most || has_end(&bytes[before.saturating_sub(3)..]) {
            return Ok(bytes.into());
        }
    }
}

/// The request of these bytes and what follows it, if it is one for a socket, has no body, and a head of no more than `most`
/// bytes.
pub(crate) fn request(bytes: &Bytes, most: usize) -> Option<(Request<()>, Bytes)> {
    let mut fields = [httparse::EMPTY_HEADER; HEAD_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(end) = head.parse(bytes).ok()? else {
        return None;
    };
    let target = head.path?;
    let is_socket = target
        .strip_prefix(PATH)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('?'));
    if head.method != Some("GET") || head.version != Some(1) || !is_socket || end > most {
        return None;
    }
    let mut request = Request::new(());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes())).ok()?;
    let headers = request.headers_mut();
    headers.try_reserve(head.headers.len()).ok()?;
    for field in head.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).ok()?;
        headers.try_append(name, value).ok()?;
    }
    let has_more = [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT]
        .iter()
        .any(|name| headers.contains_key(name));
    (!has_more).then(|| (request, bytes.slice(end..)))
}

/// Whether a head may end in here: an empty line. Nearly always it does so at the very end.
fn has_end(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n\r\n")
        || bytes.windows(2).any(|pair| pair == b"\n\n")
        || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HOST, UPGRADE};
    use tokio::io::AsyncWriteExt;

    const SOCKET: &str = "GET /ws?token=x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";

    fn parse(text: &str) -> Option<(Request<()>, Bytes)> {
        request(&Bytes::copy_from_slice(text.as_bytes()), 1000)
    }

    #[test]
    fn a_request_for_a_socket_is_read_with_what_follows_it() {
        let (request, rest) = parse(&format!("{SOCKET}more")).expect("one of ours");
        assert_eq!(request.uri().path(), "/ws");
        assert_eq!(request.uri().query(), Some("token=x"));
        assert_eq!(request.headers()[HOST], "a");
        assert_eq!(request.headers()[UPGRADE], "websocket");
        assert_eq!(rest, "more");
    }

    #[test]
    fn everything_else_is_not_for_here() {
        let fields = (0..=HEAD_FIELDS).fold(String::new(), |all, number| format!("{all}X-{number}: x\r\n"));
        for text in [
            String::new(),
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            SOCKET.replace("/ws?", "/wss?"),
            SOCKET.replace("/ws?token=x", "/ws/"),
            SOCKET.replace("GET", "POST"),
            SOCKET.replace("1.1", "1.0"),
            SOCKET.replace("\r\n\r\n", "\r\n"),
            SOCKET.replace("Host", "Content-Length: 1\r\nHost"),
            SOCKET.replace("Host", "Transfer-Encoding: chunked\r\nHost"),
            SOCKET.replace("Host", "Expect: 100-continue\r\nHost"),
            SOCKET.replace("Host", "Ho st"),
            SOCKET.replace("Host", &format!("X: {}\r\nHost", "x".repeat(1000))),
            SOCKET.replace("Host", &format!("{fields}Host")),
        ] {
            assert!(parse(&text).is_none(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_head_is_waited_for_until_it_is_whole_too_long_or_another() {
        for (pieces, expected) in [
            (
                vec!["GET /", "ws HTTP/1.1\r\nHost: a\r", "\n\r", "\n"],
                "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n",
            ),
            (vec!["GET /ws HTTP/1.1\n", "\n"], "GET /ws HTTP/1.1\n\n"),
            (vec!["GET /", "w HTTP"], "GET /w HTTP"),
            (vec!["POST"], "POST"),
            (
                vec!["GET /ws HTTP/1.1\r\nX: ", "1234567890"],
                "GET /ws HTTP/1.1\r\nX: 1234567890",
            ),
        ] {
            let (mut far, mut near) = tokio::io::duplex(1024);
            let saying = async {
                for piece in &pieces {
                    far.write_all(piece.as_bytes()).await.expect("room for it");
                    tokio::task::yield_now().await;
                }
            };
            let (read, ()) = tokio::join!(beginning(&mut near, 30), saying);
            assert_eq!(read.expect("a beginning"), expected);
        }
        let (far, mut near) = tokio::io::duplex(16);
        drop(far);
        assert!(beginning(&mut near, 30).await.expect("an end").is_empty());
    }
}
