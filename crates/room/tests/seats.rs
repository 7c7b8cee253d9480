//! Joining, leaving, who hears of it, and what is left behind. The letters are the rules of PROTOCOL.md.

mod support;

use serde_json::json;
use snug_protocol::{CloseCode, Limits};
use snug_room::{Input, Point};
use std::time::Duration;
use support::{Sim, types};

#[test]
fn j1_the_first_one_in_makes_the_room_and_moderates_it() {
    let mut sim = Sim::new();
    let (_, first) = sim.join("tea");
    let (_, second) = sim.join("tea");
    assert_eq!(first["role"], "moderator");
    assert_eq!(second["role"], "member");
    assert_eq!(first["peers"], json!([]));
    assert_eq!(second["peers"][0]["peerId"], first["peerId"]);
    assert_eq!(second["peers"][0]["role"], "moderator");
    assert_eq!(first["protocol"], 1);
    assert_eq!(first["topology"], "mesh");
    assert_eq!(first["graceMs"], 30_000);
    assert_eq!(first["seq"], 1);
}

#[test]
fn j2_the_identity_is_the_peer_id_unless_the_client_has_one() {
    let mut sim = Sim::new();
    let (one, joined) = sim.join("tea");
    assert_eq!(joined["identity"], joined["peerId"]);
    assert!(joined.get("name").is_none());
    let ada = json!({ "type": "join", "roomId": "tea", "identity": "ada", "name": "Ada" });
    let (_, first) = sim.join_as(ada.clone());
    let (_, second) = sim.join_as(ada);
    assert_eq!(
        (&first["identity"], &second["identity"]),
        (&json!("ada"), &json!("ada"))
    );
    assert_ne!(
        first["peerId"], second["peerId"],
        "one identity may sit in the room twice"
    );
    let heard = sim.take(one);
    assert_eq!(types(&heard), ["peer-joined", "peer-joined"]);
    assert_eq!(heard[0]["name"], "Ada");
}

#[test]
fn j3_the_first_one_decides_the_capacity_and_a_full_room_leaves_the_socket_usable() {
    let mut sim = Sim::new();
    let (one, joined) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 1 }));
    assert_eq!(joined["capacity"], 1);
    let two = sim.open();
    let ask = json!({ "type": "join", "roomId": "tea", "capacity": 9 });
    assert_eq!(
        sim.ask(two, ask),
        [json!({ "type": "full", "roomId": "tea", "capacity": 1 })]
    );
    let answers = sim.ask(two, json!({ "type": "join", "roomId": "tea", "id": 4 }));
    assert_eq!(types(&answers), ["full", "error"]);
    assert_eq!(
        (&answers[1]["id"], &answers[1]["code"]),
        (&json!(4), &json!("room-full"))
    );
    assert_eq!(
        types(&sim.ask(two, json!({ "type": "join", "roomId": "coffee" }))),
        ["joined"]
    );
    assert!(sim.take(one).is_empty(), "nobody hears of one who did not get in");
}

#[test]
fn j3_a_capacity_above_the_servers_limit_is_cut_to_it() {
    let mut sim = Sim::with(Limits {
        peers_per_room: 5,
        ..Limits::default()
    });
    let (_, joined) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 500 }));
    assert_eq!(joined["capacity"], 5);
    let (_, joined) = sim.join("coffee");
    assert_eq!(joined["capacity"], 5);
}

#[test]
fn j4_two_seats_are_told_when_they_are_two_and_the_later_one_initiates() {
    let mut sim = Sim::new();
    let (one, _) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 2 }));
    assert!(sim.take(one).is_empty());
    let (two, _) = sim.join("tea");
    assert_eq!(sim.take(two), [json!({ "type": "ready", "isInitiator": true })]);
    let heard = sim.take(one);
    assert_eq!(types(&heard), ["peer-joined", "ready"]);
    assert_eq!(heard[1]["isInitiator"], false);
    sim.say(one, json!({ "type": "leave" }));
    sim.take(two);
    let (three, _) = sim.join("tea");
    assert_eq!(sim.types(three), ["ready"], "again, with the next one");
    assert_eq!(sim.types(two), ["peer-joined", "ready"]);
}

