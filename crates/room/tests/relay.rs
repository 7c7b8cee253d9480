//! Who is sent what, and what the sender learns of it. The letters are the rules of PROTOCOL.md.

mod support;

use serde_json::{Value, json};
use support::{Sim, types};

#[test]
fn m1_without_to_everyone_else_in_the_room_hears_it_and_from_is_the_servers_word() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, _) = sim.join("tea");
    let (three, _) = sim.join("tea");
    let (elsewhere, _) = sim.join("coffee");
    for socket in [one, two, three] {
        sim.take(socket);
    }
    for (kind, field) in [
        ("offer", "sdp"),
        ("answer", "sdp"),
        ("candidate", "candidate"),
        ("message", "data"),
    ] {
        for payload in [
            json!({ "deep": [1, { "é": null }] }),
            json!("text"),
            json!(null),
            json!(3),
        ] {
            sim.say(
                one,
                json!({ "type": kind, field: payload, "from": "an impostor", "extra": true }),
            );
            let expected = json!({ "type": kind, "from": first["peerId"], field: payload });
            for socket in [two, three] {
                assert_eq!(sim.take(socket), std::slice::from_ref(&expected));
            }
        }
    }
    assert!(sim.take(one).is_empty(), "not the sender");
    assert!(sim.take(elsewhere).is_empty());
}

#[test]
fn m2_with_to_that_one_alone_hears_it() {
    let mut sim = Sim::new();
    let (one, _) = sim.join("tea");
    let (two, second) = sim.join("tea");
    let (three, _) = sim.join("tea");
    for socket in [one, two, three] {
        sim.take(socket);
    }
    sim.say(
        one,
        json!({ "type": "candidate", "candidate": null, "to": second["peerId"] }),
    );
    assert_eq!(sim.types(two), ["candidate"]);
    assert!(sim.take(three).is_empty());
}

#[test]
fn m3_a_seat_of_another_room_is_as_unknown_as_one_that_never_was() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (other, second) = sim.join("coffee");
    let mut answers = Vec::new();
    for to in [second["peerId"].clone(), json!("nobody"), first["peerId"].clone()] {
        answers.push(sim.ask(one, json!({ "type": "message", "data": 1, "to": to })));
    }
    assert_eq!(answers[0][0]["code"], "no-such-peer");
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2], "oneself is nobody else");
    assert!(sim.take(other).is_empty());
}

#[test]
fn a1_an_id_is_answered_with_where_the_message_went() {
    let mut sim = Sim::new();
    let (one, _) = sim.join("tea");
    let ack = |id: u64, delivered: u32, queued: u32| json!({ "type": "ack", "id": id, "delivered": delivered, "queued": queued });
    let say = |id: u64| json!({ "type": "message", "data": id, "id": id });
    assert_eq!(sim.ask(one, say(1)), [ack(1, 0, 0)], "alone");
    let (two, _) = sim.join("tea");
    let (_, third) = sim.join("tea");
    assert_eq!(sim.ask(one, say(2)), [ack(2, 2, 0)]);
    sim.drop_socket(two);
    assert_eq!(sim.ask(one, say(3)), [ack(3, 1, 1)]);
    assert_eq!(
        sim.ask(
            one,
            json!({ "type": "message", "data": 0, "id": 4, "to": third["peerId"] })
        ),
        [ack(4, 1, 0)]
    );
    let refused = sim.ask(one, json!({ "type": "message", "data": 0, "id": 5, "to": "nobody" }));
    assert_eq!((types(&refused), &refused[0]["id"]), (vec!["error"], &json!(5)));
    assert_eq!(
        sim.ask(one, json!({ "type": "ping", "seq": 1, "id": 6 })),
        [json!({ "type": "pong", "seq": 1 }), ack(6, 0, 0)]
    );
    assert_eq!(
        sim.ask(one, json!({ "type": "leave", "id": 7 })),
        [ack(7, 0, 0), json!({ "type": "left" })]
    );
}

