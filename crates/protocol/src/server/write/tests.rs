use super::*;
use crate::{MediaKind, TrackInfo};

fn info(name: Option<&str>, role: Role, tracks: Vec<TrackInfo>) -> PeerInfo {
    PeerInfo {
        peer_id: "p-1_".into(),
        identity: "Zoë \"Z\" \\ \u{7f}".into(),
        name: name.map(Into::into),
        role,
        away: !tracks.is_empty(),
        muted: tracks.iter().map(|track| track.kind).collect(),
        tracks,
    }
}

fn joined(peers: Vec<PeerInfo>, ice_servers: Vec<IceServer>, topology: Topology) -> ServerMessage {
    ServerMessage::Joined(Joined {
        peer_id: "p".into(),
        room_id: "a room\n\u{1}".into(),
        identity: "ann".into(),
        name: (!peers.is_empty()).then(|| "Ann\t".to_owned()),
        role: Role::Member,
        locked: peers.is_empty(),
        peers,
        resume_token: "t".into(),
        grace_ms: 0,
        heartbeat_ms: u64::MAX,
        ice_servers,
        topology,
        capacity: 12,
        seq: 1,
        protocol: u32::MAX,
    })
}

#[test]
fn what_is_written_by_hand_is_what_serde_writes() {
    let track = |kind, source: Option<&str>| TrackInfo {
        track_id: "t\"1".into(),
        kind,
        source: source.map(Into::into),
    };
    let tracks = vec![track(MediaKind::Video, Some("camera")), track(MediaKind::Audio, None)];
    let people = vec![
        info(None, Role::Member, Vec::new()),
        info(Some(""), Role::Moderator, tracks),
    ];
    let ice = |urls: &[&str], username: Option<&str>| IceServer {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        username: username.map(Into::into),
        credential: username.map(|_| "+/=".into()),
    };
    let servers = vec![
        ice(&["stun:a:1"], None),
        ice(&["turn:a", "turns:b"], Some("1:ann")),
        ice(&[], None),
    ];
    let left = |reason| ServerMessage::PeerLeft {
        peer_id: "p".into(),
        identity: "\u{0}".into(),
        reason,
    };
    let mut messages = vec![
        joined(people.clone(), servers, Topology::Mesh),
        joined(Vec::new(), Vec::new(), Topology::Sfu),
        ServerMessage::Left,
        ServerMessage::Pong { seq: u64::MAX },
        ServerMessage::Ack {
            id: 7,
            delivered: 0,
            queued: 3,
        },
        ServerMessage::Ready { is_initiator: true },
        ServerMessage::Full {
            room_id: "r".into(),
            capacity: 2,
        },
    ];
    messages.extend(people.into_iter().map(ServerMessage::PeerJoined));
    messages.extend([Role::Moderator, Role::Member].map(|role| ServerMessage::Role {
        peer_id: "p".into(),
        role,
    }));
    messages.extend(
        [
            LeaveReason::Left,
            LeaveReason::Timeout,
            LeaveReason::Kicked,
            LeaveReason::Ended,
        ]
        .map(left),
    );
    for message in messages {
        assert_eq!(message.to_json(), serde_json::to_string(&message).expect("JSON"));
    }
}
