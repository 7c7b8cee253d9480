//! `doctor --client`: what it says of real servers, healthy ones and others.

#[path = "support/process.rs"]
mod process;
mod support;

use process::Process;
use serde_json::Value;
use snug_server::Config;
use snug_server::config::{Tls, Turn};
use snug_testkit::Server;
use std::net::SocketAddr;
use std::process::Command;
use support::tls::Authority;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

struct Report {
    healthy: bool,
    findings: Vec<Value>,
}

impl Report {
    /// The level of a check, and its sentence.
    fn of(&self, check: &str) -> (&str, &str) {
        let finding = self.findings.iter().find(|finding| finding["check"] == check);
        let word = |name: &str| finding.and_then(|finding| finding[name].as_str()).unwrap_or_default();
        (word("level"), word("text"))
    }

    fn level(&self, check: &str) -> &str {
        self.of(check).0
    }
}

fn doctor(url: &str, words: &[&str], variables: &[(&str, &str)]) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_snug-server"))
        .args(["doctor", "--json", "--client", url])
        .args(words)
        .envs(variables.iter().copied())
        .output()
        .expect("the binary starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for finding in &findings {
        let fine = finding["level"] == "fine";
        assert_eq!(
            fine,
            finding["fix"].is_null(),
            "one fix for all that is not fine: {finding}"
        );
    }
    Report {
        healthy: output.status.success(),
        findings,
    }
}

fn http(process: &Process) -> String {
    format!("http://{}", process.address)
}

