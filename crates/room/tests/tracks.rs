//! What is published, and who may. The letters are the rules of PROTOCOL.md.

mod support;

use serde_json::{Value, json};
use snug_room::{Grant, Rights};
use support::{Sim, types};

fn join() -> Value {
    json!({ "type": "join", "roomId": "tea" })
}

fn allowed(rights: Rights) -> Grant {
    Grant {
        identity: None,
        name: None,
        moderator: false,
        rights,
    }
}

#[test]
fn p1_what_is_published_is_told_and_shown_to_those_who_come_later() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, _) = sim.join("tea");
    let camera = json!({ "type": "publish", "trackId": "a", "kind": "video", "source": "camera" });
    let sound = json!({ "type": "publish", "trackId": "b", "kind": "audio" });
    sim.say(one, camera);
    sim.say(one, sound);
    let heard = sim.take(two);
    assert_eq!(
        heard,
        [
            json!({ "type": "publish", "from": first["peerId"], "trackId": "a", "kind": "video", "source": "camera" }),
            json!({ "type": "publish", "from": first["peerId"], "trackId": "b", "kind": "audio" }),
        ]
    );
    sim.say(one, json!({ "type": "publish", "trackId": "a", "kind": "screen" }));
    let (_, third) = sim.join("tea");
    let tracks = json!([{ "trackId": "a", "kind": "screen" }, { "trackId": "b", "kind": "audio" }]);
    assert_eq!(third["peers"][0]["tracks"], tracks);
    assert!(third["peers"][1].get("tracks").is_none());
}

#[test]
fn p1_tracks_have_names_of_a_sensible_length_and_a_sensible_number() {
    let mut sim = Sim::new();
    let (one, _) = sim.join("tea");
    let long = "x".repeat(129);
    for wrong in [
        json!({ "type": "publish", "trackId": "", "kind": "audio" }),
        json!({ "type": "publish", "trackId": long, "kind": "audio" }),
        json!({ "type": "publish", "trackId": "a", "kind": "audio", "source": long }),
    ] {
        assert_eq!(sim.ask(one, wrong)[0]["code"], "bad-message");
    }
    for number in 0..32 {
        let publish = json!({ "type": "publish", "trackId": number.to_string(), "kind": "audio" });
        assert!(sim.ask(one, publish).is_empty());
    }
    let more = json!({ "type": "publish", "trackId": "more", "kind": "audio" });
    assert_eq!(sim.ask(one, more)[0]["code"], "forbidden");
    let again = json!({ "type": "publish", "trackId": "7", "kind": "video" });
    assert!(sim.ask(one, again).is_empty());
}

#[test]
fn p2_what_is_unpublished_is_gone_and_what_never_was_is_nobodys_business() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, _) = sim.join("tea");
    sim.say(one, json!({ "type": "publish", "trackId": "a", "kind": "video" }));
    sim.take(two);
    let gone = json!({ "type": "unpublish", "trackId": "a", "id": 1 });
    assert_eq!(
        sim.ask(one, gone),
        [json!({ "type": "ack", "id": 1, "delivered": 1, "queued": 0 })]
    );
    assert_eq!(
        sim.take(two),
        [json!({ "type": "unpublish", "from": first["peerId"], "trackId": "a" })]
    );
    let never = json!({ "type": "unpublish", "trackId": "a", "id": 2 });
    assert_eq!(
        sim.ask(one, never),
        [json!({ "type": "ack", "id": 2, "delivered": 0, "queued": 0 })]
    );
    assert!(sim.take(two).is_empty());
    let (_, third) = sim.join("tea");
    assert!(third["peers"][0].get("tracks").is_none());
}

#[test]
fn p3_a_subscription_goes_to_the_publisher_alone() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, second) = sim.join("tea");
    let (three, _) = sim.join("tea");
    for socket in [one, two, three] {
        sim.take(socket);
    }
    for kind in ["subscribe", "unsubscribe"] {
        let ask = json!({ "type": kind, "trackId": "a", "from": first["peerId"] });
        assert!(sim.ask(two, ask).is_empty());
        assert_eq!(
            sim.take(one),
            [json!({ "type": kind, "from": second["peerId"], "trackId": "a" })]
        );
        assert!(sim.take(three).is_empty());
        let nobody = json!({ "type": kind, "trackId": "a", "from": "nobody" });
        assert_eq!(sim.ask(two, nobody)[0]["code"], "no-such-peer");
        let oneself = json!({ "type": kind, "trackId": "a", "from": second["peerId"] });
        assert_eq!(sim.ask(two, oneself)[0]["code"], "no-such-peer");
    }
}

