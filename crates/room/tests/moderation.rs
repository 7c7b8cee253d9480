//! Who keeps order, and how. The letters are the rules of PROTOCOL.md.

mod support;

use serde_json::{Value, json};
use snug_protocol::{CloseCode, Limits};
use snug_room::{Grant, Rights, SocketId};
use std::time::Duration;
use support::{Sim, types};

/// Three in a room, the first of them its moderator, and nothing unread.
fn three() -> (Sim, [(SocketId, Value); 3]) {
    let mut sim = Sim::new();
    let people = [sim.join("tea"), sim.join("tea"), sim.join("tea")];
    for (socket, _) in &people {
        sim.take(*socket);
    }
    (sim, people)
}

fn lobby() -> (Sim, SocketId) {
    lobby_with(Limits::default())
}

fn lobby_with(limits: Limits) -> (Sim, SocketId) {
    let mut sim = Sim::with(limits);
    let (host, _) = sim.join_as(json!({ "type": "join", "roomId": "tea", "lobby": true }));
    (sim, host)
}

/// Somebody asks to be let in.
fn knock(sim: &mut Sim, name: &str) -> (SocketId, Value) {
    let socket = sim.open();
    let heard = sim.ask(socket, json!({ "type": "join", "roomId": "tea", "name": name }));
    assert_eq!(types(&heard), ["waiting"]);
    (socket, heard[0]["peerId"].clone())
}

fn moderator() -> Grant {
    Grant {
        identity: None,
        name: None,
        moderator: true,
        rights: Rights::ALL,
    }
}

