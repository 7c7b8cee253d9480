//! Sessions that outlive their sockets. The letters are the rules of PROTOCOL.md.

mod support;

use serde_json::{Value, json};
use snug_protocol::{CloseCode, Limits};
use snug_room::{Event, SocketId};
use std::time::Duration;
use support::{Sim, types};

/// Two in a room, and nothing unread.
fn two() -> (Sim, (SocketId, Value), (SocketId, Value)) {
    two_with(Limits::default())
}

fn two_with(limits: Limits) -> (Sim, (SocketId, Value), (SocketId, Value)) {
    let mut sim = Sim::with(limits);
    let one = sim.join("tea");
    let two = sim.join("tea");
    sim.take(one.0);
    (sim, one, two)
}

fn say(data: impl Into<Value>) -> Value {
    json!({ "type": "message", "data": data.into() })
}

fn data(messages: &[Value]) -> Vec<&Value> {
    messages.iter().map(|message| &message["data"]).collect()
}

#[test]
fn r1_a_seat_whose_socket_drops_is_away_and_comes_back_with_all_it_missed() {
    let (mut sim, (one, _), (two, second)) = two();
    sim.say(one, say("before"));
    assert_eq!(sim.types(two), ["message"]);
    sim.drop_socket(two);
    assert_eq!(
        sim.take(one),
        [json!({ "type": "peer-away", "peerId": second["peerId"] })]
    );
    let (three, third) = sim.join("tea");
    assert_eq!(third["peers"][1]["away"], true);
    for number in 0..3 {
        sim.say(one, say(number));
    }
    sim.take(one);
    sim.take(three);
    sim.pass(Duration::from_secs(29));
    let back = sim.resume("tea", &second["resumeToken"], 2);
    let heard = sim.take(back);
    assert_eq!(
        types(&heard),
        ["resumed", "peer-joined", "message", "message", "message"]
    );
    assert_eq!((&heard[0]["peerId"], &heard[0]["seq"]), (&second["peerId"], &json!(2)));
    assert_eq!(heard[0]["replayed"], 4);
    assert_ne!(heard[0]["resumeToken"], second["resumeToken"]);
    assert_eq!(data(&heard[2..]), [&json!(0), &json!(1), &json!(2)]);
    for socket in [one, three] {
        assert_eq!(
            sim.take(socket),
            [json!({ "type": "peer-back", "peerId": second["peerId"] })]
        );
    }
    sim.pass(Duration::from_secs(60));
    assert!(sim.take(one).is_empty(), "its grace period is over and done with");
}

#[test]
fn r1_frames_that_were_in_flight_when_the_socket_died_are_sent_again() {
    let (mut sim, (one, _), (two, second)) = two();
    for number in 2..=6 {
        sim.say(one, say(number));
    }
    sim.say(two, json!({ "type": "ping", "seq": 3 }));
    sim.drop_socket(two);
    let back = sim.resume("tea", &second["resumeToken"], 4);
    let heard = sim.take(back);
    assert_eq!(heard[0]["replayed"], 2);
    assert_eq!(
        data(&heard[1..]),
        [&json!(5), &json!(6)],
        "2 to 4 arrived, whatever the last ping said"
    );
}

#[test]
fn r2_past_the_grace_period_the_seat_is_gone_and_the_client_gets_a_new_one() {
    let (mut sim, (one, _), (two, second)) = two();
    sim.drop_socket(two);
    sim.pass(Duration::from_millis(29_999));
    assert_eq!(sim.types(one), ["peer-away"]);
    sim.pass(Duration::from_millis(1));
    let left =
        json!({ "type": "peer-left", "peerId": second["peerId"], "identity": second["identity"], "reason": "timeout" });
    assert_eq!(sim.take(one), [left]);
    let back = sim.resume("tea", &second["resumeToken"], 1);
    let heard = sim.take(back);
    assert_eq!(types(&heard), ["joined"]);
    assert_ne!(heard[0]["peerId"], second["peerId"]);
}

