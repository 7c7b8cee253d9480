//! One who asks too much hurts nobody else (rules L1 to L6 of PROTOCOL.md).

use super::Server;
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::{Link, Wire, WireEvent};

fn config(limits: Limits) -> Config {
    Config {
        limits,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_flood_is_refused_then_closed_and_hurts_its_sender_alone() {
    let server = Server::start().await;
    let (mut flooder, offender) = Wire::join(&server.url(), "tea").await;
    let (mut victim, _) = Wire::join(&server.url(), "tea").await;
    flooder.expect("peer-joined").await;
    let (mut elsewhere, _) = Wire::join(&server.url(), "coffee").await;
    let (mut friend, _) = Wire::join(&server.url(), "coffee").await;
    elsewhere.expect("peer-joined").await;
    let flood = tokio::spawn(async move {
        let (mut refused, mut id) = (0, 0_u64);
        loop {
            // Reads now and then, as a flood would not: what was refused must be told.
            for _ in 0..4 {
                id += 1;
                let frame = json!({ "type": "message", "data": id, "id": id });
                if flooder.try_send(frame.to_string()).await.is_err() {
                    return (refused, flooder.closed().await);
                }
            }
            match flooder.event().await {
                WireEvent::Message(message) if message["type"] == "error" => {
                    assert_eq!(message["code"], "rate-limited");
                    assert!(message["id"].as_u64().is_some_and(|refused| refused <= id), "{message}");
                    refused += 1;
                }
                WireEvent::Message(_) => {}
                WireEvent::Closed(code) => return (refused, code),
            }
        }
    });
    for number in 0..100 {
        elsewhere
            .send(json!({ "type": "message", "data": number, "id": number }))
            .await;
        assert_eq!(elsewhere.expect("ack").await["delivered"], 1);
        assert_eq!(friend.expect("message").await["data"], number);
    }
    let mut last: Value = json!(null);
    loop {
        let message = victim.next().await;
        if message["type"] == "peer-away" {
            assert_eq!(message["peerId"], offender["peerId"]);
            break;
        }
        assert_eq!(message["type"], "message");
        assert!(message["data"].as_u64() > last.as_u64(), "what passes is in order");
        last = message["data"].clone();
    }
    let (refused, code) = flood.await.expect("the flooder runs");
    assert!(refused >= 20, "{refused}");
    assert_eq!(code, Some(4008));
    victim.send(json!({ "type": "ping", "seq": 0 })).await;
    victim.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_candidates_have_a_rate_of_their_own() {
    let limits = Limits {
        candidates: (1, 3),
        messages: (1, 3),
        ..Limits::default()
    };
    let server = Server::with(config(limits)).await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let mut codes = Vec::new();
    for (kind, field, id) in [
        ("candidate", "candidate", 1),
        ("candidate", "candidate", 2),
        ("candidate", "candidate", 3),
        ("candidate", "candidate", 4),
        ("message", "data", 5),
    ] {
        one.send(json!({ "type": kind, field: 0, "id": id })).await;
        let answer = one.next().await;
        assert_eq!(answer["id"], id);
        codes.push(answer.get("code").unwrap_or(&answer["type"]).clone());
    }
    assert_eq!(codes, ["ack", "ack", "ack", "rate-limited", "ack"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_garbage_counts_too() {
    let server = Server::with(config(Limits {
        messages: (1, 5),
        ..Limits::default()
    }))
    .await;
    let mut wire = Wire::open(&server.url()).await;
    let mut codes = Vec::new();
    for _ in 0..7 {
        wire.send_text("garbage").await;
        codes.push(wire.expect("error").await["code"].clone());
    }
    assert_eq!(codes[..5], vec![json!("bad-json"); 5]);
    assert!(codes[5..].contains(&json!("rate-limited")), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_an_idle_socket_is_closed() {
    let server = Server::with(config(Limits {
        idle_ms: 400,
        ..Limits::default()
    }))
    .await;
    let mut idle = Wire::open(&server.url()).await;
    let (mut seated, _) = Wire::join(&server.url(), "tea").await;
    assert_eq!(idle.closed().await, Some(1008));
    seated.send(json!({ "type": "ping", "seq": 1 })).await;
    seated.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l5_a_slow_reader_is_away_and_the_others_miss_nothing() {
    let limits = Limits {
        messages: (100_000, 100_000),
        outbox: (20, 256 * 1024),
        ..Limits::default()
    };
    let server = Server::with(config(limits)).await;
    let (mut speaker, _) = Wire::join(&server.url(), "tea").await;
    // Its socket stays open, and it reads nothing.
    let (_slow, slow) = Wire::join(&server.url(), "tea").await;
    let (mut keen, _) = Wire::join(&server.url(), "tea").await;
    speaker.expect("peer-joined").await;
    speaker.expect("peer-joined").await;
    let (read, mut was_read) = tokio::sync::mpsc::channel(1);
    let reads = tokio::spawn(async move {
        let (mut next, mut away) = (0, Vec::new());
        loop {
            let message = keen.next().await;
            match message["type"].as_str() {
                Some("message") if message["data"] == "end" => return (next, away),
                Some("message") => {
                    assert_eq!(message["data"][0], next);
                    next += 1;
                    read.send(()).await.expect("the speaker waits");
                }
                _ => away.push((message["type"].clone(), message["peerId"].clone())),
            }
        }
    });
    let filler = "x".repeat(60_000);
    let mut sent = 0;
    let mut dropped = false;
    while !dropped {
        assert!(sent < 2_000, "120 MB, and the slow one is still thought to read");
        speaker
            .send(json!({ "type": "message", "data": [sent, filler], "id": sent + 1 }))
            .await;
        sent += 1;
        // Only the slow one is slow.
        was_read.recv().await.expect("the keen one reads");
        loop {
            let answer = speaker.next().await;
            if answer["type"] == "peer-away" {
                assert_eq!(answer["peerId"], slow["peerId"]);
                dropped = true;
            }
            if answer["type"] == "ack" {
                break;
            }
        }
    }
    speaker.send(json!({ "type": "message", "data": "end" })).await;
    let (heard, events) = reads.await.expect("the keen one reads");
    assert_eq!(heard, sent);
    assert_eq!(events.first(), Some(&(json!("peer-away"), slow["peerId"].clone())));
}

#[tokio::test(flavor = "multi_thread")]
async fn l6_a_socket_that_falls_silent_is_away() {
    let server = Server::with(config(Limits {
        heartbeat_ms: 200,
        ..Limits::default()
    }))
    .await;
    let link = Link::to(server.address()).await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (_two, second) = Wire::join(&link.url(), "tea").await;
    one.expect("peer-joined").await;
    link.hold();
    assert_eq!(
        one.expect("peer-away").await["peerId"],
        second["peerId"],
        "and the one who only answers pings is not"
    );
}
