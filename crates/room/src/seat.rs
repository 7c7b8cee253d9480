use crate::answered::Answered;
use crate::outbox::Outbox;
use crate::{Frame, SocketId};
use snug_protocol::{Identity, MediaKind, PeerId, PeerInfo, ResumeToken, Role, RoomId};
use std::collections::BTreeSet;
use std::time::Instant;

/// One place in one room, with its session: it outlives its socket by the grace period.
pub(crate) struct Seat {
    pub(crate) peer_id: PeerId,
    pub(crate) room: RoomId,
    pub(crate) identity: Identity,
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
    pub(crate) muted: BTreeSet<MediaKind>,
    pub(crate) presence: Presence,
    pub(crate) token: ResumeToken,
    /// The token before, good until the client shows that it has the new one (rule R4).
    pub(crate) previous: Option<ResumeToken>,
    pub(crate) outbox: Outbox,
    pub(crate) answered: Answered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Live { socket: SocketId },
    Away { until: Instant },
}

/// Where a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Sent(SocketId),
    Queued,
    /// The outbox of an away seat ran over: the session is to end.
    Overflow,
}

impl Seat {
    pub(crate) fn info(&self) -> PeerInfo {
        PeerInfo {
            peer_id: self.peer_id.clone(),
            identity: self.identity.clone(),
            name: self.name.clone(),
            role: self.role,
            away: matches!(self.presence, Presence::Away { .. }),
            muted: self.muted.iter().copied().collect(),
        }
    }

    /// Numbers a message and keeps it until it is acknowledged.
    pub(crate) fn deliver(&mut self, frame: &Frame, limit: (usize, usize)) -> Delivery {
        self.outbox.push(frame.clone());
        match self.presence {
            Presence::Live { socket } => {
                self.outbox.trim(limit);
                Delivery::Sent(socket)
            }
            Presence::Away { .. } if self.outbox.is_over(limit) => Delivery::Overflow,
            Presence::Away { .. } => Delivery::Queued,
        }
    }
}
