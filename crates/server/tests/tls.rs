//! TLS: certificates from files, and what comes with it.

mod support;

use rustls::HandshakeKind;
use serde_json::json;
use snug_server::Config;
use snug_server::config::Tls;
use snug_testkit::{PATIENCE, Server};
use std::net::SocketAddr;
use std::time::Instant;
use support::tls::{Authority, Client};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

async fn start(authority: &Authority, name: &str) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    authority.write(folder.path(), &[name]);
    let config = Config {
        tls: Some(Tls::Files {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        }),
        ..Config::default()
    };
    (Server::with(config).await, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_socket_come_over_tls() {
    let authority = Authority::new();
    let (server, _folder) = start(&authority, "snug.example").await;
    let client = Client::trusting(&authority);
    let head = client.get(server.address(), "snug.example", "/").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("strict-transport-security: max-age=31536000"), "{head}");
    let mut wire = client
        .socket(server.address(), "snug.example", Some("https://snug.example"))
        .await
        .expect("it opens");
    wire.send(json!({ "type": "join", "roomId": "tea" })).await;
    assert_eq!(wire.next().await["type"], "joined");
    let refused = client
        .socket(server.address(), "snug.example", Some("http://snug.example"))
        .await;
    assert!(refused.is_err(), "a page without TLS is another page");
    let stranger = Client::trusting(&Authority::new());
    assert!(stranger.connect(server.address(), "snug.example").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_resumes_the_tls_session() {
    let authority = Authority::new();
    let (server, _folder) = start(&authority, "snug.example").await;
    let client = Client::trusting(&authority);
    client.get(server.address(), "snug.example", "/healthz").await;
    let stream = client
        .connect(server.address(), "snug.example")
        .await
        .expect("it connects");
    let (_, connection) = stream.get_ref();
    assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Resumed));
    assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_served_without_a_restart() {
    let authority = Authority::new();
    let (server, folder) = start(&authority, "old.example").await;
    let client = Client::trusting(&authority);
    client.get(server.address(), "old.example", "/healthz").await;
    authority.write(folder.path(), &["new.example", "a-longer-name.example"]);
    let start = Instant::now();
    while client.connect(server.address(), "new.example").await.is_err() {
        assert!(start.elapsed() < PATIENCE, "the new certificate is not served");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_handshake_ends() {
    let authority = Authority::new();
    let (server, _folder) = start(&authority, "snug.example").await;
    let mut silent = TcpStream::connect(server.address()).await.expect("the server listens");
    assert_eq!(silent.read(&mut [0; 16]).await.expect("a proper end"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_sent_to_https() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    authority.write(folder.path(), &["snug.example"]);
    let local: SocketAddr = ([127, 0, 0, 1], 0).into();
    let config = Config {
        tls: Some(Tls::Files {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        }),
        redirect: Some(local),
        ..Config::default()
    };
    let server = snug_server::Server::bind(config).await.expect("the ports are free");
    let (address, redirects) = (server.address(), server.redirects().expect("there is one"));
    assert_eq!(server.url(), format!("https://{address}"));
    let running = tokio::spawn(server.run(std::future::pending()));
    let head = support::http::get(redirects, "snug.example:80", "/r/tea?x=1").await;
    assert!(head.starts_with("http/1.1 308"), "{head}");
    assert!(
        head.contains(&format!(
            "location: https://snug.example:{}/r/tea?x=1\r\n",
            address.port()
        )),
        "{head}"
    );
    let head = support::http::get(redirects, "a/b", "/").await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
    running.abort();
}
