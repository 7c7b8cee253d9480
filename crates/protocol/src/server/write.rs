use super::ServerMessage;
use crate::RelayKind;
use crate::shared::shared;
use std::fmt::Write;
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

    /// Into an empty text. Every part is a string, a number or text that was JSON already, so there is nothing that could fail.
    fn write(&self, text: &mut String) {
        if self.write_quickly(text).is_some() {
            return;
        }
        let mut bytes = std::mem::take(text).into_bytes();
        *text = serde_json::to_writer(&mut bytes, self)
            .ok()
            .and_then(|()| String::from_utf8(bytes).ok())
            .unwrap_or_default();
    }

    /// What is said most often.
    fn write_quickly(&self, text: &mut String) -> Option<()> {
        match self {
            Self::Offer { from, sdp } => RelayKind::Offer.write(from, sdp.as_json(), text),
            Self::Answer { from, sdp } => RelayKind::Answer.write(from, sdp.as_json(), text),
            Self::Candidate { from, candidate } => RelayKind::Candidate.write(from, candidate.as_json(), text),
            Self::Message { from, data } => RelayKind::Message.write(from, data.as_json(), text),
            Self::Pong { seq } => write!(text, r#"{{"type":"pong","seq":{seq}}}"#).ok()?,
            Self::Ack { id, delivered, queued } => {
                write!(
                    text,
                    r#"{{"type":"ack","id":{id},"delivered":{delivered},"queued":{queued}}}"#
                )
                .ok()?;
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
        }
        Some(())
    }
}
