//! Who sits where, who hears what, and what is answered (rules J, M, A, K and R of PROTOCOL.md).

use super::Server;
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::Wire;

/// The next message of this type, whatever else comes before.
async fn next(wire: &mut Wire, kind: &str) -> Value {
    loop {
        let message = wire.next().await;
        if message["type"] == kind {
            return message;
        }
    }
}

async fn ask(wire: &mut Wire, frame: Value) -> Value {
    wire.send(frame).await;
    loop {
        let message = wire.next().await;
        if message["type"] == "ack" || message["type"] == "error" {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_the_first_one_moderates_and_the_next_ones_find_who_was_there() {
    let server = Server::start().await;
    let mut one = Wire::open(&server.url()).await;
    one.send(json!({ "type": "join", "roomId": "tea", "identity": "ann", "name": "Ann", "id": 7 }))
        .await;
    let first = one.expect("joined").await;
    assert_eq!(one.expect("ack").await["id"], 7);
    assert_eq!(
        (&first["role"], &first["identity"], &first["peers"], &first["seq"]),
        (&json!("moderator"), &json!("ann"), &json!([]), &json!(1))
    );
    let (mut two, second) = Wire::join(&server.url(), "tea").await;
    assert_eq!(second["role"], "member");
    assert_eq!(second["identity"], second["peerId"], "rule J2");
    assert_eq!(second["peers"][0]["peerId"], first["peerId"]);
    assert_eq!(second["peers"][0]["name"], "Ann");
    let (_three, third) = Wire::join(&server.url(), "tea").await;
    let peers = third["peers"].as_array().expect("a list");
    let ids: Vec<&Value> = peers.iter().map(|peer| &peer["peerId"]).collect();
    assert_eq!(ids, [&first["peerId"], &second["peerId"]]);
    assert_eq!(one.expect("peer-joined").await["peerId"], second["peerId"]);
    assert_eq!(one.expect("peer-joined").await["peerId"], third["peerId"]);
    assert_eq!(two.expect("peer-joined").await["peerId"], third["peerId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn j3_j4_a_room_of_two_is_ready_then_full_and_free_again() {
    let server = Server::start().await;
    let mut one = Wire::open(&server.url()).await;
    one.send(json!({ "type": "join", "roomId": "tea", "capacity": 2 }))
        .await;
    assert_eq!(one.expect("joined").await["capacity"], 2);
    let (mut two, _) = Wire::join(&server.url(), "tea").await;
    assert_eq!(two.expect("ready").await["isInitiator"], true);
    one.expect("peer-joined").await;
    assert_eq!(one.expect("ready").await["isInitiator"], false);
    let mut three = Wire::open(&server.url()).await;
    three.send(json!({ "type": "join", "roomId": "tea", "id": 1 })).await;
    assert_eq!(three.expect("full").await["capacity"], 2);
    assert_eq!(three.expect("error").await["code"], "room-full");
    two.send(json!({ "type": "leave", "id": 1 })).await;
    two.expect("ack").await;
    two.expect("left").await;
    assert_eq!(one.expect("peer-left").await["reason"], "left");
    three.send(json!({ "type": "join", "roomId": "tea" })).await;
    three.expect("joined").await;
    // The one who left is at the door, and may go elsewhere (rule J7).
    two.send(json!({ "type": "join", "roomId": "coffee" })).await;
    assert_eq!(two.expect("joined").await["role"], "moderator");
}

#[tokio::test(flavor = "multi_thread")]
async fn j8_with_its_last_seat_a_room_is_gone() {
    let server = Server::start().await;
    for _ in 0..3 {
        let mut one = Wire::open(&server.url()).await;
        one.send(json!({ "type": "join", "roomId": "tea", "capacity": 1 }))
            .await;
        let joined = one.expect("joined").await;
        assert_eq!((&joined["role"], &joined["capacity"]), (&json!("moderator"), &json!(1)));
        one.send(json!({ "type": "leave" })).await;
        one.expect("left").await;
    }
    let (_one, joined) = Wire::join(&server.url(), "tea").await;
    assert_ne!(joined["capacity"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_m3_a_message_for_one_reaches_that_one_and_no_room_sees_another() {
    let server = Server::start().await;
    let (mut one, first) = Wire::join(&server.url(), "tea").await;
    let (mut two, second) = Wire::join(&server.url(), "tea").await;
    let (mut three, _) = Wire::join(&server.url(), "tea").await;
    let (mut other, elsewhere) = Wire::join(&server.url(), "coffee").await;
    let offer = json!({ "type": "offer", "sdp": "v=0", "to": second["peerId"], "from": "forged", "id": 1 });
    assert_eq!(ask(&mut one, offer).await["delivered"], 1);
    let heard = next(&mut two, "offer").await;
    assert_eq!((&heard["from"], &heard["sdp"]), (&first["peerId"], &json!("v=0")));
    let mut id = 1;
    for to in [&elsewhere["peerId"], &first["peerId"], &json!("nobody")] {
        id += 1;
        let error = ask(
            &mut one,
            json!({ "type": "candidate", "candidate": 0, "to": to, "id": id }),
        )
        .await;
        assert_eq!(error["code"], "no-such-peer");
    }
    assert_eq!(
        ask(&mut one, json!({ "type": "message", "data": "all", "id": 9 })).await["delivered"],
        2
    );
    assert_eq!(next(&mut two, "message").await["data"], "all");
    assert_eq!(three.expect("message").await["data"], "all");
    other.send(json!({ "type": "ping", "seq": 1 })).await;
    other.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m4_m5_who_is_muted_is_known_to_newcomers_and_only_a_moderator_may_ask() {
    let server = Server::start().await;
    let (mut chair, first) = Wire::join(&server.url(), "tea").await;
    let (mut two, second) = Wire::join(&server.url(), "tea").await;
    ask(&mut two, json!({ "type": "mute", "kind": "video", "id": 1 })).await;
    assert_eq!(next(&mut chair, "mute").await["from"], second["peerId"]);
    let (_three, third) = Wire::join(&server.url(), "tea").await;
    assert_eq!(third["peers"][1]["muted"], json!(["video"]));
    let wish = json!({ "type": "mute", "kind": "audio", "to": first["peerId"], "id": 2 });
    assert_eq!(ask(&mut two, wish).await["code"], "forbidden");
    let wish = json!({ "type": "mute", "kind": "audio", "to": second["peerId"], "id": 1 });
    assert_eq!(ask(&mut chair, wish).await["delivered"], 1);
    assert_eq!(next(&mut two, "mute").await["to"], second["peerId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_what_was_answered_is_answered_again_and_done_once() {
    let server = Server::start().await;
    let (mut one, joined) = Wire::join(&server.url(), "tea").await;
    let (mut two, _) = Wire::join(&server.url(), "tea").await;
    one.expect("peer-joined").await;
    let done = ask(&mut one, json!({ "type": "message", "data": "once", "id": 1 })).await;
    let refused = ask(&mut one, json!({ "type": "offer", "sdp": "", "to": "nobody", "id": 2 })).await;
    drop(one);
    two.expect("message").await;
    two.expect("peer-away").await;
    let mut one = Wire::resume(&server.url(), "tea", &joined["resumeToken"], 2).await;
    one.expect("resumed").await;
    two.expect("peer-back").await;
    assert_eq!(
        ask(&mut one, json!({ "type": "message", "data": "once", "id": 1 })).await,
        done
    );
    assert_eq!(
        ask(&mut one, json!({ "type": "message", "data": "again", "id": 2 })).await,
        refused
    );
    ask(&mut one, json!({ "type": "message", "data": "end", "id": 3 })).await;
    assert_eq!(two.expect("message").await["data"], "end");
    // One that was not handled yet may come late.
    ask(&mut one, json!({ "type": "message", "data": "ten", "id": 10 })).await;
    ask(&mut one, json!({ "type": "message", "data": "nine", "id": 9 })).await;
    assert_eq!(two.expect("message").await["data"], "ten");
    assert_eq!(two.expect("message").await["data"], "nine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_the_last_outcomes_are_remembered_and_those_before_are_refused() {
    let limits = Limits {
        messages: (100_000, 100_000),
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let server = Server::with(config).await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    for id in 1..=1030 {
        one.send(json!({ "type": "message", "data": id, "id": id })).await;
    }
    for id in 1..=1030 {
        assert_eq!(one.expect("ack").await["id"], id);
    }
    assert_eq!(
        ask(&mut one, json!({ "type": "message", "data": 0, "id": 6 })).await["code"],
        "bad-message"
    );
    assert_eq!(
        ask(&mut one, json!({ "type": "message", "data": 0, "id": 7 })).await["type"],
        "ack"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_spent_token_is_good_until_the_next_one_is_proven() {
    let server = Server::start().await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (two, joined) = Wire::join(&server.url(), "tea").await;
    drop(two);
    let mut lost = Wire::resume(&server.url(), "tea", &joined["resumeToken"], 1).await;
    lost.expect("resumed").await;
    // Its `resumed` never arrived, says the client.
    let mut again = Wire::resume(&server.url(), "tea", &joined["resumeToken"], 1).await;
    let resumed = again.expect("resumed").await;
    assert_eq!(lost.closed().await, Some(4003));
    again.send(json!({ "type": "ping", "seq": 1 })).await;
    again.expect("pong").await;
    let mut thief = Wire::resume(&server.url(), "tea", &joined["resumeToken"], 1).await;
    assert_ne!(thief.expect("joined").await["peerId"], joined["peerId"]);
    let mut owner = Wire::resume(&server.url(), "tea", &resumed["resumeToken"], 1).await;
    assert_eq!(next(&mut owner, "resumed").await["peerId"], joined["peerId"]);
    one.send(json!({ "type": "ping", "seq": 1 })).await;
    next(&mut one, "pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_what_cannot_be_continued_is_a_fresh_seat() {
    let server = Server::start().await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    for (room, seq, acknowledged) in [("tea", 99, 1), ("tea", 1, 2), ("coffee", 1, 1)] {
        let (mut two, joined) = Wire::join(&server.url(), "tea").await;
        next(&mut one, "peer-joined").await;
        one.send(json!({ "type": "message", "data": 0 })).await;
        two.expect("message").await;
        two.send(json!({ "type": "ping", "seq": acknowledged })).await;
        two.expect("pong").await;
        let mut back = Wire::resume(&server.url(), room, &joined["resumeToken"], seq).await;
        assert_ne!(back.expect("joined").await["peerId"], joined["peerId"], "{room} {seq}");
        if room == "tea" {
            // The old seat is gone, and the new one sits beside the first.
            assert_eq!(next(&mut one, "peer-left").await["peerId"], joined["peerId"]);
            next(&mut one, "peer-joined").await;
            back.send(json!({ "type": "leave" })).await;
            back.expect("left").await;
            next(&mut one, "peer-left").await;
        } else {
            two.send(json!({ "type": "leave" })).await;
            two.expect("left").await;
            next(&mut one, "peer-left").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k_a_lobby_a_lock_a_kick_and_an_end() {
    let server = Server::start().await;
    let mut chair = Wire::open(&server.url()).await;
    chair
        .send(json!({ "type": "join", "roomId": "tea", "lobby": true }))
        .await;
    chair.expect("joined").await;
    let mut seats = Vec::new();
    for (id, verdict) in [(1, "admit"), (2, "deny")] {
        let mut guest = Wire::open(&server.url()).await;
        guest
            .send(json!({ "type": "join", "roomId": "tea", "name": "Bo" }))
            .await;
        let waiting = guest.expect("waiting").await;
        let knock = next(&mut chair, "knock").await;
        assert_eq!((&knock["peerId"], &knock["name"]), (&waiting["peerId"], &json!("Bo")));
        guest.send(json!({ "type": "message", "data": 0, "id": 1 })).await;
        assert_eq!(guest.expect("error").await["code"], "not-joined");
        let answer = ask(
            &mut chair,
            json!({ "type": verdict, "peerId": knock["peerId"], "id": id }),
        )
        .await;
        assert_eq!(answer["type"], "ack", "{answer}");
        if verdict == "admit" {
            assert_eq!(guest.expect("joined").await["peerId"], knock["peerId"]);
            seats.push((guest, knock["peerId"].clone()));
        } else {
            guest.expect("denied").await;
        }
    }
    let (mut guest, peer) = seats.remove(0);
    assert_eq!(
        ask(&mut guest, json!({ "type": "lock", "id": 1 })).await["code"],
        "forbidden"
    );
    assert_eq!(
        ask(&mut chair, json!({ "type": "lock", "id": 3 })).await["delivered"],
        1
    );
    next(&mut guest, "lock").await;
    let mut late = Wire::open(&server.url()).await;
    late.send(json!({ "type": "join", "roomId": "tea", "id": 1 })).await;
    late.expect("locked").await;
    assert_eq!(late.expect("error").await["code"], "room-locked");
    ask(&mut chair, json!({ "type": "kick", "peerId": peer, "id": 4 })).await;
    next(&mut guest, "kicked").await;
    assert_eq!(guest.closed().await, Some(4001));
    ask(&mut chair, json!({ "type": "end", "reason": "supper", "id": 5 })).await;
    assert_eq!(next(&mut chair, "ended").await["reason"], "supper");
    assert_eq!(chair.closed().await, Some(4002));
    let (_one, joined) = Wire::join(&server.url(), "tea").await;
    assert_eq!(joined["locked"], false);
}