#[test]
fn j4_larger_rooms_are_never_ready() {
    let mut sim = Sim::new();
    let (one, _) = sim.join("tea");
    let (two, _) = sim.join("tea");
    assert_eq!(sim.types(one), ["peer-joined"]);
    assert!(sim.take(two).is_empty());
}

#[test]
fn j5_wrong_fields_are_told_and_the_socket_stays_usable() {
    let long = "x".repeat(129);
    let mut sim = Sim::new();
    let socket = sim.open();
    for join in [
        json!({ "type": "join", "roomId": "" }),
        json!({ "type": "join", "roomId": long }),
        json!({ "type": "join", "roomId": "tea", "identity": "" }),
        json!({ "type": "join", "roomId": "tea", "identity": long }),
        json!({ "type": "join", "roomId": "tea", "name": long }),
        json!({ "type": "join", "roomId": "tea", "capacity": 0 }),
    ] {
        let answers = sim.ask(socket, join.clone());
        assert_eq!(types(&answers), ["error"], "{join}");
        assert_eq!(answers[0]["code"], "bad-message", "{join}");
    }
    let limit = "茶".repeat(128);
    assert_eq!(
        types(&sim.ask(socket, json!({ "type": "join", "roomId": limit }))),
        ["joined"],
        "characters, not bytes"
    );
    assert_eq!(
        sim.ask(socket, json!({ "type": "join", "roomId": "tea" }))[0]["code"],
        "bad-message",
        "seated already"
    );
}

#[test]
fn j6_before_a_join_only_join_and_ping_are_heard() {
    let mut sim = Sim::new();
    let socket = sim.open();
    for message in [
        json!({ "type": "leave" }),
        json!({ "type": "offer", "sdp": "" }),
        json!({ "type": "answer", "sdp": "" }),
        json!({ "type": "candidate", "candidate": null }),
        json!({ "type": "message", "data": 1 }),
        json!({ "type": "mute", "kind": "audio" }),
        json!({ "type": "unmute", "kind": "audio" }),
    ] {
        assert_eq!(sim.ask(socket, message.clone())[0]["code"], "not-joined", "{message}");
    }
    assert_eq!(
        sim.ask(socket, json!({ "type": "ping", "seq": 0 })),
        [json!({ "type": "pong", "seq": 0 })]
    );
    assert_eq!(
        types(&sim.ask(socket, json!({ "type": "join", "roomId": "tea" }))),
        ["joined"]
    );
}

#[test]
fn j7_one_who_leaves_is_told_and_gone_and_may_join_again() {
    let mut sim = Sim::new();
    let (one, _) = sim.join("tea");
    let (two, joined) = sim.join("tea");
    sim.take(one);
    assert_eq!(sim.ask(two, json!({ "type": "leave" })), [json!({ "type": "left" })]);
    assert_eq!(
        sim.take(one),
        [json!({ "type": "peer-left", "peerId": joined["peerId"], "identity": joined["identity"], "reason": "left" })]
    );
    assert_eq!(types(&sim.ask(two, json!({ "type": "leave" }))), ["error"]);
    assert_eq!(
        types(&sim.ask(two, json!({ "type": "join", "roomId": "tea" }))),
        ["joined"]
    );
    let late = sim.resume("tea", &joined["resumeToken"], 1);
    assert_eq!(sim.types(late), ["joined"], "a seat given up cannot be resumed");
}

