//! What the operator sees and orders, and what is left behind. The letters are the rules of PROTOCOL.md.

mod support;

use serde_json::json;
use snug_protocol::{CloseCode, LeaveReason, Limits};
use snug_room::{Admin, AdminReply, Event};
use std::time::Duration;
use support::{Sim, types};

fn create(lobby: bool) -> Admin {
    Admin::Create {
        room: "tea".into(),
        capacity: Some(3),
        lobby,
    }
}

#[test]
fn o1_a_room_made_by_the_operator_waits_for_its_first_seat() {
    let mut sim = Sim::new();
    assert_eq!(sim.admin(create(false)), AdminReply::Done);
    assert_eq!(sim.admin(create(false)), AdminReply::Exists);
    sim.pass(Duration::from_millis(599_999));
    assert_eq!(sim.rooms.counts(), (1, 0, 0));
    let (one, joined) = sim.join_as(json!({ "type": "join", "roomId": "tea", "capacity": 9 }));
    assert_eq!((&joined["capacity"], &joined["role"]), (&json!(3), &json!("moderator")));
    sim.pass(Duration::from_secs(3600));
    assert_eq!(sim.rooms.counts(), (1, 1, 1));
    sim.say(one, json!({ "type": "leave" }));
    assert_eq!(sim.rooms.counts().0, 0, "like any other room");
}

#[test]
fn o1_a_room_that_nobody_came_to_is_forgotten() {
    let mut sim = Sim::new();
    sim.admin(create(false));
    sim.pass(Duration::from_secs(600));
    assert_eq!(sim.rooms.counts(), (0, 0, 0));
    assert_eq!(sim.rooms.deadline(), None);
    assert!(matches!(
        sim.events[..],
        [Event::RoomStarted { .. }, Event::RoomEnded { lasted_ms: 600_000, .. }]
    ));
}

#[test]
fn o1_the_first_one_into_the_operators_lobby_is_its_moderator() {
    let mut sim = Sim::new();
    sim.admin(create(true));
    let (_, joined) = sim.join("tea");
    assert_eq!(joined["role"], "moderator");
    let two = sim.open();
    assert_eq!(
        types(&sim.ask(two, json!({ "type": "join", "roomId": "tea" }))),
        ["waiting"]
    );
}

#[test]
fn o1_what_no_room_can_be_is_refused() {
    let mut sim = Sim::with(Limits {
        rooms: Some(1),
        ..Limits::default()
    });
    for (room, capacity) in [("", None), ("tea", Some(0))] {
        let reply = sim.admin(Admin::Create {
            room: room.into(),
            capacity,
            lobby: false,
        });
        assert_eq!(reply, AdminReply::Invalid);
    }
    sim.join("coffee");
    assert_eq!(sim.admin(create(false)), AdminReply::Unavailable);
    let socket = sim.open();
    let heard = sim.ask(socket, json!({ "type": "join", "roomId": "milk" }));
    assert_eq!(heard[0]["code"], "unavailable", "j9: nor by a join");
    assert_eq!(
        types(&sim.ask(socket, json!({ "type": "join", "roomId": "coffee" }))),
        ["joined"]
    );
}

#[test]
fn o2_the_operator_kicks_and_ends() {
    let mut sim = Sim::new();
    let (one, first) = sim.join("tea");
    let (two, _) = sim.join("tea");
    let kick = |room: &str, peer: &str| Admin::Kick {
        room: room.into(),
        peer: peer.into(),
        reason: Some("rent".to_owned()),
    };
    let peer = first["peerId"].as_str().expect("a string");
    assert_eq!(sim.admin(kick("milk", peer)), AdminReply::NoSuchRoom);
    assert_eq!(sim.admin(kick("tea", "nobody")), AdminReply::NoSuchPeer);
    assert_eq!(sim.admin(kick("tea", peer)), AdminReply::Done);
    assert_eq!(sim.close_code(one), Some(CloseCode::Kicked));
    assert_eq!(sim.types(two), ["peer-left", "role"]);
    let end = || Admin::End {
        room: "tea".into(),
        reason: None,
    };
    assert_eq!(sim.admin(end()), AdminReply::Done);
    assert_eq!(sim.types(two), ["ended"]);
    assert_eq!(sim.close_code(two), Some(CloseCode::Ended));
    assert_eq!(sim.admin(end()), AdminReply::NoSuchRoom);
}

