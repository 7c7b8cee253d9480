use super::ServerMessage;
use crate::RelayKind;

impl ServerMessage {
    /// The frame's text.
    pub fn to_json(&self) -> String {
        if let Some(text) = self.quick_json() {
            return text;
        }
        // Every part is a string, a number or text that was JSON already, so there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is said most often.
    fn quick_json(&self) -> Option<String> {
        Some(match self {
            Self::Offer { from, sdp } => RelayKind::Offer.json(from, sdp.as_json()),
            Self::Answer { from, sdp } => RelayKind::Answer.json(from, sdp.as_json()),
            Self::Candidate { from, candidate } => RelayKind::Candidate.json(from, candidate.as_json()),
            Self::Message { from, data } => RelayKind::Message.json(from, data.as_json()),
            Self::Pong { seq } => format!(r#"{{"type":"pong","seq":{seq}}}"#),
            Self::Ack { id, delivered, queued } => {
                format!(r#"{{"type":"ack","id":{id},"delivered":{delivered},"queued":{queued}}}"#)
            }
            Self::Joined(_)
            | Self::Resumed { .. }
            | Self::PeerJoined(_)
            | Self::PeerLeft { .. }
            | Self::PeerAway { .. }
            | Self::PeerBack { .. }
            | Self::Ready { .. }
            | Self::Mute { .. }
            | Self::Unmute { .. }
            | Self::Publish { .. }
            | Self::Unpublish { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Role { .. }
            | Self::Lock { .. }
            | Self::Unlock { .. }
            | Self::Knock { .. }
            | Self::KnockGone { .. }
            | Self::Waiting { .. }
            | Self::Denied { .. }
            | Self::Full { .. }
            | Self::Locked { .. }
            | Self::Kicked { .. }
            | Self::Left
            | Self::Ended { .. }
            | Self::Error { .. } => return None,
        })
    }
}
