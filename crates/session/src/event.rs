//! What the page hears of a session. The TypeScript core in `ui/src/core/session` says the same words.

use serde::Serialize;
use snug_protocol::{ErrorCode, Joined, PeerId, ServerMessage};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export, optional_fields)]
pub enum SessionEvent {
    /// A socket is being opened for the `attempt`-th time, from 1, since the last success.
    Connecting { attempt: u32 },
    /// A moderator has to let us in. `joined` or `ended` comes next, or `away`, and then the wait begins anew.
    Waiting { peer_id: PeerId },
    /// A fresh seat: whatever linked an earlier seat to others is void.
    Joined { joined: Joined },
    /// The same seat again: nothing to rebuild.
    Resumed { replayed: u32 },
    /// The socket is gone, or none could be had; the `attempt`-th try starts in `retry_in_ms` milliseconds.
    Away {
        attempt: u32,
        #[ts(type = "number")]
        retry_in_ms: u64,
        reason: AwayReason,
    },
    /// A sequenced message of the server, in order, none twice. Never `joined`, `full`, `left` or `ended`.
    Message { message: ServerMessage },
    /// What became of the message sent under `id`: exactly one of these per `id`, however often it was re-sent.
    Settled {
        #[ts(type = "number")]
        id: u64,
        outcome: Outcome,
    },
    /// The session is over, and it does not retry by itself. Always the last event.
    Ended { reason: EndReason },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[ts(export)]
pub enum Outcome {
    Delivered { delivered: u32, queued: u32 },
    Failed { code: ErrorCode, message: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum AwayReason {
    /// No connection could be made.
    Unreachable,
    /// The socket was closed or broke.
    Closed,
    /// The oldest ping stayed unanswered for too long.
    Silent,
    /// The server drains: resume at once.
    Draining,
    /// The server answered, but not with our protocol.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum EndReason {
    /// As asked.
    Left,
    Full,
    Locked,
    /// A moderator did not let us in.
    Denied,
    Kicked,
    /// The room was ended.
    Ended,
    /// Another socket took this seat over.
    TakenOver,
    /// The server wants a token, or does not take this one.
    Unauthorized,
    TokenExpired,
    Version,
    Flooding,
    /// The server refused the join itself as malformed: a bad room id, for one.
    BadJoin,
}
