//! The loop through a relay, and what is told of it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{PATIENCE, alice, serve, until};
use snug_turn::{Credentials, Load, Nat, ProbeError, Seen, Transport, measure, measure_streams, seen};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

const LOAD: Load = Load {
    packets: 40,
    every: Duration::from_millis(1),
    bytes: 160,
    patience: PATIENCE,
};

#[tokio::test]
async fn all_packets_come_back_over_each_transport_and_nothing_is_left_behind() {
    let server = serve(|_| {});
    for transport in [Transport::Udp, Transport::Tcp] {
        let measured = measure(server.address, transport, &alice(), LOAD, PATIENCE)
            .await
            .unwrap();
        assert_eq!((measured.sent, measured.received), (40, 40));
        assert!(measured.round_trip.is_some());
    }
    let connect = || async {
        let stream = TcpStream::connect(server.tls).await.unwrap();
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(server.trust.clone())
            .connect(name, stream)
            .await
            .unwrap()
    };
    let measured = measure_streams(connect().await, connect().await, &alice(), LOAD, PATIENCE).await;
    assert_eq!(measured.unwrap().received, 40);
    until(|| async { server.stats.allocations.get() == 0 }).await;
}

#[tokio::test]
async fn what_the_line_loses_is_counted() {
    let server = serve(|_| {});
    let line = lossy(server.address, 4).await;
    let load = Load {
        patience: Duration::from_millis(500),
        ..LOAD
    };
    let measured = measure(line, Transport::Udp, &alice(), load, PATIENCE).await.unwrap();
    assert_eq!((measured.sent, measured.received), (40, 30));
    assert!((measured.loss() - 0.25).abs() < 1e-9);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code() {
    let server = serve(|_| {});
    let stranger = Credentials {
        credential: "wrong".to_owned(),
        ..alice()
    };
    let refused = measure(server.address, Transport::Udp, &stranger, LOAD, PATIENCE).await;
    assert!(matches!(refused, Err(ProbeError::Refused(401))), "{refused:?}");
}

#[tokio::test]
async fn a_socket_is_seen_by_stun_and_by_the_relay() {
    let server = serve(|_| {});
    let found = seen(server.address, &alice(), PATIENCE).await.unwrap();
    assert_eq!((found.by_stun, found.by_relay), (found.local, Some(found.local)));
    assert_eq!(found.nat(), Some(Nat::Open));
    until(|| async { server.stats.allocations.get() == 0 }).await;

    let public = |port| SocketAddr::new([203, 0, 113, 7].into(), port);
    let nat = |by_relay| {
        Seen {
            by_stun: public(4000),
            by_relay,
            ..found
        }
        .nat()
    };
    assert_eq!(nat(Some(public(4000))), Some(Nat::Steady));
    assert_eq!(nat(Some(public(4001))), Some(Nat::Symmetric));
    assert_eq!(nat(None), None);
}

/// A line to a server that loses one of so many of the indications that go up, and nothing else.
async fn lossy(server: SocketAddr, one_of: u32) -> SocketAddr {
    let near = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = near.local_addr().unwrap();
    tokio::spawn(async move {
        let mut clients: Vec<(SocketAddr, Arc<UdpSocket>)> = Vec::new();
        let mut buffer = [0; 2048];
        let mut indications = 0;
        loop {
            let (length, from) = near.recv_from(&mut buffer).await.unwrap();
            let far = match clients.iter().find(|(client, _)| *client == from) {
                Some((_, far)) => far.clone(),
                None => {
                    let far = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                    far.connect(server).await.unwrap();
                    clients.push((from, far.clone()));
                    let (near, back) = (near.clone(), far.clone());
                    tokio::spawn(async move {
                        let mut buffer = [0; 2048];
                        while let Ok(length) = back.recv(&mut buffer).await {
                            near.send_to(&buffer[..length], from).await.unwrap();
                        }
                    });
                    far
                }
            };
            // A Send indication (RFC 8656, section 18.1).
            if buffer[..2] == [0x00, 0x16] {
                indications += 1;
                if indications % one_of == 0 {
                    continue;
                }
            }
            far.send(&buffer[..length]).await.unwrap();
        }
    });
    address
}