#[test]
fn j8_an_empty_room_leaves_nothing_behind() {
    let mut sim = Sim::new();
    let (one, _) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 2 }));
    let (two, _) = sim.join("tea");
    sim.say(one, json!({ "type": "leave" }));
    sim.drop_socket(one);
    sim.drop_socket(two);
    assert_eq!(sim.rooms.counts(), (1, 1, 0), "the one away holds the room");
    sim.pass(Duration::from_secs(30));
    assert_eq!(sim.rooms.counts(), (0, 0, 0));
    assert_eq!(sim.rooms.deadline(), None);
    let (_, joined) = sim.join("tea");
    assert_eq!(
        (&joined["capacity"], &joined["role"]),
        (&json!(64), &json!("moderator")),
        "a new room"
    );
}

#[test]
fn l4_a_socket_that_does_not_join_is_closed() {
    let mut sim = Sim::new();
    let idle = sim.open();
    let (busy, _) = sim.join("tea");
    sim.pass(Duration::from_secs(5));
    sim.say(idle, json!({ "type": "ping", "seq": 0 }));
    sim.pass(Duration::from_millis(4_999));
    assert_eq!(sim.close_code(idle), None);
    sim.pass(Duration::from_millis(1));
    assert_eq!(sim.close_code(idle), Some(CloseCode::Idle), "a ping is no join");
    sim.say(busy, json!({ "type": "leave" }));
    sim.pass(Duration::from_secs(10));
    assert_eq!(
        sim.close_code(busy),
        Some(CloseCode::Idle),
        "one who left is at the door again"
    );
    assert_eq!(sim.rooms.counts(), (0, 0, 0));
}

#[test]
fn l3_joins_are_counted_by_address() {
    let mut sim = Sim::with(Limits {
        joins: (1, 2),
        ..Limits::default()
    });
    let join = json!({ "type": "join", "roomId": "tea" });
    let ask = |sim: &mut Sim, address| {
        let socket = sim.open_from(Some(address));
        let answers = sim.ask(socket, join.clone());
        answers[0]
            .get("code")
            .unwrap_or(&answers[0]["type"])
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(ask(&mut sim, "192.0.2.1"), "joined");
    assert_eq!(
        ask(&mut sim, "::ffff:192.0.2.1"),
        "joined",
        "IPv4 in IPv6's clothes is the same address"
    );
    assert_eq!(ask(&mut sim, "192.0.2.1"), "rate-limited");
    assert_eq!(ask(&mut sim, "192.0.2.2"), "joined", "nobody else pays for it");
    assert_eq!(ask(&mut sim, "2001:db8::1"), "joined");
    assert_eq!(ask(&mut sim, "2001:db8::2"), "joined");
    assert_eq!(ask(&mut sim, "2001:db8::3"), "rate-limited", "a subscriber's whole /64");
    sim.pass(Duration::from_secs(1));
    assert_eq!(ask(&mut sim, "192.0.2.1"), "joined");
}

#[test]
fn c1_a_drain_closes_everyone_and_lets_nobody_in() {
    let mut sim = Sim::new();
    let (seated, _) = sim.join("tea");
    let waiting = sim.open();
    sim.handle(Input::Drain);
    let late = sim.open();
    for socket in [seated, waiting, late] {
        assert_eq!(sim.close_code(socket), Some(CloseCode::Draining));
    }
    assert_eq!(sim.rooms.counts(), (0, 0, 0));
    assert_eq!(sim.rooms.deadline(), None);
}

#[test]
fn t1_a_join_with_a_join_id_leaves_its_trace() {
    let mut sim = Sim::new();
    let (_, joined) = sim.join_as(json!({ "type": "join", "roomId": "tea", "joinId": "j1" }));
    sim.join("tea");
    assert_eq!(
        sim.traces,
        [("j1".to_owned(), Point::Room), ("j1".to_owned(), Point::Store)]
    );
    let again = sim.open();
    let resume = json!({ "token": joined["resumeToken"], "seq": 1 });
    sim.say(
        again,
        json!({ "type": "join", "roomId": "tea", "joinId": "j2", "resume": resume }),
    );
    assert_eq!(
        sim.traces[2..],
        [("j2".to_owned(), Point::Room), ("j2".to_owned(), Point::Store)]
    );
}
