//! Calls by way of a relay only, over UDP, TCP and TLS. Ignored unless asked for, as they need coturn's `turnserver` and
//! `openssl`.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use common::{Heard, Page, negotiate, number, trickle, vp8};
use serde_json::{Value, json};

/// coturn, with a certificate of its own.
struct Relay {
    process: Child,
    address: IpAddr,
    port: u16,
    tls: u16,
    certificate: PathBuf,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        self.certificate
            .parent()
            .map(|folder| std::fs::remove_dir_all(folder).ok());
    }
}

impl Relay {
    async fn start(name: &str) -> Self {
        let address = {
            let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
            probe
                .connect("198.51.100.1:9")
                .map(|()| probe.local_addr().unwrap().ip())
                .unwrap()
        };
        let folder = std::env::temp_dir().join(format!("peer-relay-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let settings = folder.join("openssl.cnf");
        let extensions = format!("subjectAltName=IP:{address}\nbasicConstraints=critical,CA:FALSE\n");
        let text = format!("[req]\ndistinguished_name=name\nx509_extensions=leaf\n[name]\n[leaf]\n{extensions}");
        std::fs::write(&settings, text).unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"])
            .args([
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-subj",
                "/CN=relay",
                "-config",
            ])
            .arg(&settings)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let (port, tls) = (free(), free());
        let process = Command::new("turnserver")
            .args([
                "-n",
                "--no-cli",
                "--no-dtls",
                "--lt-cred-mech",
                "--user=name:word",
                "--realm=test",
            ])
            .args(["--allow-loopback-peers", "--pidfile=", "--log-file=stdout"])
            .arg(format!("--listening-ip={address}"))
            .arg(format!("--relay-ip={address}"))
            .arg(format!("--listening-port={port}"))
            .arg(format!("--tls-listening-port={tls}"))
            .arg(format!("--cert={}", certificate.display()))
            .arg(format!("--pkey={}", key.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let relay = Self {
            process,
            address,
            port,
            tls,
            certificate,
        };
        tokio::time::timeout(common::PATIENCE, relay.up()).await.unwrap();
        relay
    }

    /// It is up when it answers a STUN binding request, and takes connections.
    async fn up(&self) {
        let probe = tokio::net::UdpSocket::bind((self.address, 0)).await.unwrap();
        let mut request = [0_u8; 20];
        request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        let mut answer = [0; 512];
        loop {
            probe.send_to(&request, (self.address, self.port)).await.ok();
            let wait = std::time::Duration::from_millis(100);
            let answered = tokio::time::timeout(wait, probe.recv(&mut answer)).await;
            let taken = tokio::net::TcpStream::connect((self.address, self.tls)).await;
            if matches!(answered, Ok(Ok(_))) && taken.is_ok() {
                return;
            }
        }
    }
}

fn free() -> u16 {
    let socket = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A call in which everything passes the relay.
async fn call(url: String) {
    let server = json!({"urls": [url, "stuns:unsupported.example"], "username": "name", "credential": "word"});
    let relayed = json!({"iceServers": [server], "iceTransportPolicy": "relay"});
    let (a, b) = (
        Arc::new(Page::open_with(relayed.clone()).await),
        Arc::new(Page::open_with(relayed).await),
    );
    let video = a.add("video", "cam").await;
    let (_, at_b) = negotiate(&a, &b).await;
    trickle(&a, &b);
    b.event(0, "connection-state", "state", "connected").await;
    a.event(0, "connection-state", "state", "connected").await;
    let receiver = number(&at_b["transceivers"][0]["transceiver"]);
    for (index, len) in [20_000, 900, 1_201, 60_000].into_iter().enumerate() {
        let frame = vp8(index == 0, len, 5 + index as u8);
        let flags = u8::from(index == 0);
        a.frame(1, flags, video, index as i64 * 33_333, &frame).await;
        assert_eq!(b.received(0, 3, &frame).await.target, receiver);
    }
    let candidates = a.stats("local-candidate").await;
    assert!(
        !candidates.is_empty() && candidates.iter().all(|one| one["candidateType"] == "relay"),
        "{candidates:#?}"
    );
    a.session.end().await;
    b.session.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs turnserver"]
async fn frames_flow_through_a_relay_and_the_reflexive_address_is_found() {
    let relay = Relay::start("plain").await;
    let (address, port) = (relay.address, relay.port);
    call(format!("turn:{address}:{port}?transport=udp")).await;
    call(format!("turn:{address}:{port}?transport=tcp")).await;

    let stun = json!({"iceServers": [{"urls": format!("stun:{address}:{port}")}]});
    let c = Page::open_with(stun).await;
    c.add("audio", "mic").await;
    c.run(json!({"type": "set-local"})).await;
    let complete = |event: &Value| event["type"] == "ice-gathering-state" && event["state"] == "complete";
    c.hear(0, |heard| match heard {
        // Without a NAT the reflexive address is the host's, and redundant; gathering ends all the same.
        Heard::Event(event) => complete(event).then_some(()),
        Heard::Text(_) | Heard::Frame(_) => None,
    })
    .await;
}

/// A relay that refuses the credential, over datagrams and over a stream, and servers that are not there.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs turnserver"]
async fn a_page_hears_why_servers_gave_no_candidate() {
    let relay = Relay::start("refused").await;
    let (address, port) = (relay.address, relay.port);
    // Takes datagrams and says nothing; nobody takes the streams.
    let silent = std::net::UdpSocket::bind((address, 0)).unwrap();
    let urls = [
        format!("turn:{address}:{port}?transport=udp"),
        format!("turn:{address}:{port}?transport=tcp"),
        format!("stun:{}", silent.local_addr().unwrap()),
        format!("turn:{address}:{}?transport=tcp", free()),
        "stun:nowhere.invalid".to_owned(),
    ];
    let answering = format!("stun:{address}:{port}");
    let all: Vec<&String> = urls.iter().chain([&answering]).collect();
    let page = Page::open_with(json!({"iceServers": [{"urls": all, "username": "name", "credential": "wrong"}]})).await;
    page.add("audio", "mic").await;
    page.run(json!({"type": "set-local"})).await;
    let mut found = Vec::new();
    let mut from = 0;
    while found.len() < urls.len() {
        let (error, place) = page
            .hear(from, |heard| match heard {
                Heard::Event(event) if event["type"] == "ice-candidate-error" => Some(event.clone()),
                _ => None,
            })
            .await;
        from = place + 1;
        assert_ne!(error["errorText"], "");
        found.push((
            error["url"].as_str().unwrap().to_owned(),
            number(&error["errorCode"]).into(),
        ));
    }
    let mut expected: Vec<(String, u64)> = urls.into_iter().zip([401, 401, 701, 701, 701]).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// The relay's certificate is trusted because this test runs itself with it among the system's.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs turnserver"]
async fn frames_flow_through_a_relay_over_tls() {
    const INNER: &str = "PEER_RELAY_TLS";
    if let Ok(url) = std::env::var(INNER) {
        return call(url).await;
    }
    let relay = Relay::start("tls").await;
    let url = format!("turns:{}:{}?transport=tcp", relay.address, relay.tls);
    let trusted = |certificate: &Path| {
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "frames_flow_through_a_relay_over_tls"])
            .env(INNER, &url)
            .env("SSL_CERT_FILE", certificate)
            .kill_on_drop(true);
        command
    };
    assert!(trusted(&relay.certificate).status().await.unwrap().success());
}