#[test]
fn what_is_a_moderators_is_forbidden_to_members() {
    let (mut sim, [_, (two, _), (_, third)]) = three();
    let peer = &third["peerId"];
    for (at, verb) in [
        json!({ "type": "kick", "peerId": peer }),
        json!({ "type": "lock" }),
        json!({ "type": "unlock" }),
        json!({ "type": "admit", "peerId": peer }),
        json!({ "type": "deny", "peerId": peer }),
        json!({ "type": "end" }),
        json!({ "type": "mute", "kind": "audio", "to": peer }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut verb = verb;
        verb["id"] = json!(at + 1);
        let heard = sim.ask(two, verb.clone());
        assert_eq!(
            (types(&heard), &heard[0]["code"], &heard[0]["id"]),
            (vec!["error"], &json!("forbidden"), &verb["id"])
        );
    }
    assert_eq!(sim.rooms.counts(), (1, 3, 3));
}

#[test]
fn every_verb_with_an_id_is_acknowledged_once_and_done_once() {
    let (mut sim, host) = lobby();
    let (_, ada) = knock(&mut sim, "Ada");
    let (_, eve) = knock(&mut sim, "Eve");
    for (at, verb) in [
        json!({ "type": "admit", "peerId": ada }),
        json!({ "type": "deny", "peerId": eve }),
        json!({ "type": "lock" }),
        json!({ "type": "unlock" }),
        json!({ "type": "publish", "trackId": "a", "kind": "audio" }),
        json!({ "type": "unpublish", "trackId": "a" }),
        json!({ "type": "subscribe", "trackId": "a", "from": ada }),
        json!({ "type": "kick", "peerId": ada }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut verb = verb;
        verb["id"] = json!(at + 1);
        let is_ack = |message: &&Value| message["type"] == "ack" || message["type"] == "error";
        let heard = sim.ask(host, verb.clone());
        let acks: Vec<Value> = heard.iter().filter(is_ack).cloned().collect();
        assert_eq!(acks.len(), 1, "{verb}: {heard:?}");
        assert_eq!(acks[0]["type"], "ack", "{verb}: {heard:?}");
        assert_eq!(sim.ask(host, verb), acks, "again, and nothing else");
    }
}

#[test]
fn k1_the_longest_seated_takes_over_from_the_last_moderator() {
    let (mut sim, [(one, _), (two, second), (three, third)]) = three();
    sim.drop_socket(two);
    sim.take(three);
    sim.say(one, json!({ "type": "leave" }));
    let heard = sim.take(three);
    assert_eq!(types(&heard), ["peer-left", "role"]);
    assert_eq!(
        heard[1],
        json!({ "type": "role", "peerId": third["peerId"], "role": "moderator" }),
        "the other one is away"
    );
    let back = sim.resume("tea", &second["resumeToken"], 2);
    let heard = sim.take(back);
    assert_eq!(types(&heard), ["resumed", "peer-left", "role"]);
    let (_, fourth) = sim.join("tea");
    assert_eq!(fourth["role"], "member");
    let roles: Vec<&Value> = fourth["peers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|peer| &peer["role"])
        .collect();
    assert_eq!(roles, ["member", "moderator"]);
    assert!(
        sim.ask(three, json!({ "type": "lock" })).is_empty(),
        "and may what a moderator may"
    );
}

#[test]
fn k1_a_moderator_who_is_away_is_one_still_and_the_last_ones_away_inherit_too() {
    let (mut sim, [(one, first), (two, second), (three, _)]) = three();
    sim.drop_socket(one);
    assert_eq!(sim.types(two), ["peer-away"]);
    let one = sim.resume("tea", &first["resumeToken"], 3);
    assert!(sim.ask(one, json!({ "type": "unlock" })).is_empty());
    sim.say(three, json!({ "type": "leave" }));
    sim.drop_socket(two);
    sim.say(one, json!({ "type": "leave" }));
    let two = sim.resume("tea", &second["resumeToken"], 2);
    let heard = sim.take(two);
    let role = heard.last().expect("something");
    assert_eq!((&role["type"], &role["peerId"]), (&json!("role"), &second["peerId"]));
}

#[test]
fn k1_nobody_is_promoted_among_those_who_came_with_tokens() {
    let mut sim = Sim::new();
    let join = json!({ "type": "join", "roomId": "tea" });
    let (one, _) = sim.join_with(moderator(), join.clone());
    let (two, _) = sim.join_with(
        Grant {
            moderator: false,
            ..moderator()
        },
        join,
    );
    sim.say(one, json!({ "type": "leave" }));
    assert_eq!(sim.types(two), ["peer-left"]);
}

#[test]
fn k2_who_is_kicked_is_told_closed_and_gone() {
    let (mut sim, [(one, _), (two, second), (three, _)]) = three();
    let heard = sim.ask(
        one,
        json!({ "type": "kick", "peerId": second["peerId"], "reason": "noise", "id": 1 }),
    );
    assert_eq!(types(&heard), ["peer-left", "ack"]);
    assert_eq!(
        (&heard[0]["reason"], &heard[1]["delivered"]),
        (&json!("kicked"), &json!(1))
    );
    assert_eq!(sim.take(two), [json!({ "type": "kicked", "reason": "noise" })]);
    assert_eq!(sim.close_code(two), Some(CloseCode::Kicked));
    assert_eq!(sim.types(three), ["peer-left"]);
    assert_eq!(
        sim.ask(one, json!({ "type": "kick", "peerId": second["peerId"] }))[0]["code"],
        "no-such-peer"
    );
}

#[test]
fn k2_oneself_and_strangers_cannot_be_kicked_nor_with_a_speech() {
    let (mut sim, [(one, first), (_, second), _]) = three();
    let (_, stranger) = sim.join("coffee");
    for peer in [&first["peerId"], &stranger["peerId"], &json!("nobody")] {
        assert_eq!(
            sim.ask(one, json!({ "type": "kick", "peerId": peer }))[0]["code"],
            "no-such-peer"
        );
    }
    let speech = json!({ "type": "kick", "peerId": second["peerId"], "reason": "x".repeat(129) });
    assert_eq!(sim.ask(one, speech)[0]["code"], "bad-message");
    assert_eq!(sim.rooms.counts(), (2, 4, 4));
}

#[test]
fn k2_who_was_away_when_kicked_learns_it_on_coming_back() {
    let (mut sim, [(one, _), (two, second), _]) = three();
    sim.drop_socket(two);
    sim.say(one, json!({ "type": "kick", "peerId": second["peerId"] }));
    let back = sim.resume("tea", &second["resumeToken"], 2);
    assert_eq!(sim.types(back), ["kicked"]);
    assert_eq!(sim.close_code(back), Some(CloseCode::Kicked));
    sim.pass(Duration::from_secs(31));
    let (late, _) = sim.join("tea");
    sim.drop_socket(late);
    sim.pass(Duration::from_secs(31));
    let back = sim.resume("tea", &second["resumeToken"], 2);
    assert_eq!(sim.types(back), ["joined"], "in the end it is forgotten");
}

#[test]
fn k3_a_locked_room_lets_nobody_in_but_those_who_have_a_seat() {
    let (mut sim, [(one, first), (two, second), _]) = three();
    assert_eq!(
        sim.ask(one, json!({ "type": "lock", "id": 1 })),
        [json!({ "type": "ack", "id": 1, "delivered": 2, "queued": 0 })]
    );
    assert_eq!(sim.take(two), [json!({ "type": "lock", "from": first["peerId"] })]);
    assert_eq!(
        sim.ask(one, json!({ "type": "lock", "id": 2 })),
        [json!({ "type": "ack", "id": 2, "delivered": 0, "queued": 0 })]
    );
    assert!(sim.take(two).is_empty());
    let late = sim.open();
    let join = json!({ "type": "join", "roomId": "tea" });
    assert_eq!(
        sim.ask(late, join.clone()),
        [json!({ "type": "locked", "roomId": "tea" })]
    );
    let heard = sim.ask(late, json!({ "type": "join", "roomId": "tea", "id": 1 }));
    assert_eq!(
        (types(&heard), &heard[1]["code"]),
        (vec!["locked", "error"], &json!("room-locked"))
    );
    sim.drop_socket(two);
    let back = sim.resume("tea", &second["resumeToken"], 3);
    assert_eq!(sim.types(back), ["resumed"]);
    let (_, heard) = sim.join_with(moderator(), join.clone());
    assert_eq!(
        (&heard[0]["type"], &heard[0]["locked"]),
        (&json!("joined"), &json!(true))
    );
    sim.take(back);
    sim.say(one, json!({ "type": "unlock" }));
    assert_eq!(sim.types(back), ["unlock"]);
    assert_eq!(types(&sim.ask(late, join)), ["joined"]);
}

#[test]
fn k4_in_a_room_with_a_lobby_one_waits_and_the_moderator_hears_it() {
    let (mut sim, host) = lobby();
    let socket = sim.open();
    let heard = sim.ask(
        socket,
        json!({ "type": "join", "roomId": "tea", "identity": "ada", "name": "Ada", "id": 9 }),
    );
    assert_eq!(types(&heard), ["waiting", "ack"]);
    assert_eq!(heard[0]["roomId"], "tea");
    assert_eq!(
        sim.take(host),
        [json!({ "type": "knock", "peerId": heard[0]["peerId"], "identity": "ada", "name": "Ada" })]
    );
    assert_eq!(sim.rooms.counts(), (1, 1, 2), "that is no seat");
    sim.pass(Duration::from_secs(3600));
    assert_eq!(sim.close_code(socket), None, "and no deadline stands at this door");
    assert_eq!(
        types(&sim.ask(socket, json!({ "type": "ping", "id": 1 }))),
        ["pong", "ack"]
    );
    for (message, code) in [
        (json!({ "type": "join", "roomId": "tea" }), "bad-message"),
        (json!({ "type": "message", "data": 1 }), "not-joined"),
        (json!({ "type": "admit", "peerId": heard[0]["peerId"] }), "not-joined"),
    ] {
        assert_eq!(sim.ask(socket, message)[0]["code"], code);
    }
    assert!(sim.take(host).is_empty());
}

#[test]
fn k4_one_who_stops_waiting_is_told_of() {
    let (mut sim, host) = lobby();
    let (ada, ada_id) = knock(&mut sim, "Ada");
    let (eve, eve_id) = knock(&mut sim, "Eve");
    sim.take(host);
    assert_eq!(
        types(&sim.ask(ada, json!({ "type": "leave", "id": 1 }))),
        ["ack", "left"]
    );
    assert_eq!(sim.take(host), [json!({ "type": "knock-gone", "peerId": ada_id })]);
    sim.drop_socket(eve);
    assert_eq!(sim.take(host), [json!({ "type": "knock-gone", "peerId": eve_id })]);
    assert_eq!(
        sim.ask(host, json!({ "type": "admit", "peerId": eve_id }))[0]["code"],
        "no-such-peer"
    );
    sim.pass(Duration::from_secs(10));
    assert_eq!(sim.close_code(ada), Some(CloseCode::Idle), "at the door again");
}

#[test]
fn k4_moderators_who_come_later_hear_who_waits() {
    let (mut sim, host) = lobby();
    let (ada, ada_id) = knock(&mut sim, "Ada");
    knock(&mut sim, "Eve");
    let (_, heard) = sim.join_with(moderator(), json!({ "type": "join", "roomId": "tea" }));
    assert_eq!(types(&heard), ["joined", "knock", "knock"], "and needs not wait");
    let (_, bob_id) = knock(&mut sim, "Bob");
    sim.say(host, json!({ "type": "admit", "peerId": ada_id }));
    sim.say(host, json!({ "type": "deny", "peerId": bob_id }));
    assert_eq!(sim.types(ada), ["joined"]);
}

#[test]
fn k4_the_one_who_inherits_the_room_hears_who_waits() {
    let (mut sim, host) = lobby();
    let (ada, ada_id) = knock(&mut sim, "Ada");
    sim.say(host, json!({ "type": "admit", "peerId": ada_id }));
    let (_, eve_id) = knock(&mut sim, "Eve");
    assert_eq!(sim.types(ada), ["joined"]);
    sim.say(host, json!({ "type": "leave" }));
    let heard = sim.take(ada);
    assert_eq!(types(&heard), ["peer-left", "role", "knock"]);
    assert_eq!(heard[2]["peerId"], eve_id);
}

#[test]
fn k4_a_moderator_who_is_away_hears_the_knock_on_coming_back() {
    let mut sim = Sim::new();
    let (host, joined) = sim.join_as(json!({ "type": "join", "roomId": "tea", "lobby": true }));
    sim.drop_socket(host);
    knock(&mut sim, "Ada");
    let back = sim.resume("tea", &joined["resumeToken"], 1);
    assert_eq!(sim.types(back), ["resumed", "knock"]);
}

#[test]
fn k4_members_give_no_room_a_lobby_and_moderators_do() {
    let mut sim = Sim::new();
    sim.join("tea");
    sim.join_as(json!({ "type": "join", "roomId": "tea", "lobby": true }));
    sim.join("tea");
    sim.join_with(moderator(), json!({ "type": "join", "roomId": "tea", "lobby": true }));
    knock(&mut sim, "Ada");
}

#[test]
fn k4_only_so_many_may_wait() {
    let (mut sim, _) = lobby_with(Limits {
        waiting_per_room: 1,
        ..Limits::default()
    });
    knock(&mut sim, "Ada");
    let eve = sim.open();
    let heard = sim.ask(eve, json!({ "type": "join", "roomId": "tea", "id": 1 }));
    assert_eq!(
        (types(&heard), &heard[1]["code"]),
        (vec!["full", "error"], &json!("room-full"))
    );
}

#[test]
fn k4_a_wait_is_not_resumed() {
    let (mut sim, host) = lobby();
    let (ada, _) = knock(&mut sim, "Ada");
    sim.drop_socket(ada);
    let (_, second) = knock(&mut sim, "Ada");
    let knocks = sim.take(host);
    assert_eq!(types(&knocks), ["knock", "knock-gone", "knock"]);
    assert_eq!(knocks[2]["peerId"], second);
}

#[test]
fn k5_who_is_admitted_gets_the_seat_and_who_is_denied_the_door() {
    let (mut sim, host) = lobby();
    let (ada, ada_id) = knock(&mut sim, "Ada");
    let (eve, eve_id) = knock(&mut sim, "Eve");
    sim.take(host);
    let heard = sim.ask(host, json!({ "type": "admit", "peerId": ada_id, "id": 1 }));
    assert_eq!(types(&heard), ["knock-gone", "peer-joined", "ack"]);
    assert_eq!(heard[1]["peerId"], ada_id);
    let joined = sim.take(ada);
    assert_eq!(types(&joined), ["joined"]);
    assert_eq!((&joined[0]["peerId"], &joined[0]["name"]), (&ada_id, &json!("Ada")));
    let heard = sim.ask(
        host,
        json!({ "type": "deny", "peerId": eve_id, "reason": "no", "id": 2 }),
    );
    assert_eq!(types(&heard), ["knock-gone", "ack"]);
    assert_eq!(
        sim.take(eve),
        [json!({ "type": "denied", "roomId": "tea", "reason": "no" })]
    );
    assert_eq!(sim.close_code(eve), None);
    assert_eq!(
        types(&sim.ask(eve, json!({ "type": "join", "roomId": "coffee" }))),
        ["joined"]
    );
    assert_eq!(
        types(&sim.ask(ada, json!({ "type": "message", "data": 1, "id": 1 }))),
        ["ack"],
        "a session like any other"
    );
}

#[test]
fn k5_a_full_room_admits_nobody_and_the_one_who_waits_waits_on() {
    let mut sim = Sim::new();
    let (host, _) = sim.join_as(json!({ "type": "join", "roomId": "tea", "lobby": true, "capacity": 1 }));
    let (ada, ada_id) = knock(&mut sim, "Ada");
    let heard = sim.ask(host, json!({ "type": "admit", "peerId": ada_id, "id": 1 }));
    assert_eq!((types(&heard), &heard[0]["code"]), (vec!["error"], &json!("room-full")));
    assert!(sim.take(ada).is_empty());
    sim.say(host, json!({ "type": "leave" }));
    let heard = sim.take(ada);
    assert_eq!(types(&heard), ["ended"], "with its last seat the room is gone");
    assert_eq!(sim.close_code(ada), Some(CloseCode::Ended));
    assert_eq!(sim.rooms.counts(), (0, 0, 1));
}

#[test]
fn k6_the_end_is_everyones() {
    let (mut sim, host) = lobby();
    let (ada, ada_id) = knock(&mut sim, "Ada");
    sim.say(host, json!({ "type": "admit", "peerId": ada_id }));
    let (eve, _) = knock(&mut sim, "Eve");
    sim.take(ada);
    let heard = sim.ask(host, json!({ "type": "end", "reason": "tea time", "id": 2 }));
    assert_eq!(types(&heard), ["ack", "ended"]);
    assert_eq!(heard[0]["delivered"], 1);
    assert_eq!(sim.take(ada), [json!({ "type": "ended", "reason": "tea time" })]);
    assert_eq!(sim.types(eve), ["ended"]);
    for socket in [host, ada, eve] {
        assert_eq!(sim.close_code(socket), Some(CloseCode::Ended));
    }
    assert_eq!(sim.rooms.counts(), (0, 0, 0));
    assert_eq!(sim.rooms.deadline(), None);
}
