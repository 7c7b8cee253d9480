//! Every message as it stands on the wire, in `fixtures/`. What a client may rely on does not change by accident.
//!
//! After a change that is meant: `UPDATE_FIXTURES=1 cargo test -p snug-protocol --test fixtures`.

use serde_json::{Value, json};
use snug_protocol::*;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

fn payload(value: Value) -> Payload {
    Payload::of(&value).expect("JSON")
}

fn sdp() -> Payload {
    payload(json!({ "type": "offer", "sdp": "v=0\r\n" }))
}

fn candidate() -> Payload {
    payload(json!({ "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0 }))
}

fn peer(muted: Vec<MediaKind>) -> PeerInfo {
    PeerInfo {
        peer_id: "peer-1".into(),
        identity: "ada".into(),
        name: Some("Ada".to_owned()),
        role: Role::Moderator,
        away: false,
        muted,
        tracks: Vec::new(),
    }
}

fn track(source: Option<&str>) -> TrackInfo {
    TrackInfo {
        track_id: "cam-1".into(),
        kind: MediaKind::Video,
        source: source.map(str::to_owned),
    }
}

fn client_messages() -> Vec<(&'static str, ClientFrame)> {
    let frame = |message| ClientFrame { id: None, message };
    let join = Join {
        room_id: "tea".into(),
        identity: None,
        name: None,
        token: None,
        capacity: None,
        lobby: None,
        resume: None,
        join_id: None,
    };
    let full = Join {
        identity: Some("ada".into()),
        name: Some("Ada".to_owned()),
        token: Some("a.b.c".to_owned()),
        capacity: Some(2),
        lobby: Some(true),
        resume: Some(Resume {
            token: "secret".into(),
            seq: 7,
        }),
        join_id: Some("join-1".to_owned()),
        ..join.clone()
    };
    let to: Option<PeerId> = Some("peer-2".into());
    let data = payload(json!({ "sealed": "AAAA" }));
    vec![
        ("join", frame(ClientMessage::Join(join))),
        (
            "join-full",
            ClientFrame {
                id: Some(1),
                message: ClientMessage::Join(full),
            },
        ),
        ("leave", frame(ClientMessage::Leave)),
        ("offer", frame(ClientMessage::Offer { sdp: sdp(), to: None })),
        (
            "offer-to",
            frame(ClientMessage::Offer {
                sdp: sdp(),
                to: to.clone(),
            }),
        ),
        (
            "answer",
            frame(ClientMessage::Answer {
                sdp: sdp(),
                to: to.clone(),
            }),
        ),
        (
            "candidate",
            frame(ClientMessage::Candidate {
                candidate: candidate(),
                to: None,
            }),
        ),
        (
            "candidate-to",
            frame(ClientMessage::Candidate {
                candidate: candidate(),
                to: to.clone(),
            }),
        ),
        (
            "candidate-end",
            frame(ClientMessage::Candidate {
                candidate: payload(Value::Null),
                to: None,
            }),
        ),
        (
            "message",
            ClientFrame {
                id: Some(2),
                message: ClientMessage::Message { data, to: to.clone() },
            },
        ),
        (
            "mute",
            frame(ClientMessage::Mute {
                kind: MediaKind::Audio,
                to: None,
            }),
        ),
        (
            "mute-to",
            frame(ClientMessage::Mute {
                kind: MediaKind::Screen,
                to,
            }),
        ),
        ("unmute", frame(ClientMessage::Unmute { kind: MediaKind::Video })),
        ("publish", frame(ClientMessage::Publish(track(Some("camera"))))),
        ("publish-plain", frame(ClientMessage::Publish(track(None)))),
        (
            "unpublish",
            frame(ClientMessage::Unpublish {
                track_id: "cam-1".into(),
            }),
        ),
        (
            "subscribe",
            frame(ClientMessage::Subscribe {
                track_id: "cam-1".into(),
                from: "peer-2".into(),
            }),
        ),
        (
            "unsubscribe",
            frame(ClientMessage::Unsubscribe {
                track_id: "cam-1".into(),
                from: "peer-2".into(),
            }),
        ),
        (
            "kick",
            ClientFrame {
                id: Some(3),
                message: ClientMessage::Kick {
                    peer_id: "peer-2".into(),
                    reason: Some("noise".to_owned()),
                },
            },
        ),
        (
            "kick-plain",
            frame(ClientMessage::Kick {
                peer_id: "peer-2".into(),
                reason: None,
            }),
        ),
        ("lock", frame(ClientMessage::Lock)),
        ("unlock", frame(ClientMessage::Unlock)),
        (
            "admit",
            frame(ClientMessage::Admit {
                peer_id: "peer-2".into(),
            }),
        ),
        (
            "deny",
            frame(ClientMessage::Deny {
                peer_id: "peer-2".into(),
                reason: Some("not today".to_owned()),
            }),
        ),
        (
            "end",
            frame(ClientMessage::End {
                reason: Some("over".to_owned()),
            }),
        ),
        ("end-plain", frame(ClientMessage::End { reason: None })),
        ("ping", frame(ClientMessage::Ping { seq: 7 })),
    ]
}

fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let from: PeerId = "peer-1".into();
    let joined = Joined {
        peer_id: "peer-2".into(),
        room_id: "tea".into(),
        identity: "bob".into(),
        name: Some("Bob".to_owned()),
        role: Role::Member,
        peers: vec![peer(vec![MediaKind::Video])],
        resume_token: "secret".into(),
        grace_ms: 30_000,
        heartbeat_ms: 10_000,
        ice_servers: vec![IceServer {
            urls: vec!["turn:turn.example.org:3478".to_owned()],
            username: Some("1700000000:bob".to_owned()),
            credential: Some("c2VjcmV0".to_owned()),
        }],
        topology: Topology::Mesh,
        capacity: 64,
        locked: false,
        seq: 1,
        protocol: PROTOCOL_VERSION,
    };
    let resumed = ServerMessage::Resumed {
        peer_id: from.clone(),
        seq: 7,
        replayed: 3,
        resume_token: "next-secret".into(),
    };
    let left = ServerMessage::PeerLeft {
        peer_id: from.clone(),
        identity: "ada".into(),
        reason: LeaveReason::Timeout,
    };
    let kind = MediaKind::Audio;
    let data = payload(json!({ "sealed": "AAAA" }));
    vec![
        ("joined", ServerMessage::Joined(joined)),
        ("resumed", resumed),
        ("peer-joined", ServerMessage::PeerJoined(peer(Vec::new()))),
        (
            "peer-joined-tracks",
            ServerMessage::PeerJoined(PeerInfo {
                tracks: vec![track(Some("camera"))],
                ..peer(Vec::new())
            }),
        ),
        ("peer-left", left),
        ("peer-away", ServerMessage::PeerAway { peer_id: from.clone() }),
        ("peer-back", ServerMessage::PeerBack { peer_id: from.clone() }),
        ("ready", ServerMessage::Ready { is_initiator: true }),
        (
            "offer",
            ServerMessage::Offer {
                from: from.clone(),
                sdp: sdp(),
            },
        ),
        (
            "answer",
            ServerMessage::Answer {
                from: from.clone(),
                sdp: sdp(),
            },
        ),
        (
            "candidate",
            ServerMessage::Candidate {
                from: from.clone(),
                candidate: candidate(),
            },
        ),
        (
            "message",
            ServerMessage::Message {
                from: from.clone(),
                data,
            },
        ),
        (
            "mute",
            ServerMessage::Mute {
                from: from.clone(),
                kind,
                to: None,
            },
        ),
        (
            "mute-to",
            ServerMessage::Mute {
                from: from.clone(),
                kind,
                to: Some("peer-2".into()),
            },
        ),
        (
            "unmute",
            ServerMessage::Unmute {
                from: from.clone(),
                kind,
            },
        ),
        (
            "publish",
            ServerMessage::Publish {
                from: from.clone(),
                track: track(Some("camera")),
            },
        ),
        (
            "unpublish",
            ServerMessage::Unpublish {
                from: from.clone(),
                track_id: "cam-1".into(),
            },
        ),
        (
            "subscribe",
            ServerMessage::Subscribe {
                from: from.clone(),
                track_id: "cam-1".into(),
            },
        ),
        (
            "unsubscribe",
            ServerMessage::Unsubscribe {
                from: from.clone(),
                track_id: "cam-1".into(),
            },
        ),
        (
            "role",
            ServerMessage::Role {
                peer_id: from.clone(),
                role: Role::Moderator,
            },
        ),
        ("lock", ServerMessage::Lock { from: from.clone() }),
        ("unlock", ServerMessage::Unlock { from: from.clone() }),
        (
            "knock",
            ServerMessage::Knock {
                peer_id: from.clone(),
                identity: "ada".into(),
                name: Some("Ada".to_owned()),
            },
        ),
        ("knock-gone", ServerMessage::KnockGone { peer_id: from.clone() }),
        (
            "waiting",
            ServerMessage::Waiting {
                room_id: "tea".into(),
                peer_id: from,
                heartbeat_ms: 10_000,
            },
        ),
        (
            "denied",
            ServerMessage::Denied {
                room_id: "tea".into(),
                reason: Some("not today".to_owned()),
            },
        ),
        (
            "denied-plain",
            ServerMessage::Denied {
                room_id: "tea".into(),
                reason: None,
            },
        ),
        ("locked", ServerMessage::Locked { room_id: "tea".into() }),
        (
            "kicked",
            ServerMessage::Kicked {
                reason: Some("noise".to_owned()),
            },
        ),
        ("kicked-plain", ServerMessage::Kicked { reason: None }),
        (
            "full",
            ServerMessage::Full {
                room_id: "tea".into(),
                capacity: 2,
            },
        ),
        ("left", ServerMessage::Left),
        (
            "ended",
            ServerMessage::Ended {
                reason: "over".to_owned(),
            },
        ),
        ("pong", ServerMessage::Pong { seq: 7 }),
        (
            "ack",
            ServerMessage::Ack {
                id: 2,
                delivered: 1,
                queued: 0,
            },
        ),
        (
            "error",
            ServerMessage::Error {
                id: Some(2),
                code: ErrorCode::NoSuchPeer,
                message: "gone".to_owned(),
                retry_after_ms: None,
            },
        ),
        (
            "error-plain",
            ServerMessage::Error {
                id: None,
                code: ErrorCode::BadJson,
                message: "no JSON".to_owned(),
                retry_after_ms: None,
            },
        ),
        (
            "error-later",
            ServerMessage::Error {
                id: None,
                code: ErrorCode::RateLimited,
                message: "too fast".to_owned(),
                retry_after_ms: Some(250),
            },
        ),
    ]
}

/// A new message does not compile here until it has a line, and does not pass until it has a fixture.
fn client_type(message: &ClientMessage) -> &'static str {
    match message {
        ClientMessage::Join(_) => "join",
        ClientMessage::Leave => "leave",
        ClientMessage::Offer { .. } => "offer",
        ClientMessage::Answer { .. } => "answer",
        ClientMessage::Candidate { .. } => "candidate",
        ClientMessage::Message { .. } => "message",
        ClientMessage::Mute { .. } => "mute",
        ClientMessage::Unmute { .. } => "unmute",
        ClientMessage::Publish(_) => "publish",
        ClientMessage::Unpublish { .. } => "unpublish",
        ClientMessage::Subscribe { .. } => "subscribe",
        ClientMessage::Unsubscribe { .. } => "unsubscribe",
        ClientMessage::Kick { .. } => "kick",
        ClientMessage::Lock => "lock",
        ClientMessage::Unlock => "unlock",
        ClientMessage::Admit { .. } => "admit",
        ClientMessage::Deny { .. } => "deny",
        ClientMessage::End { .. } => "end",
        ClientMessage::Ping { .. } => "ping",
    }
}

fn server_type(message: &ServerMessage) -> &'static str {
    match message {
        ServerMessage::Joined(_) => "joined",
        ServerMessage::Resumed { .. } => "resumed",
        ServerMessage::PeerJoined(_) => "peer-joined",
        ServerMessage::PeerLeft { .. } => "peer-left",
        ServerMessage::PeerAway { .. } => "peer-away",
        ServerMessage::PeerBack { .. } => "peer-back",
        ServerMessage::Ready { .. } => "ready",
        ServerMessage::Offer { .. } => "offer",
        ServerMessage::Answer { .. } => "answer",
        ServerMessage::Candidate { .. } => "candidate",
        ServerMessage::Message { .. } => "message",
        ServerMessage::Mute { .. } => "mute",
        ServerMessage::Unmute { .. } => "unmute",
        ServerMessage::Publish { .. } => "publish",
        ServerMessage::Unpublish { .. } => "unpublish",
        ServerMessage::Subscribe { .. } => "subscribe",
        ServerMessage::Unsubscribe { .. } => "unsubscribe",
        ServerMessage::Role { .. } => "role",
        ServerMessage::Lock { .. } => "lock",
        ServerMessage::Unlock { .. } => "unlock",
        ServerMessage::Knock { .. } => "knock",
        ServerMessage::KnockGone { .. } => "knock-gone",
        ServerMessage::Waiting { .. } => "waiting",
        ServerMessage::Denied { .. } => "denied",
        ServerMessage::Locked { .. } => "locked",
        ServerMessage::Kicked { .. } => "kicked",
        ServerMessage::Full { .. } => "full",
        ServerMessage::Left => "left",
        ServerMessage::Ended { .. } => "ended",
        ServerMessage::Pong { .. } => "pong",
        ServerMessage::Ack { .. } => "ack",
        ServerMessage::Error { .. } => "error",
    }
}

