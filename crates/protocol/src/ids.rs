use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use ts_rs::TS;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident($text:ty)) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(export, type = "string")]
        pub struct $name($text);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    };
}

text_id!(
    /// One seat in one room, assigned by the server; unguessable.
    PeerId(Arc<str>)
);
text_id!(
    /// A room's name: 1 to 128 characters.
    RoomId(Arc<str>)
);
text_id!(
    /// Who somebody is: stable, and perhaps in the room twice. At most 128 characters.
    Identity(Arc<str>)
);
text_id!(
    /// One track of one publisher, named by it: 1 to 128 characters.
    TrackId(Arc<str>)
);
text_id!(
    /// The secret that takes a seat up again after its socket died. Single use; a resume rotates it.
    ResumeToken(String)
);

macro_rules! shown {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}

shown!(PeerId, RoomId, Identity, TrackId);

/// A peerId's text is its owner's identity where there is no other.
impl From<PeerId> for Identity {
    fn from(peer: PeerId) -> Self {
        Self(peer.0)
    }
}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
