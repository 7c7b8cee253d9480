//! Behind a real nginx, set up with the lines that SELF-HOSTING.md gives.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::{PATIENCE, Server};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Far more joins than the limit of `config`, even if a busy machine takes seconds for them.
const MANY: usize = 16;

const GUIDE: &str = include_str!("../../../SELF-HOSTING.md");

struct Nginx {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // An error means that it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The lines of the guide's nginx block, for another upstream, without TLS and on a free port.
async fn nginx(upstream: SocketAddr) -> Nginx {
    let block = GUIDE
        .split_once("```nginx\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .expect("the guide has a block for nginx")
        .0;
    let folder = tempfile::tempdir().expect("a folder");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let server = block
        .lines()
        .filter(|line| !line.trim().starts_with("ssl_"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("listen 443 ssl;", &format!("listen {address};"))
        .replace("127.0.0.1:8080", &upstream.to_string());
    let path = folder.path().display();
    let config = format!(
        "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;\n\
         events {{}}\nhttp {{ access_log off; client_body_temp_path {path}/a; proxy_temp_path {path}/b;\n\
         fastcgi_temp_path {path}/c; uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;\n{server}\n}}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).expect("it is written");
    drop(listener);
    let binary = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let child = Command::new(binary.unwrap_or("nginx"))
        .arg("-p")
        .arg(folder.path())
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx is installed");
    let nginx = Nginx {
        child,
        address,
        _folder: folder,
    };
    let start = Instant::now();
    while !answers(address).await {
        assert!(start.elapsed() < PATIENCE, "nginx does not listen");
        tokio::task::yield_now().await;
    }
    nginx
}

/// Whether it speaks HTTP there. That something accepts is not enough: on this machine's own ports a connection may meet itself.
async fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    if stream.local_addr().ok() == stream.peer_addr().ok() {
        return false;
    }
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let asked = stream.write_all(request).await.is_ok() && stream.read_to_end(&mut answer).await.is_ok();
    asked && answer.starts_with(b"HTTP/1.1 200")
}

fn config(trusting: bool) -> Config {
    Config {
        limits: Limits {
            joins: (1, 2),
            ..Limits::default()
        },
        proxies: trusting
            .then(|| "127.0.0.0/8".parse().expect("a network"))
            .into_iter()
            .collect(),
        ..Config::default()
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A socket of a client whose own address is this one, as a proxy before nginx tells it.
async fn open(nginx: &Nginx, client: &str) -> Socket {
    let url = format!("ws://{}/ws", nginx.address);
    let mut request = url.into_client_request().expect("a URL");
    request
        .headers_mut()
        .insert("x-forwarded-for", client.parse().expect("a value"));
    connect_async(request).await.expect("nginx lets it through").0
}

/// How many of these joins, all sent at once, get a seat.
async fn seated(sockets: &mut [Socket]) -> usize {
    let join = json!({ "type": "join", "roomId": "tea" }).to_string();
    for socket in &mut *sockets {
        socket.send(Message::text(join.clone())).await.expect("it is open");
    }
    let mut seated = 0;
    for socket in sockets {
        let answer = timeout(PATIENCE, socket.next()).await.expect("an answer comes in time");
        let answer = answer
            .expect("it is open")
            .expect("it is sound")
            .into_text()
            .expect("a text");
        seated += usize::from(answer.contains(r#""joined""#));
    }
    seated
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_through_nginx_are_counted_by_client() {
    let server = Server::with(config(true)).await;
    let nginx = nginx(server.address()).await;
    // nginx adds its own peer, 127.0.0.1, which is trusted here: what counts is the address before it.
    let mut flood = Vec::new();
    for _ in 0..MANY {
        flood.push(open(&nginx, "192.0.2.1").await);
    }
    let mut other = [open(&nginx, "192.0.2.2").await];
    assert!(seated(&mut flood).await < MANY, "the one who floods is limited");
    assert_eq!(seated(&mut other).await, 1, "and the other is not");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trust_everybody_behind_nginx_is_one_client() {
    let server = Server::with(config(false)).await;
    let nginx = nginx(server.address()).await;
    let mut sockets = Vec::new();
    for number in 0..MANY {
        sockets.push(open(&nginx, &format!("192.0.2.{number}")).await);
    }
    assert!(
        seated(&mut sockets).await < MANY,
        "what a client says of itself is not believed"
    );
}
