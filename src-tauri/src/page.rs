//! The words between the page and the shell. Their TypeScript twins are in `ui/src/generated`.

use crate::opening::Opening;
use serde::{Deserialize, Serialize};
use snug_session::SessionEvent;
use ts_rs::TS;

/// Numbers the sessions of a run, from 1.
pub type SessionId = u32;

/// What the page learns when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct BootInfo {
    pub version: String,
    pub platform: Platform,
    /// `http(s)://HOST[:PORT]` that new rooms are started on; null where the person has to name one first.
    pub default_server: Option<String>,
    /// What this start was asked to open: a room link, or what somebody took for one. Told once: a page that is
    /// loaded again hears null.
    pub first_link: Option<String>,
    /// The person asked to skip the lobby (`snug --join URL`). A link alone never does.
    pub join_at_once: bool,
    /// False where the plugin has to provide `RTCPeerConnection`.
    pub native_peer_connection: bool,
    /// The camera and the microphone are the webview's mock devices.
    pub test_mode: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Platform {
    Linux,
    Macos,
    Windows,
}

impl Platform {
    pub const fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Macos
        } else {
            Self::Linux
        }
    }
}

/// What the shell tells the page, in order, through the channel given to `listen`.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export)]
pub enum ShellEvent {
    /// Of a session that `join` answered with this number. It may come before that answer does.
    Session { session_id: SessionId, event: SessionEvent },
    /// A deep link, or a second start.
    Link { url: String, join_at_once: bool },
    /// Addresses of this machine came or went. The sessions know already.
    Network,
    /// The window is about to close. The shell leaves the rooms itself; the page says `closed` when it is done.
    Closing,
}

impl From<Opening> for ShellEvent {
    fn from(Opening { url, join_at_once }: Opening) -> Self {
        Self::Link { url, join_at_once }
    }
}

/// The wish for a seat.
#[derive(Clone, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct JoinRequest {
    /// `http(s)://HOST[:PORT]`
    pub server: String,
    pub room_id: String,
    pub name: Option<String>,
    pub identity: Option<String>,
    /// Heard only from the first one in.
    pub capacity: Option<u32>,
    /// What an operator's invitation carries; null on a server that is open to all.
    pub token: Option<String>,
    /// Names this join in every part's traces: letters, digits and hyphens, at most 64.
    pub join_id: String,
}

/// Why waiting on may have become pointless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum HintKind {
    Online,
    Visible,
    Woken,
}

impl From<HintKind> for snug_session::Hint {
    fn from(kind: HintKind) -> Self {
        match kind {
            HintKind::Online => Self::Online,
            HintKind::Visible => Self::Visible,
            HintKind::Woken => Self::Woken,
        }
    }
}

/// Why a command was refused. The page looks the words up by `code`; `message` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct CommandError {
    pub code: CommandErrorCode,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum CommandErrorCode {
    /// An argument is not of the form it must have.
    BadArgument,
    /// No session has this number, or it is over.
    NoSuchSession,
    /// More sessions at once than a page can need.
    TooManySessions,
    /// The session is too far behind to take a message. Nothing was taken.
    Busy,
    /// The desktop did not do what was asked.
    Desktop,
    /// The app is ending.
    Ending,
}

impl CommandError {
    pub fn new(code: CommandErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub fn bad_argument(message: impl Into<String>) -> Self {
        Self::new(CommandErrorCode::BadArgument, message)
    }
}
