//! Sessions over real sockets that break (rules R1 to R5 and C1 of PROTOCOL.md).

use super::Server;
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::raw::frame;
use snug_testkit::{Link, PATIENCE, Raw, Wire};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::timeout;

fn short_grace() -> Config {
    Config {
        limits: Limits {
            grace_ms: 100,
            ..Limits::default()
        },
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_cut_socket_resumes_with_all_it_missed_in_order_and_once() {
    let server = Server::start().await;
    let link = Link::to(server.address()).await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, joined) = Wire::join(&link.url(), "tea").await;
    one.expect("peer-joined").await;
    one.send(json!({ "type": "message", "data": 0 })).await;
    two.expect("message").await;
    link.cut();
    assert_eq!(two.closed().await, None, "no goodbye");
    assert_eq!(one.expect("peer-away").await["peerId"], joined["peerId"]);
    for number in 1..=200 {
        one.send(json!({ "type": "message", "data": number, "id": number }))
            .await;
        let ack = one.expect("ack").await;
        assert_eq!(
            (&ack["id"], &ack["delivered"], &ack["queued"]),
            (&json!(number), &json!(0), &json!(1))
        );
    }
    let mut back = Wire::resume(&link.url(), "tea", &joined["resumeToken"], 2).await;
    let resumed = back.expect("resumed").await;
    assert_eq!(
        (&resumed["peerId"], &resumed["replayed"]),
        (&joined["peerId"], &json!(200))
    );
    one.expect("peer-back").await;
    one.send(json!({ "type": "message", "data": 201 })).await;
    for number in 1..=201 {
        assert_eq!(back.expect("message").await["data"], number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_half_open_socket_is_taken_over_and_told_so() {
    let server = Server::start().await;
    let link = Link::to(server.address()).await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, joined) = Wire::join(&link.url(), "tea").await;
    one.expect("peer-joined").await;
    link.hold();
    one.send(json!({ "type": "message", "data": "into the dark", "id": 1 }))
        .await;
    assert_eq!(
        one.expect("ack").await["delivered"],
        1,
        "to the server it still looks alive"
    );
    let mut back = Wire::resume(&server.url(), "tea", &joined["resumeToken"], 1).await;
    assert_eq!(back.expect("resumed").await["replayed"], 1);
    back.expect("message").await;
    link.release();
    assert_eq!(two.closed().await, Some(4003));
    one.send(json!({ "type": "ping", "seq": 0 })).await;
    one.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_past_the_grace_period_there_is_a_plain_joined() {
    let server = Server::with(short_grace()).await;
    let link = Link::to(server.address()).await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (_two, joined) = Wire::join(&link.url(), "tea").await;
    one.expect("peer-joined").await;
    link.cut();
    one.expect("peer-away").await;
    assert_eq!(one.expect("peer-left").await["reason"], "timeout");
    let mut back = Wire::resume(&server.url(), "tea", &joined["resumeToken"], 1).await;
    assert_ne!(back.expect("joined").await["peerId"], joined["peerId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_drain_tells_everyone_and_ends() {
    let config = Config {
        linger: Duration::from_millis(300),
        ..Config::default()
    };
    let mut server = Server::with(config).await;
    let (mut seated, _) = Wire::join(&server.url(), "tea").await;
    let mut waiting = Wire::open(&server.url()).await;
    // One that never answers the close must not hold the server up.
    let link = Link::to(server.address()).await;
    let (_deaf, _) = Wire::join(&link.url(), "tea").await;
    link.hold();
    let told = async { tokio::join!(seated.closed(), waiting.closed()) };
    let (codes, ()) = timeout(PATIENCE, async { tokio::join!(told, server.drain()) })
        .await
        .expect("it ends");
    assert_eq!(codes, (Some(1001), Some(1001)));
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_a_room_hears_its_messages_in_one_order() {
    let server = Server::start().await;
    let mut wires = Vec::new();
    for size in 0..4 {
        let (wire, joined) = Wire::join(&server.url(), "tea").await;
        assert_eq!(joined["peers"].as_array().map(Vec::len), Some(size));
        wires.push((wire, joined["peerId"].clone()));
    }
    for number in 0..50 {
        for (wire, _) in &mut wires {
            wire.send(json!({ "type": "candidate", "candidate": number })).await;
        }
    }
    let mut trails = Vec::new();
    for (wire, _) in &mut wires {
        let mut heard: Vec<(Value, Value)> = Vec::new();
        while heard.len() < 150 {
            let message = wire.next().await;
            if message["type"] == "candidate" {
                heard.push((message["from"].clone(), message["candidate"].clone()));
            }
        }
        trails.push(heard);
    }
    // Without its own messages, what one hears is what another one hears.
    let without = |trail: &[(Value, Value)], own: [&Value; 2]| -> Vec<(Value, Value)> {
        trail.iter().filter(|(from, _)| !own.contains(&from)).cloned().collect()
    };
    let own = [&wires[0].1, &wires[1].1];
    assert_eq!(without(&trails[0], own), without(&trails[1], own));
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_what_is_said_before_a_close_is_answered_before_it() {
    let server = Server::start().await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, status) = Raw::upgrade(server.address(), Ipv4Addr::LOCALHOST.into(), "")
        .await
        .expect("a connection");
    assert_eq!(status, 101);
    two.text(r#"{"type":"join","roomId":"tea"}"#).await.expect("open");
    let (_, joined) = two.frame().await.expect("an answer");
    let joined: Value = serde_json::from_slice(&joined).expect("JSON");
    assert_eq!(joined["type"], "joined");
    // In one write, and nothing more is said.
    let texts = [r#"{"type":"message","data":7,"id":1}"#, r#"{"type":"leave","id":2}"#];
    let mut all = texts.map(|text| frame(0x81, true, text.as_bytes())).concat();
    all.extend(frame(0x88, true, &1000_u16.to_be_bytes()));
    two.write(&all).await.expect("open");
    let mut heard = Vec::new();
    while let (1, text) = two.frame().await.expect("the close comes first") {
        let text: Value = serde_json::from_slice(&text).expect("JSON");
        heard.push(format!("{} {}", text["type"], text["id"]));
    }
    assert_eq!(heard, [r#""ack" 1"#, r#""ack" 2"#, r#""left" null"#]);
    two.ended().await;
    one.expect("peer-joined").await;
    assert_eq!(one.expect("message").await["data"], 7);
    assert_eq!(one.expect("peer-left").await["reason"], "left");
}
