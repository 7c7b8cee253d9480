use serde::{Deserialize, Serialize};
use snug_protocol::Identity;

/// What one who joins may do: what a verified token says, or what an open server gives to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who it is for: the join may name no other. `None`: anybody.
    pub identity: Option<Identity>,
    /// Counts instead of the join's own.
    pub name: Option<String>,
    /// Moderates, whoever was there first; waits in no lobby and before no lock.
    pub moderator: bool,
    pub rights: Rights,
}

/// What a seat may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Announce tracks, and unmute (rule G2).
    pub publish: bool,
    /// Ask for tracks.
    pub subscribe: bool,
    /// Send application data.
    pub data: bool,
    /// Is in nobody's roster (rule G3).
    pub hidden: bool,
    /// Came without a token: moderates when nobody else does (rules J1 and K1).
    pub open: bool,
}

impl Grant {
    /// What an open server gives: everything, and the first one in is the moderator.
    pub fn open() -> Self {
        Self {
            identity: None,
            name: None,
            moderator: false,
            rights: Rights {
                open: true,
                ..Rights::ALL
            },
        }
    }
}

impl Rights {
    /// All that a token can give, in sight of everybody.
    pub const ALL: Self = Self {
        publish: true,
        subscribe: true,
        data: true,
        hidden: false,
        open: false,
    };
}
