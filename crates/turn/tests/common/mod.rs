//! What the tests share: a server on free ports, credentials, daemons that end with their test.

#![allow(dead_code, clippy::unwrap_used)]

use snug_turn::{Config, Credentials, Secret, Stats, Tls, TurnServer, credentials};
use std::future::Future;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Server {
    pub address: SocketAddr,
    pub tls: SocketAddr,
    pub stats: Arc<Stats>,
    /// Trusts the server's certificate, which is for `localhost`.
    pub trust: Arc<ClientConfig>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server on the loopback, where peers may be, too.
pub fn serve(change: impl FnOnce(&mut Config)) -> Server {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let chain = vec![made.cert.der().clone()];
    let certificate = Arc::new(
        ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap(),
    );
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let trust = Arc::new(
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    );
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::new(loopback, Secret::new("north"));
    config.allow_private = true;
    config.tls = Some(Tls {
        listen: Some(loopback),
        config: Arc::new(move || certificate.clone()),
    });
    change(&mut config);
    let server = TurnServer::bind(config).unwrap();
    Server {
        address: server.address(),
        tls: server.tls_address().unwrap(),
        stats: server.stats(),
        trust,
        task: tokio::spawn(server.run(std::future::pending())),
    }
}

pub fn alice() -> Credentials {
    named("alice")
}

pub fn named(identity: &str) -> Credentials {
    credentials(b"north", identity, Duration::from_secs(3600), SystemTime::now())
}

/// Waits until `ask` says so.
pub async fn until<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never came");
}

/// One that neither datagrams nor connections use: those of others may stand in the way of a listener.
pub fn free_port() -> u16 {
    loop {
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = datagrams.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return address.port();
        }
    }
}

/// A program that ends with its test.
pub struct Daemon(Child);

impl Daemon {
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}")))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