#[test]
fn rooms_are_listed_as_they_are() {
    let mut sim = Sim::new();
    let (one, first) = sim.join_as(json!({ "type": "join", "roomId": "tea", "identity": "ada", "name": "Ada" }));
    sim.pass(Duration::from_secs(2));
    let (two, second) = sim.join("tea");
    sim.join("coffee");
    sim.say(one, json!({ "type": "lock" }));
    sim.drop_socket(two);
    sim.pass(Duration::from_secs(1));
    assert_eq!(sim.rooms.list(sim.now).len(), 2);
    let info = sim.rooms.room(sim.now, &"tea".into()).expect("there is one");
    assert_eq!(
        serde_json::to_value(&info).expect("JSON"),
        json!({
            "id": "tea", "ageMs": 3000, "capacity": 64, "locked": true, "lobby": false, "waiting": 0,
            "seats": [
                { "peerId": first["peerId"], "identity": "ada", "name": "Ada", "role": "moderator", "away": false,
                  "hidden": false, "ageMs": 3000 },
                { "peerId": second["peerId"], "identity": second["peerId"], "role": "member", "away": true,
                  "hidden": false, "ageMs": 1000 },
            ],
        })
    );
    assert_eq!(sim.rooms.room(sim.now, &"milk".into()), None);
}

#[test]
fn events_tell_a_rooms_life() {
    let mut sim = Sim::new();
    let (one, joined) = sim.join_as(json!({ "type": "join", "roomId": "tea", "identity": "ada" }));
    sim.pass(Duration::from_secs(5));
    sim.say(one, json!({ "type": "leave" }));
    let peer = joined["peerId"].as_str().expect("a string");
    assert_eq!(
        sim.events,
        [
            Event::RoomStarted { room: "tea".into() },
            Event::Joined {
                room: "tea".into(),
                peer: peer.into(),
                identity: "ada".into(),
                name: None,
                seats: 1
            },
            Event::Left {
                room: "tea".into(),
                peer: peer.into(),
                identity: "ada".into(),
                reason: LeaveReason::Left,
                seats: 0,
                stayed_ms: 5_000
            },
            Event::RoomEnded {
                room: "tea".into(),
                lasted_ms: 5_000
            },
        ]
    );
}

#[test]
fn j8_ten_thousand_rooms_come_and_go_and_nothing_is_left() {
    let mut sim = Sim::new();
    let mut sockets = Vec::new();
    for number in 0..10_000 {
        let room = format!("room-{number}");
        let address = format!("10.{}.{}.1", number / 256, number % 256);
        for lobby in [true, false] {
            let socket = sim.open_from(Some(&address));
            sim.say(socket, json!({ "type": "join", "roomId": room, "lobby": lobby }));
            sockets.push(socket);
        }
    }
    assert_eq!(sim.rooms.counts(), (10_000, 10_000, 20_000), "every second one waits");
    let full = sim.rooms.footprint();
    for (at, socket) in sockets.into_iter().enumerate() {
        if at % 3 == 0 {
            sim.say(socket, json!({ "type": "leave" }));
        }
        sim.drop_socket(socket);
    }
    sim.pass(Duration::from_secs(120));
    assert_eq!(sim.rooms.counts(), (0, 0, 0));
    assert_eq!(sim.rooms.deadline(), None, "nothing is due");
    let empty = sim.rooms.footprint();
    assert!(empty * 50 < full, "room for {empty} things is kept, of {full}");
}
