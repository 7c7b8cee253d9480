//! Certificates that come by themselves, from Pebble: Let's Encrypt's test server. Set `SNUG_PEBBLE`, or have `pebble` in the
//! path: Debian has it, as `pebble`.

mod support;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use serde_json::json;
use snug_server::config::{Acme, Tls};
use snug_server::{Config, Server};
use snug_testkit::PATIENCE;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::tls::{Authority, Client};
use tokio::net::TcpStream;

const DOMAIN: &str = "meet.snug.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_gets_a_certificate_and_keeps_it() {
    let Some(pebble) = pebble() else {
        eprintln!("SKIPPED: no pebble here (SNUG_PEBBLE, or in the path), so no certificate was asked for");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let directory_port = free_port();
    let config = Config {
        tls: Some(Tls::Acme(Acme {
            domain: DOMAIN.to_owned(),
            directory: format!("https://127.0.0.1:{directory_port}/dir"),
            contact: Some("operator@snug.example".to_owned()),
            cache: folder.path().join("acme"),
            root: Some(folder.path().join("root.pem")),
        })),
        ..Config::default()
    };
    Authority::new().write(folder.path(), &["127.0.0.1"]);
    let server = Server::bind(config.clone()).await.expect("a port is free");
    let authority = start(&pebble, folder.path(), directory_port, server.address().port());
    listens(directory_port).await;
    let address = server.address();
    let running = tokio::spawn(server.run(std::future::pending()));
    let first = certificate(address).await;
    let text = String::from_utf8_lossy(&first);
    assert!(text.contains(DOMAIN) && text.contains("Pebble"), "{text}");
    running.abort();

    // The authority is gone, and the certificate is still there.
    drop(authority);
    let server = Server::bind(config).await.expect("a port is free");
    let address = server.address();
    let running = tokio::spawn(server.run(std::future::pending()));
    assert_eq!(certificate(address).await, first, "the one that was kept");
    running.abort();
}

fn pebble() -> Option<PathBuf> {
    let named = std::env::var_os("SNUG_PEBBLE").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    named.or_else(|| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("pebble"))
            .find(|file| file.is_file())
    })
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts an authority that connects to `port` of this machine, whatever the name.
fn start(pebble: &Path, folder: &Path, directory: u16, port: u16) -> Process {
    let config = json!({ "pebble": {
        "listenAddress": format!("127.0.0.1:{directory}"),
        "managementListenAddress": format!("127.0.0.1:{}", free_port()),
        "certificate": folder.join("cert.pem"),
        "privateKey": folder.join("key.pem"),
        "httpPort": 9,
        "tlsPort": port,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
    } });
    let file = folder.join("pebble.json");
    std::fs::write(&file, config.to_string()).expect("it is written");
    let child = Command::new(pebble)
        .arg("-config")
        .arg(file)
        .args(["-dnsserver", &names_server().to_string()])
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", "0")
        .env("PEBBLE_AUTHZREUSE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pebble starts");
    Process(child)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

async fn listens(port: u16) {
    let start = Instant::now();
    while !accepts(port).await {
        assert!(start.elapsed() < PATIENCE, "nobody listens on {port}");
        tokio::task::yield_now().await;
    }
}

/// On this machine's own ports a connection may meet itself.
async fn accepts(port: u16) -> bool {
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    stream.is_ok_and(|stream| stream.local_addr().ok() != stream.peer_addr().ok())
}

/// Says of every name that it is this machine's, and has no IPv6 (RFC 1035, section 4). Pebble asks over UDP or TCP,
/// depending on its version.
fn names_server() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let datagrams = std::net::UdpSocket::bind(address).expect("its twin is free");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever does not ask properly is not answered.
            std::thread::spawn(move || answer_stream(stream).ok());
        }
    });
    std::thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = datagrams.recv_from(&mut packet) {
            if let Ok(answer) = answer_names(&packet[..length]) {
                datagrams.send_to(&answer, from).ok();
            }
        }
    });
    address
}

fn answer_stream(mut stream: std::net::TcpStream) -> std::io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut packet = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut packet)?;
        let answer = answer_names(&packet)?;
        let length = u16::try_from(answer.len()).map_err(|_| ErrorKind::InvalidData)?;
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&answer)?;
    }
}

fn answer_names(packet: &[u8]) -> std::io::Result<Vec<u8>> {
    // The question: labels up to an empty one, then type and class.
    let labels = packet
        .iter()
        .skip(12)
        .position(|&byte| byte == 0)
        .ok_or(ErrorKind::InvalidData)?;
    let (kind, end) = (12 + labels + 1, 12 + labels + 5);
    let is_a = packet.get(kind..kind + 2) == Some(&[0, 1]);
    let mut answer = packet.get(..end).ok_or(ErrorKind::InvalidData)?.to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    if is_a {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Ok(answer)
}

/// The certificate that is served, once there is one.
async fn certificate(address: SocketAddr) -> Vec<u8> {
    let provider = ring::default_provider();
    let config = support::tls::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    let client = Client::with(config);
    let start = Instant::now();
    loop {
        if let Ok(stream) = client.connect(address, DOMAIN).await {
            let certificates = stream.get_ref().1.peer_certificates().expect("a chain");
            return certificates[0].to_vec();
        }
        assert!(start.elapsed() < 2 * PATIENCE, "there is no certificate");
        // Each of these is a connection: they are not to keep the machine from doing what they wait for.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Takes every certificate: which one it is, the test looks at.
#[derive(Debug)]
struct Anything(CryptoProvider);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
