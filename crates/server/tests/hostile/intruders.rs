//! Those who want what is not theirs: a seat, a room, a moderator's place (rules G1, K1 to K4, R6).

use super::config;
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_testkit::{Server, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn r6_guessing_tokens_gives_nobody_anothers_seat() {
    let server = Server::with(config(Limits {
        joins: (100_000, 100_000),
        ..Limits::default()
    }))
    .await;
    let mut owner = Wire::open(&server.url()).await;
    owner
        .send(json!({ "type": "join", "roomId": "tea", "capacity": 1 }))
        .await;
    let joined = owner.expect("joined").await;
    let token = joined["resumeToken"].as_str().expect("a token").to_owned();
    let mut wrong = vec![
        json!(""),
        json!("x"),
        joined["peerId"].clone(),
        json!(token.to_uppercase() + "x"),
    ];
    // All that differ from it in one place.
    for at in 0..token.len() {
        let mut near = token.clone().into_bytes();
        near[at] = if near[at] == b'A' { b'B' } else { b'A' };
        wrong.push(json!(String::from_utf8(near).expect("letters")));
        wrong.push(json!(token[..at]));
    }
    let mut thief = Wire::open(&server.url()).await;
    for guess in &wrong {
        let resume = json!({ "token": guess, "seq": 1 });
        thief
            .send(json!({ "type": "join", "roomId": "tea", "resume": resume }))
            .await;
        thief.expect("full").await;
    }
    // The right one, elsewhere.
    let resume = json!({ "token": token, "seq": 1 });
    thief
        .send(json!({ "type": "join", "roomId": "coffee", "resume": resume }))
        .await;
    assert_ne!(thief.expect("joined").await["peerId"], joined["peerId"]);
    owner.send(json!({ "type": "ping", "seq": 1, "id": 1 })).await;
    owner.expect("pong").await;
    owner.expect("ack").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn k1_whoever_moderates_nothing_commands_nobody() {
    let server = Server::start().await;
    let (mut host, first) = Wire::join(&server.url(), "tea").await;
    let (mut guest, second) = Wire::join(&server.url(), "tea").await;
    let (mut other, third) = Wire::join(&server.url(), "tea").await;
    host.expect("peer-joined").await;
    host.expect("peer-joined").await;
    guest.expect("peer-joined").await;
    let mut id = 0;
    for (command, peers) in [
        (
            "kick",
            vec![&first["peerId"], &second["peerId"], &third["peerId"], &json!("nobody")],
        ),
        ("admit", vec![&first["peerId"], &json!("nobody")]),
        ("deny", vec![&first["peerId"], &json!("nobody")]),
        ("lock", vec![&Value::Null]),
        ("unlock", vec![&Value::Null]),
        ("end", vec![&Value::Null]),
        ("mute", vec![&first["peerId"]]),
    ] {
        for peer in peers {
            id += 1;
            guest
                .send(json!({ "type": command, "id": id, "peerId": peer, "to": peer, "kind": "audio" }))
                .await;
            let error = guest.expect("error").await;
            assert_eq!(
                (&error["code"], &error["id"]),
                (&json!("forbidden"), &json!(id)),
                "{command} {peer}"
            );
        }
    }
    other.send(json!({ "type": "message", "data": "still here" })).await;
    assert_eq!(host.expect("message").await["data"], "still here");
    assert_eq!(guest.expect("message").await["data"], "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn k4_a_crowd_at_the_door_is_bounded_and_hurts_nobody_inside() {
    let server = Server::with(config(Limits {
        waiting_per_room: 5,
        joins: (100_000, 100_000),
        ..Limits::default()
    }))
    .await;
    let mut host = Wire::open(&server.url()).await;
    host.send(json!({ "type": "join", "roomId": "tea", "lobby": true }))
        .await;
    host.expect("joined").await;
    let mut crowd = Vec::new();
    for number in 0..20 {
        let mut wire = Wire::open(&server.url()).await;
        wire.send(json!({ "type": "join", "roomId": "tea", "name": "x".repeat(128) }))
            .await;
        if number < 5 {
            wire.expect("waiting").await;
            host.expect("knock").await;
            crowd.push(wire);
        } else {
            wire.expect("full").await;
        }
    }
    // They may knock and go as often as they like: it is their own rate.
    let mut waiting = crowd.pop().expect("one who waits");
    for message in [
        json!({ "type": "message", "data": 0 }),
        json!({ "type": "lock" }),
        json!({ "type": "admit", "peerId": "x" }),
    ] {
        waiting.send(message).await;
        assert_eq!(waiting.expect("error").await["code"], "not-joined");
    }
    drop((waiting, crowd));
    let mut friend = Wire::open(&server.url()).await;
    let knock = loop {
        friend.send(json!({ "type": "join", "roomId": "tea" })).await;
        if friend.next().await["type"] == "waiting" {
            break loop {
                let heard = host.next().await;
                if heard["type"] == "knock" {
                    break heard;
                }
            };
        }
    };
    host.send(json!({ "type": "admit", "peerId": knock["peerId"] })).await;
    friend.expect("joined").await;
}
