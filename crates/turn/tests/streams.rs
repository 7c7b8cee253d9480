//! TCP and TLS clients, the well-behaved and the others.

#![allow(clippy::unwrap_used)]

mod common;

use common::{PATIENCE, alice, serve, until};
use snug_turn::{Config, ProbeError, Secret, Transport, TurnServer, probe, probe_stream};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A Binding request without attributes.
const BINDING: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

/// Until the server closes.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("still open");
}

#[tokio::test]
async fn udp_tcp_and_tls_on_both_ports() {
    let server = serve(|_| {});
    for transport in [Transport::Udp, Transport::Tcp] {
        let found = probe(server.address, transport, Some(&alice()), PATIENCE)
            .await
            .unwrap();
        assert!(found.relayed.is_some());
    }
    for address in [server.address, server.tls] {
        let stream = TcpStream::connect(address).await.unwrap();
        let local = stream.local_addr().unwrap();
        let stream = TlsConnector::from(server.trust.clone())
            .connect("localhost".try_into().unwrap(), stream)
            .await;
        let found = probe_stream(stream.unwrap(), Some(&alice()), PATIENCE).await.unwrap();
        assert_eq!(found.mapped, local);
    }
    until(|| async { server.stats.connections.get() == 0 }).await;
    assert_eq!(
        (server.stats.allocations_total.get(), server.stats.allocations.get()),
        (4, 0)
    );
}

#[tokio::test]
async fn ipv4_and_ipv6_clients_of_one_socket() {
    let server = serve(|config| config.listen = "[::]:0".parse().unwrap());
    for ip in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(ip.parse().unwrap(), server.address.port());
        for transport in [Transport::Udp, Transport::Tcp] {
            // A machine may have no IPv6 at all.
            match probe(address, transport, Some(&alice()), PATIENCE).await {
                Ok(found) => assert_eq!(found.mapped.ip(), address.ip()),
                Err(ProbeError::Unreachable(_)) if address.is_ipv6() => {}
                Err(error) => panic!("{error} {address} {transport:?}"),
            }
        }
    }
}

#[tokio::test]
async fn who_does_nothing_of_use_is_closed() {
    let server = serve(|config| config.limits.connection_idle = Duration::from_millis(300));
    // Silent; silent within TLS; half a message; only STUN.
    let silent = TcpStream::connect(server.address).await.unwrap();
    let tls = TcpStream::connect(server.tls).await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(&BINDING[..10]).await.unwrap();
    let mut handshake = TcpStream::connect(server.address).await.unwrap();
    handshake.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
    let mut stun = TcpStream::connect(server.address).await.unwrap();
    stun.write_all(&BINDING).await.unwrap();
    for stream in [silent, tls, half, handshake, stun] {
        closed(stream).await;
    }
    until(|| async { server.stats.connections.get() == 0 }).await;
}

#[tokio::test]
async fn other_protocols_and_huge_packets_close_the_connection() {
    let server = serve(|_| {});
    for bytes in [
        &b"\x80\x01\x02\x03"[..],
        &[0, 1, 0xff, 0xfc],
        &[0x40, 0, 0xff, 0xff],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        closed(stream).await;
    }
    assert_eq!(server.stats.dropped_malformed.get(), 4);
}

#[tokio::test]
async fn connections_of_one_address_are_bounded() {
    let server = serve(|config| config.limits.connections_per_address = 2);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&BINDING).await.unwrap();
        let mut answer = [0; 32];
        timeout(PATIENCE, stream.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        held.push(stream);
    }
    closed(TcpStream::connect(server.address).await.unwrap()).await;
    assert_eq!(server.stats.refused_connection.get(), 1);
    drop(held);
    until(|| async { probe(server.address, Transport::Tcp, None, PATIENCE).await.is_ok() }).await;
}

#[tokio::test]
async fn credentials_and_quota_are_checked_on_the_wire() {
    let server = serve(|config| config.limits.allocations_per_user = 0);
    let refused = probe(server.address, Transport::Udp, Some(&alice()), PATIENCE).await;
    assert!(matches!(refused, Err(ProbeError::Refused(486))), "{refused:?}");
    let now = std::time::SystemTime::now();
    let expired = snug_turn::credentials(b"north", "alice", Duration::ZERO, now);
    let refused = probe(server.address, Transport::Tcp, Some(&expired), PATIENCE).await;
    assert!(matches!(refused, Err(ProbeError::Refused(401))), "{refused:?}");
    assert_eq!(
        (server.stats.refused_quota.get(), server.stats.refused_expired.get()),
        (1, 1)
    );
}

#[tokio::test]
async fn no_free_port_is_said_so() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let server = serve(|config| config.relay_ports = port..=port);
    let refused = probe(server.address, Transport::Udp, Some(&alice()), PATIENCE).await;
    assert!(matches!(refused, Err(ProbeError::Refused(508))), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_ends_leaves_its_ports() {
    let config = Config::new("127.0.0.1:0".parse().unwrap(), Secret::new("north"));
    let server = TurnServer::bind(config.clone()).unwrap();
    let (address, stats) = (server.address(), server.stats());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { ended.await.unwrap_or(()) }));
    assert!(probe(address, Transport::Tcp, None, PATIENCE).await.is_ok());
    end.send(()).unwrap();
    timeout(PATIENCE, running).await.unwrap().unwrap();
    let again = TurnServer::bind(Config {
        listen: address,
        ..config
    })
    .unwrap();
    assert_eq!(again.address(), address);
    assert_eq!(stats.bindings.get(), 1);
}

#[test]
fn settings_that_cannot_serve_are_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let config = Config::new("127.0.0.1:0".parse().unwrap(), Secret::new("north"));
    let refused = |config: Config| TurnServer::bind(config).is_err();
    assert!(refused(Config {
        secret: Secret::new(""),
        ..config.clone()
    }));
    assert!(refused(Config {
        realm: String::new(),
        ..config.clone()
    }));
    assert!(refused(Config {
        realm: "x".repeat(101),
        ..config.clone()
    }));
    #[allow(clippy::reversed_empty_ranges)]
    let none = 2..=1;
    assert!(refused(Config {
        relay_ports: none,
        ..config.clone()
    }));
    assert!(refused(Config {
        listen: "192.0.2.77:0".parse().unwrap(),
        ..config
    }));
}