#[test]
fn r2_the_grace_period_counts_even_when_nobody_ticks() {
    let (mut sim, (one, _), (two, second)) = two();
    sim.drop_socket(two);
    sim.take(one);
    sim.now += Duration::from_secs(31);
    let back = sim.resume("tea", &second["resumeToken"], 1);
    assert_eq!(sim.types(back), ["joined"]);
    assert_eq!(sim.types(one), ["peer-left", "peer-joined"]);
}

#[test]
fn r3_a_second_socket_takes_the_seat_over_from_a_half_open_one() {
    let (mut sim, (one, _), (two, second)) = two();
    sim.say(one, say("unread"));
    let back = sim.resume("tea", &second["resumeToken"], 1);
    assert_eq!(sim.close_code(two), Some(CloseCode::TakenOver));
    assert_eq!(sim.types(back), ["resumed", "message"]);
    assert!(sim.take(one).is_empty(), "to the others nothing happened");
    sim.drop_socket(two);
    assert!(sim.take(one).is_empty(), "the old socket's end is nobody's business");
    sim.say(one, say("new"));
    assert_eq!(sim.types(back), ["message"]);
    assert!(matches!(
        sim.events.last(),
        Some(Event::Resumed {
            taken_over: true,
            replayed: 1,
            ..
        })
    ));
}

#[test]
fn r4_a_token_is_good_once_but_a_lost_reply_costs_nothing() {
    let (mut sim, (one, _), (two, second)) = two();
    sim.drop_socket(two);
    let first_token = second["resumeToken"].clone();
    // The reply is lost with its socket, twice, and the client has the old token only.
    let lost = sim.resume("tea", &first_token, 1);
    sim.drop_socket(lost);
    sim.say(one, say("meanwhile"));
    let lost = sim.resume("tea", &first_token, 1);
    assert_eq!(sim.types(lost), ["resumed", "message"]);
    let back = sim.resume("tea", &first_token, 1);
    let heard = sim.take(back);
    assert_eq!(types(&heard), ["resumed", "message"]);
    // Now it speaks: it has the reply.
    sim.say(back, json!({ "type": "ping", "seq": 2 }));
    let thief = sim.resume("tea", &first_token, 1);
    assert_eq!(
        sim.types(thief),
        ["joined"],
        "a spent token is worth a new seat, as none is"
    );
    sim.drop_socket(back);
    let again = sim.resume("tea", &heard[0]["resumeToken"], 2);
    assert_eq!(types(&sim.take(again)[..1]), ["resumed"]);
}

#[test]
fn r4_the_token_of_a_lost_reply_is_worth_nothing_once_another_was_given() {
    let (mut sim, _, (_, second)) = two();
    let lost = sim.resume("tea", &second["resumeToken"], 1);
    let unseen = sim.take(lost)[0]["resumeToken"].clone();
    sim.resume("tea", &second["resumeToken"], 1);
    let socket = sim.resume("tea", &unseen, 1);
    assert_eq!(sim.types(socket), ["joined"]);
}

#[test]
fn r5_what_cannot_be_replayed_is_not_resumed_and_leaves_no_ghost() {
    for (seq, acknowledged) in [(99, 0), (0, 0), (1, 3)] {
        let (mut sim, (one, _), (two, second)) = two();
        for number in 2..=4 {
            sim.say(one, say(number));
        }
        sim.say(two, json!({ "type": "ping", "seq": acknowledged }));
        sim.drop_socket(two);
        sim.take(one);
        let back = sim.resume("tea", &second["resumeToken"], seq);
        assert_eq!(sim.types(back), ["joined"]);
        assert_eq!(sim.types(one), ["peer-left", "peer-joined"], "seq {seq}");
        assert_eq!(sim.rooms.counts(), (1, 2, 2));
    }
}

#[test]
fn r5_a_token_is_good_in_its_own_room_only() {
    let (mut sim, (one, _), (two, second)) = two();
    sim.drop_socket(two);
    let other = sim.resume("coffee", &second["resumeToken"], 1);
    assert_eq!(sim.types(other), ["joined"]);
    assert_eq!(sim.types(one), ["peer-away"], "the seat here is still kept");
}

