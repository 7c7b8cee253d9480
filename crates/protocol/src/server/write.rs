use super::{Joined, LeaveReason, PeerInfo, Role, ServerMessage, Topology};
use crate::shared::shared;
use crate::{IceServer, RelayKind, json};
use std::sync::Arc;

impl ServerMessage {
    /// The frame's text.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The same, for all who get it.
    pub fn text(&self) -> Arc<str> {
        shared(|text| self.write(text))
    }

    /// Every part is a string, a number or text that was JSON already, so there is nothing that could fail. What each
    /// call needs is written by hand, which takes a fifth of serde's time, and is what serde would write.
    fn write(&self, text: &mut String) {
        match self {
            Self::Offer { from, sdp } => RelayKind::Offer.write(from, sdp.as_json(), text),
            Self::Answer { from, sdp } => RelayKind::Answer.write(from, sdp.as_json(), text),
            Self::Candidate { from, candidate } => RelayKind::Candidate.write(from, candidate.as_json(), text),
            Self::Message { from, data } => RelayKind::Message.write(from, data.as_json(), text),
            Self::Pong { seq } => {
                text.push_str(r#"{"type":"pong","seq":"#);
                json::number(*seq, text);
                text.push('}');
            }
            Self::Ack { id, delivered, queued } => {
                text.push_str(r#"{"type":"ack","id":"#);
                json::number(*id, text);
                field("delivered", text);
                json::number(u64::from(*delivered), text);
                field("queued", text);
                json::number(u64::from(*queued), text);
                text.push('}');
            }
            Self::Joined(joined) => write_joined(joined, text),
            Self::PeerJoined(info) => {
                text.push_str(r#"{"type":"peer-joined","#);
                write_info(info, text);
                text.push('}');
            }
            Self::PeerLeft {
                peer_id,
                identity,
                reason,
            } => {
                text.push_str(r#"{"type":"peer-left","peerId":"#);
                json::string(peer_id.as_str(), text);
                field("identity", text);
                json::string(identity.as_str(), text);
                field("reason", text);
                text.push_str(match reason {
                    LeaveReason::Left => r#""left""#,
                    LeaveReason::Timeout => r#""timeout""#,
                    LeaveReason::Kicked => r#""kicked""#,
                    LeaveReason::Ended => r#""ended""#,
                });
                text.push('}');
            }
            Self::Role { peer_id, role } => {
                text.push_str(r#"{"type":"role","peerId":"#);
                json::string(peer_id.as_str(), text);
                write_role(*role, text);
                text.push('}');
            }
            Self::Left => text.push_str(r#"{"type":"left"}"#),
            Self::Resumed { .. }
            | Self::PeerAway { .. }
            | Self::PeerBack { .. }
            | Self::Ready { .. }
            | Self::Mute { .. }
            | Self::Unmute { .. }
            | Self::Publish { .. }
            | Self::Unpublish { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Lock { .. }
            | Self::Unlock { .. }
            | Self::Knock { .. }
            | Self::KnockGone { .. }
            | Self::Waiting { .. }
            | Self::Denied { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Kicked { .. }
            | Self::Ended { .. }
            | Self::Error { .. } => json::any(self, text),
        }
    }
}

fn write_joined(joined: &Joined, text: &mut String) {
    let Joined {
        peer_id,
        room_id,
        identity,
        name,
        role,
        peers,
        resume_token,
        grace_ms,
        heartbeat_ms,
        ice_servers,
        topology,
        capacity,
        locked,
        seq,
        protocol,
    } = joined;
    text.push_str(r#"{"type":"joined","peerId":"#);
    json::string(peer_id.as_str(), text);
    field("roomId", text);
    json::string(room_id.as_str(), text);
    field("identity", text);
    json::string(identity.as_str(), text);
    optional("name", name.as_deref(), text);
    write_role(*role, text);
    field("peers", text);
    list(peers, text, |peer, text| {
        text.push('{');
        write_info(peer, text);
        text.push('}');
    });
    field("resumeToken", text);
    json::string(resume_token.as_str(), text);
    field("graceMs", text);
    json::number(*grace_ms, text);
    field("heartbeatMs", text);
    json::number(*heartbeat_ms, text);
    field("iceServers", text);
    list(ice_servers, text, write_ice_server);
    field("topology", text);
    text.push_str(match topology {
        Topology::Mesh => r#""mesh""#,
        Topology::Sfu => r#""sfu""#,
    });
    field("capacity", text);
    json::number(u64::from(*capacity), text);
    field("locked", text);
    text.push_str(if *locked { "true" } else { "false" });
    field("seq", text);
    json::number(*seq, text);
    field("protocol", text);
    json::number(u64::from(*protocol), text);
    text.push('}');
}

/// The fields of an object.
fn write_info(info: &PeerInfo, text: &mut String) {
    let PeerInfo {
        peer_id,
        identity,
        name,
        role,
        away,
        muted,
        tracks,
    } = info;
    text.push_str(r#""peerId":"#);
    json::string(peer_id.as_str(), text);
    field("identity", text);
    json::string(identity.as_str(), text);
    optional("name", name.as_deref(), text);
    write_role(*role, text);
    field("away", text);
    text.push_str(if *away { "true" } else { "false" });
    field("muted", text);
    list(muted, text, json::any);
    if !tracks.is_empty() {
        field("tracks", text);
        list(tracks, text, json::any);
    }
}

fn write_ice_server(server: &IceServer, text: &mut String) {
    let IceServer {
        urls,
        username,
        credential,
    } = server;
    text.push_str(r#"{"urls":"#);
    list(urls, text, |url, text| json::string(url, text));
    optional("username", username.as_deref(), text);
    optional("credential", credential.as_deref(), text);
    text.push('}');
}

fn write_role(role: Role, text: &mut String) {
    text.push_str(match role {
        Role::Moderator => r#","role":"moderator""#,
        Role::Member => r#","role":"member""#,
    });
}

/// A key that is not the first one.
fn field(name: &str, text: &mut String) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":");
}

fn optional(name: &str, value: Option<&str>, text: &mut String) {
    if let Some(value) = value {
        field(name, text);
        json::string(value, text);
    }
}

fn list<T>(items: &[T], text: &mut String, mut write: impl FnMut(&T, &mut String)) {
    text.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write(item, text);
    }
    text.push(']');
}

#[cfg(test)]
mod tests;