#[test]
fn a3_a_join_with_an_id_is_answered_after_its_joined() {
    let mut sim = Sim::new();
    let socket = sim.open();
    let answers = sim.ask(socket, json!({ "type": "join", "roomId": "tea", "id": 1 }));
    assert_eq!(types(&answers), ["joined", "ack"]);
    let answers = sim.ask(socket, json!({ "type": "message", "data": 1, "id": 1 }));
    assert_eq!(types(&answers), ["ack"], "the join's own id is none of the session's");
}

#[test]
fn a2_an_id_seen_before_is_answered_alike_and_relayed_once() {
    let mut sim = Sim::new();
    let (one, joined) = sim.join("tea");
    let (two, _) = sim.join("tea");
    sim.take(one);
    let say = json!({ "type": "message", "data": "once", "id": 1 });
    let refused = json!({ "type": "message", "data": "never", "id": 2, "to": "nobody" });
    let answers = [sim.ask(one, say.clone()), sim.ask(one, refused.clone())];
    assert_eq!(sim.types(two), ["message"]);
    sim.drop_socket(one);
    let back = sim.resume("tea", &joined["resumeToken"], 2);
    sim.drop_socket(two);
    sim.take(back);
    assert_eq!(
        [sim.ask(back, say), sim.ask(back, refused)],
        answers,
        "the same counts, though one is away by now"
    );
    assert_eq!(
        types(&sim.ask(back, json!({ "type": "message", "data": "new", "id": 3 }))),
        ["ack"]
    );
    assert_eq!(sim.types(two), ["peer-away", "peer-back"], "and no message again");
}

#[test]
fn a2_a_gap_in_the_ids_may_be_filled_and_long_past_ones_are_refused() {
    let mut sim = Sim::new();
    let (one, _) = sim.join("tea");
    let say = |id: u64| json!({ "type": "message", "data": null, "id": id });
    sim.say(one, say(2));
    assert_eq!(
        types(&sim.ask(one, say(1))),
        ["ack"],
        "it was never handled: refused at the gate, perhaps"
    );
    for id in 3..3000 {
        sim.say(one, say(id));
    }
    let answers = sim.ask(one, say(1));
    assert_eq!(
        (types(&answers), &answers[0]["code"]),
        (vec!["error"], &json!("bad-message"))
    );
}

#[test]
fn m4_mutes_are_told_and_remembered_for_those_who_come_later() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, _) = sim.join("tea");
    sim.take(two);
    for message in [
        json!({ "type": "mute", "kind": "video" }),
        json!({ "type": "mute", "kind": "audio" }),
        json!({ "type": "mute", "kind": "screen" }),
        json!({ "type": "unmute", "kind": "screen" }),
    ] {
        sim.say(one, message.clone());
        assert_eq!(
            sim.take(two),
            [json!({ "type": message["type"], "kind": message["kind"], "from": first["peerId"] })]
        );
    }
    let (_, third) = sim.join("tea");
    assert_eq!(third["peers"][0]["muted"], json!(["audio", "video"]));
    assert_eq!(third["peers"][1]["muted"], json!([]));
}

#[test]
fn m5_only_a_moderator_may_ask_another_one_to_mute() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, second) = sim.join("tea");
    sim.take(one);
    let ask = |to: &Value| json!({ "type": "mute", "kind": "audio", "to": to });
    assert_eq!(sim.ask(two, ask(&first["peerId"]))[0]["code"], "forbidden");
    assert!(sim.take(one).is_empty());
    assert!(sim.ask(one, ask(&second["peerId"])).is_empty());
    let heard = json!({ "type": "mute", "from": first["peerId"], "kind": "audio", "to": second["peerId"] });
    assert_eq!(sim.take(two), [heard]);
    let (_, third) = sim.join("tea");
    assert_eq!(third["peers"][1]["muted"], json!([]), "asked is not done");
}