#[test]
fn r6_a_resume_may_carry_an_id_and_never_hides_the_ones_before_it() {
    let (mut sim, _, (two, second)) = two();
    sim.say(two, json!({ "type": "message", "data": 1, "id": 1 }));
    sim.drop_socket(two);
    let back = sim.open();
    let resume = json!({ "token": second["resumeToken"], "seq": 1 });
    let heard = sim.ask(
        back,
        json!({ "type": "join", "roomId": "tea", "resume": resume, "id": 9 }),
    );
    assert_eq!(types(&heard), ["resumed", "ack"]);
    let heard = sim.ask(back, json!({ "type": "message", "data": 2, "id": 2 }));
    assert_eq!(heard, [json!({ "type": "ack", "id": 2, "delivered": 1, "queued": 0 })]);
}

#[test]
fn s1_numbers_have_no_gaps_and_answers_have_none() {
    let (mut sim, (one, first), (two, second)) = two();
    sim.say(two, say("a"));
    sim.say(one, json!({ "type": "ping", "seq": 0, "id": 1 }));
    sim.say(one, json!({ "type": "message", "data": 0, "to": "nobody" }));
    sim.drop_socket(two);
    let back = sim.resume("tea", &second["resumeToken"], 1);
    sim.say(back, json!({ "type": "leave" }));
    let heard = sim.take(one);
    assert_eq!(
        types(&heard),
        ["message", "pong", "ack", "error", "peer-away", "peer-back", "peer-left"]
    );
    // joined 1, peer-joined 2, message 3, peer-away 4, peer-back 5, peer-left 6
    let again = sim.resume("tea", &first["resumeToken"], 6);
    assert_eq!(sim.take(again)[0]["replayed"], 0);
}

#[test]
fn s3_an_away_session_holds_so_much_and_no_more() {
    for limits in [
        Limits {
            outbox: (3, 1 << 20),
            ..Limits::default()
        },
        Limits {
            outbox: (1000, 250),
            ..Limits::default()
        },
    ] {
        let (mut sim, (one, _), (two, second)) = two_with(limits);
        sim.drop_socket(two);
        sim.take(one);
        let mut acks = Vec::new();
        for id in 1..=4 {
            acks.extend(sim.ask(one, json!({ "type": "message", "data": "x".repeat(10), "id": id })));
        }
        assert_eq!(types(&acks[..3]), ["ack", "ack", "ack"]);
        assert_eq!(acks[2]["queued"], 1);
        assert_eq!(types(&acks[3..]), ["peer-left", "ack"]);
        assert_eq!((&acks[4]["delivered"], &acks[4]["queued"]), (&json!(0), &json!(0)));
        assert_eq!(acks[3]["reason"], "timeout");
        let back = sim.resume("tea", &second["resumeToken"], 1);
        assert_eq!(sim.types(back), ["joined"]);
    }
}

#[test]
fn s4_a_live_session_that_never_acknowledges_keeps_the_newest_and_lives() {
    let (mut sim, (one, _), (two, second)) = two_with(Limits {
        outbox: (3, 1 << 20),
        ..Limits::default()
    });
    for number in 2..=10 {
        sim.say(one, say(number));
    }
    assert_eq!(sim.take(two).len(), 9);
    let back = sim.resume("tea", &second["resumeToken"], 7);
    let heard = sim.take(back);
    assert_eq!(types(&heard), ["resumed", "message", "message", "message"]);
    assert_eq!(data(&heard[1..]), [&json!(8), &json!(9), &json!(10)]);
}

#[test]
fn r1_one_who_is_away_is_still_sent_ready_and_still_holds_the_seat() {
    let mut sim = Sim::new();
    let (one, first) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 2 }));
    sim.drop_socket(one);
    let (two, _) = sim.join("tea");
    assert_eq!(sim.types(two), ["ready"]);
    let three = sim.open();
    assert_eq!(
        types(&sim.ask(three, json!({ "type": "join", "roomId": "tea" }))),
        ["full"]
    );
    let back = sim.resume("tea", &first["resumeToken"], 1);
    assert_eq!(sim.types(back), ["resumed", "peer-joined", "ready"]);
}
