use crate::{Identity, MediaKind, ParseError, Payload, PeerId, Relay, ResumeToken, RoomId, TrackId, TrackInfo};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// A client's frame: a message, and the number under which it wants to be answered.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[ts(export, optional_fields)]
pub struct ClientFrame {
    /// Grows by one per session. With it, the message is answered exactly once: `ack` or `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number", optional)]
    pub id: Option<u64>,
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export, optional_fields)]
pub enum ClientMessage {
    /// Take a seat. The first one in makes the room.
    Join(Join),
    /// Give the seat up now: no grace. Answered with `left`.
    Leave,
    Offer {
        #[ts(type = "unknown")]
        sdp: Payload,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<PeerId>,
    },
    Answer {
        #[ts(type = "unknown")]
        sdp: Payload,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<PeerId>,
    },
    Candidate {
        #[ts(type = "unknown")]
        candidate: Payload,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<PeerId>,
    },
    /// Application data, unread by the server.
    Message {
        #[ts(type = "unknown")]
        data: Payload,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<PeerId>,
    },
    /// I stopped sending this kind.
    Mute {
        kind: MediaKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<PeerId>,
    },
    /// I send this kind again.
    Unmute {
        kind: MediaKind,
    },
    /// I send this track.
    Publish(TrackInfo),
    Unpublish {
        track_id: TrackId,
    },
    /// I want a track that `from` publishes.
    Subscribe {
        track_id: TrackId,
        from: PeerId,
    },
    Unsubscribe {
        track_id: TrackId,
        from: PeerId,
    },
    /// Moderators: take the seat away from this peer.
    Kick {
        peer_id: PeerId,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Moderators: let nobody in any more.
    Lock,
    Unlock,
    /// Moderators: give a seat to one who waits.
    Admit {
        peer_id: PeerId,
    },
    /// Moderators: send one who waits away.
    Deny {
        peer_id: PeerId,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Moderators: end the room, for everyone.
    End {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Liveness, and the cumulative acknowledgement of everything up to `seq`.
    Ping {
        #[ts(type = "number")]
        seq: u64,
    },
}

/// The wish for a seat.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, optional_fields)]
pub struct Join {
    pub room_id: RoomId,
    /// Default: the peerId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How many seats the room has; only the first one in is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Whether others wait until a moderator lets them in; only the first one in and moderators are heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lobby: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
    /// Names this join in the traces of every part it passes through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_id: Option<String>,
}

impl Join {
    /// Nothing but a seat in this room.
    pub fn new(room_id: impl Into<RoomId>) -> Self {
        Self {
            room_id: room_id.into(),
            identity: None,
            name: None,
            token: None,
            capacity: None,
            lobby: None,
            resume: None,
            join_id: None,
        }
    }
}

impl fmt::Debug for Join {
    /// The token is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("room_id", &self.room_id)
            .field("identity", &self.identity)
            .field("name", &self.name)
            .field("token", &self.token.as_ref().map(|_| "[hidden]"))
            .field("capacity", &self.capacity)
            .field("lobby", &self.lobby)
            .field("resume", &self.resume)
            .field("join_id", &self.join_id)
            .finish()
    }
}

/// The claim to a seat that lost its socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Resume {
    pub token: ResumeToken,
    /// The last message that arrived.
    #[ts(type = "number")]
    pub seq: u64,
}

impl ClientFrame {
    /// The frame's text.
    pub fn to_json(&self) -> String {
        // Every part is a string, a number or text that was JSON already, so there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads one frame. The payloads stay the text they were: nothing inside them is read.
    ///
    /// # Errors
    /// [`ParseError::Json`] when the text is not JSON, [`ParseError::Message`] when it is no message of ours.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match Relay::parse(text) {
            Some(relay) => Ok(relay.to_frame()),
            None => Self::parse_any(text),
        }
    }

    /// Reads one frame that is no [`Relay`].
    ///
    /// # Errors
    /// [`ParseError`], as of [`ClientFrame::parse`].
    pub fn parse_any(text: &str) -> Result<Self, ParseError> {
        let head: Head = match serde_json::from_str(text) {
            Ok(head) => head,
            // What is wrong may come before what is no JSON; and a number may be JSON, and too large for us.
            Err(error) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
                return Err(ParseError::Message {
                    reason: short(&error.to_string()),
                    id: None,
                });
            }
            Err(error) => return Err(ParseError::Json(error.to_string())),
        };
        let id = head.id;
        let message = ClientMessage::parse(&head.kind, text).map_err(|reason| ParseError::Message {
            reason: short(&reason),
            id,
        })?;
        Ok(Self { id, message })
    }
}

/// serde repeats what it found, however long that is.
fn short(reason: &str) -> String {
    reason.chars().take(200).collect()
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Option<u64>,
}

impl ClientMessage {
    /// The one peer that it is for; `None` where it is for everyone else, or for nobody but the server.
    pub fn to(&self) -> Option<&PeerId> {
        match self {
            Self::Offer { to, .. }
            | Self::Answer { to, .. }
            | Self::Candidate { to, .. }
            | Self::Message { to, .. }
            | Self::Mute { to, .. } => to.as_ref(),
            Self::Subscribe { from, .. } | Self::Unsubscribe { from, .. } => Some(from),
            Self::Kick { peer_id, .. } | Self::Admit { peer_id } | Self::Deny { peer_id, .. } => Some(peer_id),
            Self::Join(_)
            | Self::Leave
            | Self::Unmute { .. }
            | Self::Publish(_)
            | Self::Unpublish { .. }
            | Self::Lock
            | Self::Unlock
            | Self::End { .. }
            | Self::Ping { .. } => None,
        }
    }