/// Compares a message with its file, as values: the file's layout is a formatter's business.
fn compare(side: &str, name: &str, text: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(side);
    let path = folder.join(format!("{name}.json"));
    let written: Value = serde_json::from_str(text).expect("our JSON");
    if env::var_os("UPDATE_FIXTURES").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        let pretty = serde_json::to_string_pretty(&written).expect("JSON");
        fs::write(&path, pretty + "\n").expect("a file");
    }
    let fixture = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let fixture: Value = serde_json::from_str(&fixture).expect("a fixture is JSON");
    assert_eq!(written, fixture, "{side}/{name}.json");
}

fn files(side: &str) -> BTreeSet<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(side);
    let names = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.to_string_lossy().trim_end_matches(".json").to_owned())
        .collect()
}

#[test]
fn client_messages_are_written_and_read_as_their_fixtures_say() {
    let messages = client_messages();
    for (name, frame) in &messages {
        let text = frame.to_json();
        compare("client", name, &text);
        assert_eq!(ClientFrame::parse(&text).as_ref(), Ok(frame), "{name}");
        let value: Value = serde_json::from_str(&text).expect("our JSON");
        assert_eq!(value["type"], client_type(&frame.message));
    }
    assert_eq!(
        files("client"),
        messages.iter().map(|(name, _)| (*name).to_owned()).collect(),
        "no fixture too many"
    );
    let types: BTreeSet<_> = messages.iter().map(|(_, frame)| client_type(&frame.message)).collect();
    assert_eq!(types.len(), 19, "each type has a fixture");
}

