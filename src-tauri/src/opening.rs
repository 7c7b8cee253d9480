//! What a start was asked to open.

use std::fmt;

use crate::links::MAX_CHARS;

/// A link, or what somebody took for one: the page reads it, and has the words to say that it is none.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// As it was given, but no longer than a link can be.
    pub url: String,
    pub join_at_once: bool,
}

impl Opening {
    /// Somebody clicked a link. Whoever wrote it must not switch a camera on.
    pub fn by_link(url: &str) -> Self {
        Self {
            // One character more than a link has, so that the page sees it was too long.
            url: url.chars().take(MAX_CHARS + 1).collect(),
            join_at_once: false,
        }
    }

    /// The person asked to be in the call.
    pub fn by_wish(url: &str) -> Self {
        Self {
            join_at_once: true,
            ..Self::by_link(url)
        }
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening {{ url: [hidden], join_at_once: {} }}", self.join_at_once)
    }
}