    // serde's own tagged enums buffer what they read, which a raw payload cannot survive; so the tag is read first.
    fn parse(kind: &str, text: &str) -> Result<Self, String> {
        fn body<T: DeserializeOwned>(text: &str) -> Result<T, String> {
            serde_json::from_str(text).map_err(|error| error.to_string())
        }
        match kind {
            "join" => body(text).map(Self::Join),
            "leave" => Ok(Self::Leave),
            "offer" => body(text).map(|Sdp { sdp, to }| Self::Offer { sdp, to }),
            "answer" => body(text).map(|Sdp { sdp, to }| Self::Answer { sdp, to }),
            "candidate" => body(text).map(|Candidate { candidate, to }| Self::Candidate { candidate, to }),
            "message" => body(text).map(|Data { data, to }| Self::Message { data, to }),
            "mute" => body(text).map(|Kind { kind, to }| Self::Mute { kind, to }),
            "unmute" => body(text).map(|Kind { kind, .. }| Self::Unmute { kind }),
            "publish" => body(text).map(Self::Publish),
            "unpublish" => body(text).map(|Track { track_id }| Self::Unpublish { track_id }),
            "subscribe" => body(text).map(|Wish { track_id, from }| Self::Subscribe { track_id, from }),
            "unsubscribe" => body(text).map(|Wish { track_id, from }| Self::Unsubscribe { track_id, from }),
            "kick" => body(text).map(|Of { peer_id, reason }| Self::Kick { peer_id, reason }),
            "lock" => Ok(Self::Lock),
            "unlock" => Ok(Self::Unlock),
            "admit" => body(text).map(|Of { peer_id, .. }| Self::Admit { peer_id }),
            "deny" => body(text).map(|Of { peer_id, reason }| Self::Deny { peer_id, reason }),
            "end" => body(text).map(|End { reason }| Self::End { reason }),
            "ping" => body(text).map(|Ping { seq }| Self::Ping { seq }),
            other => Err(format!("unknown type `{}`", other.chars().take(40).collect::<String>())),
        }
    }
}

#[derive(Deserialize)]
struct Sdp {
    sdp: Payload,
    #[serde(default)]
    to: Option<PeerId>,
}

#[derive(Deserialize)]
struct Candidate {
    candidate: Payload,
    #[serde(default)]
    to: Option<PeerId>,
}

#[derive(Deserialize)]
struct Data {
    data: Payload,
    #[serde(default)]
    to: Option<PeerId>,
}

#[derive(Deserialize)]
struct Kind {
    kind: MediaKind,
    #[serde(default)]
    to: Option<PeerId>,
}

#[derive(Deserialize)]
struct Ping {
    #[serde(default)]
    seq: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Track {
    track_id: TrackId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    track_id: TrackId,
    from: PeerId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Of {
    peer_id: PeerId,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct End {
    #[serde(default)]
    reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [&str; 8] = [
        r#"{"type":"offer","sdp":{"type":"offer","sdp":"v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\n\u00e4"},"to":"p1","id":7}"#,
        r#" { "id" : 0 , "type" : "answer" , "sdp" : [ 1 , -2.5e+3 , true , null , { } , [ ] ] , "x" : "\"" } "#,
        r#"{"type":"candidate","candidate":{"candidate":"candidate:1 1 udp 2 203.0.113.7 4 typ host","sdpMLineIndex":0}}"#,
        r#"{"type":"message","data":"just text","to":"p2","from":"me","data2":[[[[{"a":{"b":[0.0,1E5]}}]]]]}"#,
        r#"{"type":"message","data":null,"id":18446744073709551615}"#,
        r#"{"type":"message","id":12,"id":13,"data":1}"#,
        r#"{"type":"ping","seq":3}"#,
        r#"{"type":"offer","candidate":"x","sdp":"\ud800"}"#,
    ];

    /// A small generator, so that a failing seed can be named.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound as u64) as usize
        }
    }

    #[test]
    fn the_quick_way_makes_the_same_of_a_frame() {
        let quick = |text: &str| Relay::parse(text).map(|relay| relay.to_frame());
        assert!(
            SAMPLES[..4].iter().all(|text| quick(text).is_some()),
            "the usual is quick"
        );
        let mut taken = 0;
        for seed in 1..60_000 {
            let dice = &mut Dice(seed);
            let mut bytes = SAMPLES[dice.below(SAMPLES.len())].as_bytes().to_vec();
            for _ in 0..dice.below(4) {
                let at = dice.below(bytes.len());
                let other = b"\"\\{}[]:, 0919.-+eEutfn\n\ta\x01";
                match dice.below(4) {
                    0 => bytes[at] = other[dice.below(other.len())],
                    1 => bytes.insert(at, other[dice.below(other.len())]),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.truncate(bytes.len() - dice.below(2)),
                }
            }
            let Ok(text) = String::from_utf8(bytes) else { continue };
            if let Some(frame) = quick(&text) {
                assert_eq!(ClientFrame::parse_any(&text), Ok(frame), "seed {seed}: {text}");
                taken += 1;
            }
        }
        assert!(taken > 10_000, "only {taken} were taken");
    }

    #[test]
    fn deep_frames_are_taken_one_way_or_the_other() {
        for depth in [1, 62, 63, 64, 65, 5_000] {
            let text = format!(
                r#"{{"type":"message","data":{}{}}}"#,
                "[".repeat(depth),
                "]".repeat(depth)
            );
            assert_eq!(ClientFrame::parse(&text), ClientFrame::parse_any(&text), "{depth}");
            assert!(ClientFrame::parse(&text).is_ok(), "{depth}");
        }
    }
}