#[test]
fn server_messages_are_written_and_read_as_their_fixtures_say() {
    let messages = server_messages();
    for (name, message) in &messages {
        let text = message.to_json();
        compare("server", name, &text);
        assert_eq!(ServerMessage::parse(&text), Ok(Some(message.clone())), "{name}");
        let value: Value = serde_json::from_str(&text).expect("our JSON");
        assert_eq!(value["type"], server_type(message));
    }
    assert_eq!(
        files("server"),
        messages.iter().map(|(name, _)| (*name).to_owned()).collect(),
        "no fixture too many"
    );
    let types: BTreeSet<_> = messages.iter().map(|(_, message)| server_type(message)).collect();
    assert_eq!(types.len(), 32, "each type has a fixture");
}

#[test]
fn s2_answers_stand_outside_the_count() {
    for (name, message) in server_messages() {
        let answer = matches!(server_type(&message), "resumed" | "pong" | "ack" | "error");
        assert_eq!(message.is_sequenced(), !answer, "{name}");
    }
}

#[test]
fn a_payload_stays_the_text_it_was() {
    let text = r#"{"type":"message","data":{"b": 1.10, "a":"\u00e9",  "n":12345678901234567890}}"#;
    let frame = ClientFrame::parse(text).expect("a message");
    let ClientMessage::Message { data, .. } = frame.message else {
        panic!("a message")
    };
    assert_eq!(
        data.as_json(),
        r#"{"b": 1.10, "a":"\u00e9",  "n":12345678901234567890}"#
    );
    assert!(!format!("{data:?}").contains("1.10"), "a payload is never shown");
}