#[test]
fn g1_the_token_says_who_one_is() {
    let mut sim = Sim::new();
    let grant = Grant {
        identity: Some("ada".into()),
        name: Some("Ada L.".to_owned()),
        ..allowed(Rights::ALL)
    };
    let (_, heard) = sim.join_with(
        grant.clone(),
        json!({ "type": "join", "roomId": "tea", "identity": "eve" }),
    );
    assert_eq!(
        (types(&heard), &heard[0]["code"]),
        (vec!["error"], &json!("token-identity"))
    );
    assert_eq!(sim.rooms.counts(), (0, 0, 1), "and no room was made");
    let (_, heard) = sim.join_with(
        grant.clone(),
        json!({ "type": "join", "roomId": "tea", "identity": "ada", "name": "X" }),
    );
    assert_eq!(
        (&heard[0]["identity"], &heard[0]["name"]),
        (&json!("ada"), &json!("Ada L."))
    );
    assert_eq!(heard[0]["role"], "member", "the first one in is nobody special");
    let (_, heard) = sim.join_with(
        Grant {
            moderator: true,
            ..grant
        },
        join(),
    );
    assert_eq!(
        (&heard[0]["role"], &heard[0]["identity"]),
        (&json!("moderator"), &json!("ada"))
    );
}

#[test]
fn g1_a_seat_is_resumed_by_its_own_identity_only() {
    let mut sim = Sim::new();
    let grant = |who: &str| Grant {
        identity: Some(who.into()),
        ..allowed(Rights::ALL)
    };
    let (socket, heard) = sim.join_with(grant("ada"), join());
    sim.drop_socket(socket);
    let resume = json!({ "token": heard[0]["resumeToken"], "seq": 1 });
    let again = json!({ "type": "join", "roomId": "tea", "resume": resume });
    let (_, thief) = sim.join_with(grant("eve"), again.clone());
    assert_eq!(types(&thief), ["joined"]);
    let (_, owner) = sim.join_with(grant("ada"), again);
    assert_eq!(owner[0]["type"], "resumed");
}

#[test]
fn g2_each_right_is_needed_for_its_messages_and_negotiation_for_none() {
    let mut sim = Sim::new();
    let (other, _) = sim.join("tea");
    let none = Rights {
        publish: false,
        subscribe: false,
        data: false,
        ..Rights::ALL
    };
    let (socket, _) = sim.join_with(allowed(none), join());
    sim.take(other);
    for message in [
        json!({ "type": "publish", "trackId": "a", "kind": "audio" }),
        json!({ "type": "unmute", "kind": "audio" }),
        json!({ "type": "message", "data": 1 }),
        json!({ "type": "subscribe", "trackId": "a", "from": "x" }),
    ] {
        assert_eq!(sim.ask(socket, message.clone())[0]["code"], "forbidden", "{message}");
    }
    assert!(sim.take(other).is_empty());
    for message in [
        json!({ "type": "offer", "sdp": "" }),
        json!({ "type": "answer", "sdp": "" }),
        json!({ "type": "candidate", "candidate": null }),
        json!({ "type": "mute", "kind": "audio" }),
    ] {
        assert!(sim.ask(socket, message).is_empty());
    }
    assert_eq!(sim.types(other), ["offer", "answer", "candidate", "mute"]);
}

#[test]
fn g3_a_hidden_seat_hears_and_is_not_seen() {
    let mut sim = Sim::new();
    let (one, first) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 2 }));
    let hidden = allowed(Rights {
        hidden: true,
        ..Rights::ALL
    });
    let (spy, heard) = sim.join_with(hidden, join());
    let spy_id = heard[0]["peerId"].clone();
    assert_eq!(heard[0]["peers"][0]["peerId"], first["peerId"]);
    assert!(sim.take(one).is_empty(), "neither peer-joined nor ready");
    let (two, second) = sim.join("tea");
    assert_eq!(second["peers"].as_array().map(Vec::len), Some(1));
    assert_eq!(sim.types(two), ["ready"], "it takes no seat of the two");
    assert_eq!(sim.types(spy), ["peer-joined"]);
    sim.take(one);
    for quiet in [
        json!({ "type": "mute", "kind": "audio" }),
        json!({ "type": "publish", "trackId": "a", "kind": "audio" }),
        json!({ "type": "unpublish", "trackId": "a" }),
    ] {
        assert!(sim.ask(spy, quiet).is_empty());
    }
    assert_eq!(
        sim.ask(one, json!({ "type": "message", "data": 1, "id": 1 })),
        [json!({ "type": "ack", "id": 1, "delivered": 1, "queued": 0 })],
        "no count tells of it"
    );
    assert_eq!(sim.types(spy), ["message"]);
    sim.say(spy, json!({ "type": "offer", "sdp": "x", "to": first["peerId"] }));
    assert_eq!(sim.take(one), [json!({ "type": "offer", "from": spy_id, "sdp": "x" })]);
    sim.say(one, json!({ "type": "answer", "sdp": "y", "to": spy_id }));
    assert_eq!(sim.types(spy), ["answer"]);
    sim.take(two);
    sim.drop_socket(spy);
    let back = sim.resume("tea", &heard[0]["resumeToken"], 4);
    assert_eq!(sim.types(back), ["resumed"]);
    sim.say(back, json!({ "type": "leave" }));
    assert!(sim.take(one).is_empty() && sim.take(two).is_empty());
}
