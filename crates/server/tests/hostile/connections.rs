//! Connections that are too many, too slow, or from the wrong page (rules H2, L4, L8).

use super::{config, from};
use serde_json::json;
use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::{Raw, Server, Wire};

/// Until the server has noticed that somebody left.
async fn upgrades(server: &Server, last: u8, headers: &str) -> Raw {
    loop {
        if let Ok((raw, 101)) = Raw::upgrade(server.address(), from(last), headers).await {
            return raw;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_one_address_cannot_take_every_place() {
    let server = Server::with(config(Limits {
        connections: 6,
        connections_per_address: 3,
        ..Limits::default()
    }))
    .await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(Raw::connect(server.address(), from(2)).await.expect("a connection"));
    }
    // A place is taken when it is accepted, which the kernel does not wait for: these are all before us.
    let refused = Raw::upgrade(server.address(), from(2), "").await;
    assert!(refused.is_err(), "the fourth of an address");
    let mut others = Vec::new();
    for last in [3, 3, 4] {
        others.push(upgrades(&server, last, "").await);
    }
    assert!(
        Raw::upgrade(server.address(), from(5), "").await.is_err(),
        "the seventh of all"
    );
    silent.pop();
    let again = upgrades(&server, 2, "").await;
    drop((again, others));
    upgrades(&server, 5, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l8_behind_a_proxy_a_client_counts_and_not_the_proxy() {
    let server = Server::with(Config {
        proxies: vec!["127.0.0.9/32".parse().expect("a network")],
        ..config(Limits {
            connections_per_address: 2,
            ..Limits::default()
        })
    })
    .await;
    let greedy = "X-Forwarded-For: 192.0.2.1\r\n";
    let mut sockets = Vec::new();
    for _ in 0..2 {
        sockets.push(upgrades(&server, 9, greedy).await);
    }
    let (_, status) = Raw::upgrade(server.address(), from(9), greedy)
        .await
        .expect("an answer");
    assert_eq!(status, 429);
    for other in 2..8 {
        let header = format!("X-Forwarded-For: 192.0.2.{other}\r\n");
        let (raw, status) = Raw::upgrade(server.address(), from(9), &header)
            .await
            .expect("an answer");
        assert_eq!(status, 101);
        sockets.push(raw);
    }
    sockets.remove(0);
    upgrades(&server, 9, greedy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_who_asks_for_nothing_or_takes_forever_is_let_go() {
    let server = Server::with(config(Limits {
        idle_ms: 300,
        ..Limits::default()
    }))
    .await;
    let mut silent = Raw::connect(server.address(), from(2)).await.expect("a connection");
    let mut half = Raw::connect(server.address(), from(2)).await.expect("a connection");
    half.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .expect("it is open");
    let mut dripping = Raw::connect(server.address(), from(2)).await.expect("a connection");
    dripping.write(b"GET / HTTP/1.1\r\nX-Slow: ").await.expect("it is open");
    let mut drops = tokio::time::interval(std::time::Duration::from_millis(20));
    for drop in 0.. {
        assert!(drop < 1_000, "every drop buys more time");
        drops.tick().await;
        if dripping.write(b"x").await.is_err() {
            break;
        }
    }
    silent.ended().await;
    half.ended().await;
    let (mut idle, _) = Raw::upgrade(server.address(), from(2), "").await.expect("an answer");
    assert_eq!(idle.closed().await, Some(1008));
}

#[tokio::test(flavor = "multi_thread")]
async fn l9_a_requests_head_is_bounded() {
    let server = Server::start().await;
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let many = (0..100).fold(String::new(), |all, number| format!("{all}X-{number}: x\r\n"));
    for headers in [long, many] {
        match Raw::upgrade(server.address(), from(2), &headers).await {
            Ok((_, status)) => assert_eq!(status, 431),
            // The answer may be lost where more was sent than was read.
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::InvalidData),
        }
    }
    upgrades(&server, 2, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_foreign_page_opens_nothing() {
    let server = Server::start().await;
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "tauri://localhost.evil.example",
    ] {
        let headers = format!("Origin: {origin}\r\n");
        let (_, status) = Raw::upgrade(server.address(), from(2), &headers)
            .await
            .expect("an answer");
        assert_eq!(status, 403, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_ask_for_nothing_hold_nobody_up() {
    let server = Server::start().await;
    let mut silent = Vec::new();
    for number in 0..1_000_u16 {
        let last = 10 + (number % 100) as u8;
        silent.push(Raw::connect(server.address(), from(last)).await.expect("a connection"));
    }
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, _) = Wire::join(&server.url(), "tea").await;
    for number in 0..100 {
        one.send(json!({ "type": "message", "data": number })).await;
        assert_eq!(two.expect("message").await["data"], number);
    }
    drop(silent);
}
