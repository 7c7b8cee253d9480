use crate::shared::shared;
use crate::{ClientFrame, ClientMessage, Payload, PeerId, json, scan};
use std::sync::Arc;

/// A frame of one of the four types that are relayed unread, where it lies: nothing of it is copied.
#[derive(Clone, Copy)]
pub struct Relay<'a> {
    pub kind: RelayKind,
    pub id: Option<u64>,
    pub to: Option<&'a str>,
    /// JSON, as it came.
    pub(crate) payload: &'a str,
}

/// What is relayed unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayKind {
    Offer,
    Answer,
    Candidate,
    Message,
}

impl<'a> Relay<'a> {
    /// Reads nearly all that a server hears, quickly. What is `None` may still be a frame: see [`ClientFrame::parse`].
    pub fn parse(text: &'a str) -> Option<Self> {
        scan::relay(text)
    }

    /// The text of the frame that its receivers get, for all of them.
    pub fn text(&self, from: &PeerId) -> Arc<str> {
        shared(|text| self.kind.write(from, self.payload, text))
    }

    /// The same as a frame of its own.
    pub fn to_frame(&self) -> ClientFrame {
        let to = self.to.map(PeerId::from);
        let payload = Payload::unchecked(self.payload);
        let message = match self.kind {
            RelayKind::Offer => ClientMessage::Offer { sdp: payload, to },
            RelayKind::Answer => ClientMessage::Answer { sdp: payload, to },
            RelayKind::Candidate => ClientMessage::Candidate { candidate: payload, to },
            RelayKind::Message => ClientMessage::Message { data: payload, to },
        };
        ClientFrame { id: self.id, message }
    }
}

impl RelayKind {
    /// What makes up nearly all that a server says, without a second look at what was read as JSON already.
    pub(crate) fn write(self, from: &PeerId, payload: &str, text: &mut String) {
        let (before, between) = match self {
            Self::Offer => (r#"{"type":"offer","from":"#, r#","sdp":"#),
            Self::Answer => (r#"{"type":"answer","from":"#, r#","sdp":"#),
            Self::Candidate => (r#"{"type":"candidate","from":"#, r#","candidate":"#),
            Self::Message => (r#"{"type":"message","from":"#, r#","data":"#),
        };
        let from = from.as_str();
        text.reserve(before.len() + from.len() + between.len() + payload.len() + 3);
        text.push_str(before);
        json::string(from, text);
        text.push_str(between);
        text.push_str(payload);
        text.push('}');
    }
}