#[test]
fn a_newer_servers_message_is_no_error_and_unknown_fields_are_ignored() {
    assert_eq!(ServerMessage::parse(r#"{"type":"sing","song":1}"#), Ok(None));
    let pong = ServerMessage::parse(r#"{"type":"pong","seq":3,"mood":"good"}"#);
    assert_eq!(pong, Ok(Some(ServerMessage::Pong { seq: 3 })));
    assert!(ServerMessage::parse(r#"{"type":"pong"}"#).is_err());
    assert!(ServerMessage::parse("{").is_err());
}

#[test]
fn what_is_wrong_with_a_frame_is_told_with_its_id_where_there_is_one() {
    for (text, code, id) in [
        ("{", ErrorCode::BadJson, None),
        ("{\"type\":\"ping\",\"id\":1", ErrorCode::BadJson, None),
        ("[]", ErrorCode::BadMessage, None),
        ("{\"id\":1}", ErrorCode::BadMessage, None),
        ("{\"type\":\"nonsense\",\"id\":1}", ErrorCode::BadMessage, Some(1)),
        ("{\"type\":\"join\",\"id\":2}", ErrorCode::BadMessage, Some(2)),
        (
            "{\"type\":\"join\",\"roomId\":7,\"id\":3}",
            ErrorCode::BadMessage,
            Some(3),
        ),
        (
            "{\"type\":\"mute\",\"kind\":\"smell\",\"id\":4}",
            ErrorCode::BadMessage,
            Some(4),
        ),
        ("{\"type\":\"ping\",\"id\":-1}", ErrorCode::BadMessage, None),
    ] {
        let error = ClientFrame::parse(text).expect_err(text);
        assert_eq!((error.code(), error.id()), (code, id), "{text}");
    }
    let long = format!(r#"{{"type":"mute","kind":"{}"}}"#, "x".repeat(10_000));
    let error = ClientFrame::parse(&long).expect_err("no kind");
    assert!(error.to_string().len() < 300, "an error is no echo");
}

#[test]
fn secrets_are_not_shown() {
    let frame = &client_messages()[1].1;
    let shown = format!("{frame:?}");
    assert!(!shown.contains("secret") && !shown.contains("a.b.c"), "{shown}");
    for (name, message) in server_messages() {
        let shown = format!("{message:?}");
        for secret in ["secret", "c2VjcmV0", "192.0.2.1", "v=0"] {
            assert!(!shown.contains(secret), "{name}: {shown}");
        }
    }
}

#[test]
fn the_40xx_family_is_final() {
    for (code, is_final) in [
        (CloseCode::Draining, false),
        (CloseCode::Idle, false),
        (CloseCode::Kicked, true),
        (CloseCode::Ended, true),
        (CloseCode::TakenOver, true),
        (CloseCode::BadVersion, true),
        (CloseCode::Flooding, true),
        (CloseCode::Unauthorized, true),
    ] {
        assert_eq!(CloseCode::is_final(code as u16), is_final, "{code:?}");
    }
    assert!(!CloseCode::is_final(1006));
}