#[test]
fn nothing_is_wrong_with_a_healthy_server() {
    let server = Process::start(&["--turn-allow-private"], &[]);
    let report = doctor(&http(&server), &[], &[]);
    for check in [
        "server",
        "signaling",
        "clock",
        "stun",
        "turn-udp",
        "turn-tcp",
        "nat",
        "path",
    ] {
        assert_eq!(report.level(check), "fine", "{check}: {:?}", report.findings);
    }
    assert!(report.healthy);
    // A link to a room is an address, too; its secret is for nobody.
    let link = format!("{}/r/tea#c2VjcmV0c2VjcmV0c2VjcmV0", http(&server));
    let plain = Command::new(env!("CARGO_BIN_EXE_snug-server"))
        .args(["doctor", "--client", &link])
        .output()
        .expect("the binary starts");
    let text = String::from_utf8(plain.stdout).expect("text");
    assert!(
        plain.status.success() && text.ends_with("Nothing is broken.\n"),
        "{text}"
    );
    assert!(!text.contains("c2VjcmV0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_for_those_whose_authority_is_trusted() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a folder");
    authority.write(folder.path(), &["localhost"]);
    let config = Config {
        tls: Some(Tls::Files {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        }),
        turn: Turn::Own {
            listen: "127.0.0.1:0".parse().expect("an address"),
            external: None,
            secret: None,
            private: true,
        },
        ..Config::default()
    };
    let server = Server::with(config).await;
    let url = format!("https://localhost:{}", server.address().port());
    let root = folder.path().join("root.pem").to_string_lossy().into_owned();
    let report = blocking(move || {
        let trusting = doctor(&url, &[], &[("SSL_CERT_FILE", root.as_str())]);
        (trusting, doctor(&url, &[], &[("SSL_CERT_FILE", "/dev/null")]))
    });
    let (trusting, stranger) = report.await;
    for check in ["server", "signaling", "turn-tls", "path"] {
        assert_eq!(trusting.level(check), "fine", "{check}: {:?}", trusting.findings);
    }
    assert!(trusting.healthy && !stranger.healthy);
    assert!(
        stranger.of("server").1.contains("certificate"),
        "{:?}",
        stranger.findings
    );
}

#[test]
fn credentials_that_the_relay_refuses_are_named() {
    let (port, other) = relay(&[]);
    let url = format!("turn:127.0.0.1:{port}?transport=udp,turn:127.0.0.1:{port}?transport=tcp");
    let server = Process::start(&["--turn-url", &url, "--turn-secret", "wrong"], &[]);
    let report = doctor(&http(&server), &[], &[]);
    for check in ["turn-udp", "turn-tcp"] {
        let (level, text) = report.of(check);
        assert!(
            level == "broken" && text.contains("refuses the credentials") && text.contains("401"),
            "{text}"
        );
    }
    assert_eq!(report.level("udp"), "", "a refusal is an answer");
    assert!(!report.healthy);
    drop(other);
}

#[test]
fn a_server_without_a_relay_is_warned_of() {
    let server = Process::start(&["--no-turn"], &[]);
    let report = doctor(&http(&server), &[], &[]);
    assert_eq!((report.level("turn"), report.level("signaling")), ("warning", "fine"));
    assert!(report.healthy, "calls without a strict NAT work");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_that_drops_udp_is_told_from_a_relay_that_is_down() {
    let (port, _other) = relay(&["--turn-secret", "same", "--turn-allow-private"]);
    let (wall, _udp) = wall(SocketAddr::new([127, 0, 0, 1].into(), port)).await;
    let url = format!("turn:{wall}?transport=udp,turn:{wall}?transport=tcp");
    let behind = blocking(move || {
        let server = Process::start(&["--turn-url", &url, "--turn-secret", "same"], &[]);
        doctor(&http(&server), &[], &[])
    })
    .await;
    assert_eq!(
        (
            behind.level("turn-udp"),
            behind.level("turn-tcp"),
            behind.level("udp"),
            behind.level("path")
        ),
        ("broken", "fine", "broken", "fine"),
        "{:?}",
        behind.findings
    );
    let down = blocking(|| {
        let server = Process::start(
            &["--turn-url", "turn:127.0.0.1:9?transport=tcp", "--turn-secret", "x"],
            &[],
        );
        doctor(&http(&server), &[], &[])
    })
    .await;
    assert_eq!((down.level("turn-tcp"), down.level("udp")), ("broken", ""));
}

#[test]
fn a_relay_that_passes_nothing_on_is_warned_of() {
    let server = Process::start(&[], &[]);
    let report = doctor(&http(&server), &[], &[]);
    let (level, text) = report.of("path");
    assert!(level == "warning" && text.contains("403"), "{text}");
    assert_eq!((report.level("turn-udp"), report.healthy), ("fine", true));
}

#[test]
fn a_closed_server_is_opened_with_its_own_key() {
    let key = ["--api-key", "k", "--api-secret", "R9Qm3wYc8sKz1uXe7vBn5tGh2jLp4dFa"];
    let server = Process::start(&key, &[]);
    let stranger = doctor(&http(&server), &[], &[]);
    assert_eq!((stranger.level("signaling"), stranger.healthy), ("unknown", true));
    assert_eq!(doctor(&http(&server), &key, &[]).level("turn-udp"), "fine");
    let wrong = doctor(&http(&server), &["--api-key", "k", "--api-secret", "another"], &[]);
    let (level, text) = wrong.of("signaling");
    assert!(level == "broken" && text.contains("token-bad-signature"), "{text}");
}

#[test]
fn where_no_server_is_that_is_said() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("an address").port();
    drop(silent);
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}"), "Nothing answers"),
        ("http://nowhere.invalid".to_owned(), "leads nowhere"),
        ("meet.example.org".to_owned(), "no address of a server"),
    ] {
        let report = doctor(&url, &[], &[]);
        let (level, text) = report.of("server");
        assert!(level == "broken" && text.contains(expected), "{url}: {text}");
        assert!(!report.healthy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_that_answers_is_no_snug_server() {
    let (port, _relay) = relay(&[]);
    let report = blocking(move || doctor(&format!("http://127.0.0.1:{port}"), &[], &[])).await;
    let (level, text) = report.of("server");
    assert!(level == "broken" && text.contains("no WebSocket"), "{text}");
}

/// A server for the sake of its relay, and the relay's port.
fn relay(words: &[&str]) -> (u16, Process) {
    // Another may take the port meanwhile: then once more.
    for _ in 0..20 {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = probe.local_addr().expect("an address").port();
        let udp = std::net::UdpSocket::bind(("127.0.0.1", port));
        drop(probe);
        if udp.is_ok() {
            drop(udp);
            let listen = format!("127.0.0.1:{port}");
            let words: Vec<_> = ["--turn-listen", &listen]
                .into_iter()
                .chain(words.iter().copied())
                .collect();
            return (port, Process::start(&words, &[]));
        }
    }
    panic!("no port is free for both TCP and UDP");
}

/// Lets TCP through to a server, and swallows UDP.
async fn wall(server: SocketAddr) -> (SocketAddr, UdpSocket) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = tcp.local_addr().expect("an address");
        let Ok(udp) = UdpSocket::bind(address).await else {
            continue;
        };
        tokio::spawn(async move {
            while let Ok((mut near, _)) = tcp.accept().await {
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.expect("the relay is there");
                    // How it ended is for the ends to know.
                    copy_bidirectional(&mut near, &mut far).await.ok();
                });
            }
        });
        return (address, udp);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it ends")
}
