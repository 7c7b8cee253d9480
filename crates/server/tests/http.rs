//! HTTP beside the socket (rules H1 to H3 of PROTOCOL.md).

use snug_server::Config;
use snug_testkit::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends these lines as they are, and reads the answer's head and body.
async fn ask(server: &Server, lines: &[&str]) -> (String, String) {
    let mut stream = TcpStream::connect(server.address()).await.expect("the server listens");
    let request = format!("{}\r\n\r\n", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    // A switch of protocols has no end; its head is all there is to read.
    while !answer.starts_with(b"HTTP/1.1 101") || !answer.ends_with(b"\r\n\r\n") {
        let size = stream.read(&mut buffer).await.expect("the server answers");
        if size == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..size]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

async fn get(server: &Server, path: &str) -> (String, String) {
    ask(
        server,
        &[
            &format!("GET {path} HTTP/1.1"),
            "Host: snug.example:8080",
            "Connection: close",
        ],
    )
    .await
}

#[tokio::test]
async fn h1_the_page_is_the_same_for_every_room() {
    let server = Server::start().await;
    let (head, body) = get(&server, "/").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/html"), "{head}");
    for path in ["/r/some-room", "/r/%E8%8C%B6?x=1", "/index.html"] {
        assert_eq!(get(&server, path).await.1, body, "{path}");
    }
    assert_eq!(get(&server, "/healthz").await.1, "ok\n");
    for path in [
        "/nothing",
        "/r/",
        "/r/a/b",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets/../../../Cargo.toml",
        "//etc/passwd",
    ] {
        let (head, body) = get(&server, path).await;
        assert!(head.starts_with("http/1.1 404"), "{path}: {head}");
        assert_eq!(body, "nothing here\n");
    }
    let (head, _) = ask(
        &server,
        &["POST / HTTP/1.1", "Host: x", "Connection: close", "Content-Length: 0"],
    )
    .await;
    assert!(head.starts_with("http/1.1 405"), "{head}");
    let (head, body) = ask(&server, &["HEAD / HTTP/1.1", "Host: x", "Connection: close"]).await;
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head}");
}

#[tokio::test]
async fn h3_every_answer_is_locked_down() {
    let server = Server::start().await;
    for path in ["/", "/healthz", "/nothing", "/ws"] {
        let (head, _) = get(&server, path).await;
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "default-src 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(header), "{path} lacks {header}: {head}");
        }
        assert!(!head.contains("unsafe"), "{head}");
    }
    let (head, _) = get(&server, "/").await;
    assert!(
        head.contains("connect-src 'self' ws://snug.example:8080 wss://snug.example:8080;"),
        "{head}"
    );
    let (head, _) = ask(
        &server,
        &["GET / HTTP/1.1", "Host: a; script-src *", "Connection: close"],
    )
    .await;
    assert!(!head.contains("script-src *"), "{head}");
}

#[tokio::test]
async fn h2_a_socket_is_opened_for_known_origins_only() {
    let config = Config {
        origins: vec!["https://friend.example".to_owned()],
        ..Config::default()
    };
    let server = Server::with(config).await;
    for (origin, status) in [
        (None, 101),
        (Some("tauri://localhost"), 101),
        (Some("http://snug.example"), 101),
        (Some("https://friend.example"), 101),
        (Some("https://evil.example"), 403),
        (Some("null"), 403),
    ] {
        let origin_line = origin.map(|origin| format!("Origin: {origin}"));
        let mut lines = vec![
            "GET /ws HTTP/1.1",
            "Host: snug.example",
            "Connection: keep-alive, Upgrade",
            "Upgrade: WebSocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        lines.extend(origin_line.as_deref());
        if status != 101 {
            lines[2] = "Connection: close, Upgrade";
        }
        let (head, _) = ask(&server, &lines).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{origin:?}: {head}");
        if status == 101 {
            // The answer that RFC 6455 gives to its sample nonce.
            assert!(
                head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
                "{head}"
            );
        }
    }
    let (head, _) = get(&server, "/ws").await;
    assert!(head.starts_with("http/1.1 426"), "{head}");
}
