//! Several nodes on one Redis: what breaks, and what nobody may notice of it.
#![cfg(unix)]

#[path = "support/redis.rs"]
mod redis;

use redis::{Nodes, TwoNodes};
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_server::{Config, Secret};
use snug_testkit::{Link, PATIENCE, RedisServer, Server, Wire, WireEvent};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Nodes that notice each other's death soon.
fn quick() -> Config {
    Config {
        limits: Limits {
            heartbeat_ms: 1_500,
            messages: (100_000, 100_000),
            joins: (1_000, 1_000),
            ..Limits::default()
        },
        ..Config::default()
    }
}

/// Waits until it holds, within bounds.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}

/// The next message of this type; those of `ignored` types may come before.
async fn next(wire: &mut Wire, kind: &str, ignored: &[&str]) -> Value {
    loop {
        let message = wire.next().await;
        if message["type"] == kind {
            return message;
        }
        assert!(ignored.iter().any(|ignored| message["type"] == *ignored), "{message}");
    }
}

async fn say(wire: &mut Wire, id: u64, data: Value) {
    wire.send(json!({ "type": "message", "data": data, "id": id })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn j8_an_empty_room_leaves_no_key_behind() {
    let site = TwoNodes::with(quick()).await;
    for room in 0..20 {
        let room = format!("room {room}");
        let (mut one, _) = Wire::join(&site.url(), &room).await;
        let (mut two, _) = Wire::join(&site.url(), &room).await;
        one.expect("peer-joined").await;
        say(&mut one, 1, json!("hello")).await;
        one.expect("ack").await;
        two.expect("message").await;
        one.send(json!({ "type": "leave" })).await;
        one.expect("left").await;
        two.expect("peer-left").await;
        two.send(json!({ "type": "leave" })).await;
        next(&mut two, "left", &["role"]).await;
    }
    assert_eq!(site.redis.keys_of_rooms().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_session_resumes_elsewhere_before_anybody_notices_that_its_node_is_dead() {
    let mut site = TwoNodes::with(Config::default()).await;
    let (mut one, _) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (mut two, joined) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    say(&mut two, 1, json!("before")).await;
    let first = two.expect("ack").await;
    one.expect("message").await;
    site.nodes[1].kill().await;
    assert_eq!(two.closed().await, None);
    say(&mut one, 1, json!("meanwhile")).await;
    assert_eq!(one.expect("ack").await["delivered"], 1, "nobody knows yet");
    let mut two = Wire::resume(&site.nodes[0].url(), "tea", &joined["resumeToken"], 1).await;
    let resumed = two.expect("resumed").await;
    assert_eq!(
        (&resumed["peerId"], &resumed["replayed"]),
        (&joined["peerId"], &json!(1))
    );
    assert_eq!(two.expect("message").await["data"], "meanwhile");
    // What was answered on the dead node is answered the same way here, and not done again.
    say(&mut two, 1, json!("before")).await;
    assert_eq!(two.expect("ack").await, first);
    say(&mut two, 2, json!("after")).await;
    two.expect("ack").await;
    assert_eq!(
        one.expect("message").await["data"],
        "after",
        "the others hear nothing else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_the_seats_of_a_dead_node_are_away_and_return_on_another() {
    let mut site = Nodes::<3>::with(quick()).await;
    let (mut one, _) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (_lost, joined) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    site.nodes[1].kill().await;
    assert_eq!(one.expect("peer-away").await["peerId"], joined["peerId"]);
    say(&mut one, 1, json!("kept")).await;
    assert_eq!(one.expect("ack").await["queued"], 1);
    let mut back = Wire::resume(&site.nodes[2].url(), "tea", &joined["resumeToken"], 1).await;
    assert_eq!(back.expect("resumed").await["replayed"], 1);
    assert_eq!(back.expect("message").await["data"], "kept");
    assert_eq!(one.expect("peer-back").await["peerId"], joined["peerId"]);
    // Once, though two nodes look for the dead.
    say(&mut one, 2, json!("end")).await;
    one.expect("ack").await;
    back.expect("message").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_the_grace_of_a_seat_ends_on_any_node() {
    let mut config = quick();
    config.limits.grace_ms = 300;
    let mut site = TwoNodes::with(config).await;
    let (mut one, _) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (two, joined) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    drop(two);
    one.expect("peer-away").await;
    site.nodes[1].kill().await;
    let left = one.expect("peer-left").await;
    assert_eq!(
        (&left["peerId"], &left["reason"]),
        (&joined["peerId"], &json!("timeout"))
    );
    one.send(json!({ "type": "leave" })).await;
    one.expect("left").await;
    until("no keys", || async { site.redis.keys_of_rooms().await.is_empty() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m1_many_writers_on_many_nodes_are_heard_in_one_order_and_counted() {
    const WRITERS: usize = 9;
    const EACH: usize = 60;
    let site = Nodes::<3>::with(quick()).await;
    let mut wires = Vec::new();
    for _ in 0..WRITERS {
        wires.push(Wire::join(&site.url(), "tea").await);
    }
    // Half of what is said changes the room, so that commits are in each other's way.
    let talks = wires.into_iter().map(|(mut wire, joined)| {
        tokio::spawn(async move {
            for number in 0..EACH {
                let frame = match number % 4 {
                    0 => json!({ "type": "mute", "kind": "audio", "id": number + 1 }),
                    2 => json!({ "type": "unmute", "kind": "audio", "id": number + 1 }),
                    _ => json!({ "type": "message", "data": number, "id": number + 1 }),
                };
                wire.send(frame).await;
            }
            let (mut acks, mut heard) = (Vec::new(), Vec::new());
            while acks.len() < EACH || heard.len() < EACH * (WRITERS - 1) {
                let message = wire.next().await;
                match message["type"].as_str() {
                    Some("ack") => {
                        assert_eq!(message["delivered"], WRITERS - 1);
                        acks.push(message["id"].as_u64().expect("a number"));
                    }
                    Some("message" | "mute" | "unmute") => {
                        heard.push((
                            message["from"].clone(),
                            message["type"].clone(),
                            message["data"].clone(),
                        ));
                    }
                    Some("peer-joined") => {}
                    _ => panic!("{message}"),
                }
            }
            assert_eq!(acks, (1..=EACH as u64).collect::<Vec<_>>());
            (joined["peerId"].clone(), heard, wire)
        })
    });
    let mut trails = Vec::new();
    for talk in talks.collect::<Vec<_>>() {
        trails.push(talk.await.expect("a writer"));
    }
    for (peer, heard, _) in &trails {
        for (other, other_heard, _) in &trails {
            let without = |heard: &[(Value, Value, Value)]| {
                let others = heard.iter().filter(|(from, ..)| from != peer && from != other);
                others.cloned().collect::<Vec<_>>()
            };
            assert_eq!(without(heard), without(other_heard));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k1_moderators_act_across_nodes() {
    let site = TwoNodes::with(quick()).await;
    let mut chair = Wire::open(&site.nodes[0].url()).await;
    chair
        .send(json!({ "type": "join", "roomId": "tea", "lobby": true }))
        .await;
    chair.expect("joined").await;
    let mut guest = Wire::open(&site.nodes[1].url()).await;
    guest.send(json!({ "type": "join", "roomId": "tea" })).await;
    let waiting = guest.expect("waiting").await;
    let knock = chair.expect("knock").await;
    assert_eq!(waiting["peerId"], knock["peerId"]);
    chair
        .send(json!({ "type": "admit", "peerId": knock["peerId"], "id": 1 }))
        .await;
    let joined = guest.expect("joined").await;
    assert_eq!(joined["peerId"], knock["peerId"]);
    next(&mut chair, "ack", &["knock-gone", "peer-joined"]).await;
    say(&mut guest, 1, json!("hello")).await;
    assert_eq!(guest.expect("ack").await["delivered"], 1);
    assert_eq!(
        next(&mut chair, "message", &["knock-gone", "peer-joined"]).await["data"],
        "hello"
    );
    chair
        .send(json!({ "type": "kick", "peerId": knock["peerId"], "id": 2 }))
        .await;
    guest.expect("kicked").await;
    assert_eq!(guest.closed().await, Some(4001));
    next(&mut chair, "ack", &["peer-left"]).await;
    chair.send(json!({ "type": "end", "id": 3 })).await;
    next(&mut chair, "ended", &["ack", "peer-left"]).await;
    assert_eq!(chair.closed().await, Some(4002));
    assert_eq!(site.redis.keys_of_rooms().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_an_away_session_that_runs_over_ends_for_everyone() {
    let mut config = quick();
    config.limits.outbox = (20, 1024 * 1024);
    let site = TwoNodes::with(config).await;
    let (mut one, _) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (two, joined) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    drop(two);
    one.expect("peer-away").await;
    for number in 1..=20 {
        say(&mut one, number, json!(number)).await;
        assert_eq!(one.expect("ack").await["queued"], 1);
    }
    say(&mut one, 21, json!(21)).await;
    let ack = next(&mut one, "ack", &["peer-left"]).await;
    assert_eq!((&ack["delivered"], &ack["queued"]), (&json!(0), &json!(0)));
    let mut back = Wire::resume(&site.nodes[1].url(), "tea", &joined["resumeToken"], 1).await;
    assert_ne!(back.expect("joined").await["peerId"], joined["peerId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_a_live_session_that_acknowledges_nothing_goes_on() {
    let mut config = quick();
    config.limits.outbox = (20, 4_000);
    let site = TwoNodes::with(config).await;
    let (mut one, _) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (mut two, joined) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    for number in 1..=100 {
        say(&mut one, number, json!(["x".repeat(200), number])).await;
        assert_eq!(one.expect("ack").await["delivered"], 1);
        assert_eq!(two.expect("message").await["data"][1], number);
    }
    let kept: u32 = site
        .redis
        .ask(&format!(
            "XLEN snug:out:{}",
            joined["peerId"].as_str().expect("a peerId")
        ))
        .await
        .trim_start_matches(':')
        .parse()
        .expect("a number");
    assert!((5..=20).contains(&kept), "{kept}");
    drop(two);
    one.expect("peer-away").await;
    // Of what it lacks, the oldest are gone; so it gets another seat.
    let mut back = Wire::resume(&site.nodes[0].url(), "tea", &joined["resumeToken"], 2).await;
    assert_ne!(back.expect("joined").await["peerId"], joined["peerId"]);
}

/// A room that survives its store: what is said during an outage is refused, and what was said before is there after it.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_refuses_and_loses_nothing() {
    let mut store = RedisServer::durable().await;
    let mut config = quick();
    config.redis = Some(Secret::new(store.url()));
    config.limits.grace_ms = 2_000;
    let nodes = [Server::with(config.clone()).await, Server::with(config).await];
    for node in &nodes {
        redis::is_ready(node).await;
    }
    let (mut one, _) = Wire::join(&nodes[0].url(), "tea").await;
    let link = Link::to(nodes[1].address()).await;
    let (mut two, joined) = Wire::join(&link.url(), "tea").await;
    one.expect("peer-joined").await;
    let (mut three, _) = Wire::join(&nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    two.expect("peer-joined").await;
    say(&mut one, 1, json!("before")).await;
    one.expect("ack").await;
    two.expect("message").await;
    three.expect("message").await;
    store.kill();
    say(&mut one, 2, json!("in the outage")).await;
    let error = one.expect("error").await;
    assert_eq!((&error["code"], &error["id"]), (&json!("unavailable"), &json!(2)));
    assert!(error["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{error}");
    let mut late = Wire::open(&nodes[1].url()).await;
    late.send(json!({ "type": "join", "roomId": "tea", "id": 1 })).await;
    assert_eq!(late.expect("error").await["code"], "unavailable");
    // One goes while nobody can be told.
    link.cut();
    two.closed().await;
    store.restart().await;
    let mut id = 2;
    loop {
        say(&mut one, id, json!("after")).await;
        match next_answer(&mut one).await {
            answer if answer["type"] == "ack" => break,
            answer => assert_eq!(answer["code"], "unavailable", "{answer}"),
        }
        id += 1;
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(next(&mut three, "message", &["peer-away"]).await["data"], "after");
    let mut two = Wire::resume(&nodes[0].url(), "tea", &joined["resumeToken"], 3).await;
    let resumed = two.expect("resumed").await;
    assert_eq!(resumed["peerId"], joined["peerId"]);
    assert_eq!(
        next(&mut two, "message", &["peer-away", "peer-back"]).await["data"],
        "after"
    );
    late.send(json!({ "type": "join", "roomId": "tea", "id": 2 })).await;
    assert_eq!(late.expect("joined").await["peers"].as_array().map(Vec::len), Some(3));
}

/// The next `ack` or `error`.
async fn next_answer(wire: &mut Wire) -> Value {
    loop {
        let message = wire.next().await;
        if message["type"] == "ack" || message["type"] == "error" {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_everything_is_told_everything_anew() {
    let mut site = TwoNodes::with(quick()).await;
    let (mut one, first) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (mut two, second) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    site.redis.restart_empty().await;
    assert_eq!(one.closed().await, Some(1001));
    assert_eq!(two.closed().await, Some(1001));
    let mut one = rejoin(&site.nodes[0].url(), &first).await;
    let mut two = rejoin(&site.nodes[1].url(), &second).await;
    one.expect("peer-joined").await;
    say(&mut two, 1, json!("again")).await;
    assert_eq!(two.expect("ack").await["delivered"], 1);
    assert_eq!(one.expect("message").await["data"], "again");
}

/// Resumes until a server can answer; there is nothing to resume.
async fn rejoin(url: &str, joined: &Value) -> Wire {
    loop {
        let mut wire = Wire::resume(url, "tea", &joined["resumeToken"], 1).await;
        match wire.event().await {
            WireEvent::Message(message) if message["type"] == "joined" => {
                assert_ne!(message["peerId"], joined["peerId"]);
                return wire;
            }
            WireEvent::Message(message) => assert_eq!(message["code"], "unavailable", "{message}"),
            WireEvent::Closed(_) => {}
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_an_outage_too() {
    let site = TwoNodes::with(Config {
        limits: Limits {
            heartbeat_ms: 60_000,
            ..quick().limits
        },
        ..Config::default()
    })
    .await;
    let (mut one, _) = Wire::join(&site.nodes[0].url(), "tea").await;
    let (mut two, _) = Wire::join(&site.nodes[1].url(), "tea").await;
    one.expect("peer-joined").await;
    site.redis.hold();
    say(&mut one, 1, json!("is it done?")).await;
    let error = one.expect("error").await;
    assert_eq!(error["code"], "unavailable");
    site.redis.release();
    // It was done, or not; sent again under its id, it is done once.
    loop {
        say(&mut one, 1, json!("is it done?")).await;
        let answer = next_answer(&mut one).await;
        if answer["type"] == "ack" {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    say(&mut one, 2, json!("end")).await;
    assert_eq!(next_answer(&mut one).await["type"], "ack");
    let mut heard = BTreeMap::new();
    loop {
        let message = two.expect("message").await;
        *heard.entry(message["data"].as_str().map(str::to_owned)).or_insert(0) += 1;
        if message["data"] == "end" {
            break;
        }
    }
    assert_eq!(heard[&Some("is it done?".to_owned())], 1);
}
