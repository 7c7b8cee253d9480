//! The command line. A second start hands its own to the window that is already open.

use crate::links::{LinkError, RoomLink};
use crate::opening::Opening;
use clap::Parser;

/// Video chat: click a room link, and you are in the call.
#[derive(Debug, Parser)]
#[command(name = "snug", version)]
pub struct Args {
    /// A room link, snug://HOST/r/ROOM#SECRET or https://HOST/r/ROOM#SECRET: opens its lobby
    #[arg(value_name = "URL", conflicts_with = "join")]
    url: Option<String>,

    /// Goes straight into the call, with camera and microphone as they were left
    #[arg(long, value_name = "URL", value_parser = room_link)]
    join: Option<String>,
}

impl Args {
    /// What this start was asked to open.
    pub fn first_link(&self) -> Option<Opening> {
        let joined = self.join.as_deref().map(Opening::by_wish);
        joined.or_else(|| self.url.as_deref().map(Opening::by_link))
    }
}

/// The room's code alone will do where the page knows a server.
fn room_link(text: &str) -> Result<String, LinkError> {
    RoomLink::parse(text, Some("https://localhost")).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "snug://example.org/r/tea#AAAAAAAAAAAAAAAAAAAAAA";

    fn opening(argv: &[&str]) -> Option<Opening> {
        Args::try_parse_from([&["snug"], argv].concat()).ok()?.first_link()
    }

    #[test]
    fn only_join_skips_the_lobby() {
        assert!(opening(&["--join", LINK]).is_some_and(|opening| opening.join_at_once));
        assert!(opening(&[LINK]).is_some_and(|opening| !opening.join_at_once));
        assert!(opening(&[]).is_none());
    }

    #[test]
    fn a_wrong_link_is_refused_after_join_and_shown_by_the_page_otherwise() {
        assert!(Args::try_parse_from(["snug", "--join", "no room"]).is_err());
        assert!(opening(&["no room"]).is_some_and(|opening| opening.url == "no room"));
        assert!(Args::try_parse_from(["snug", LINK, "--join", LINK]).is_err());
    }

    #[test]
    fn help_and_version_explain_themselves() {
        for flag in ["--help", "--version"] {
            let answer = Args::try_parse_from(["snug", flag]).map(|_| ());
            assert!(answer.is_err_and(|answer| !answer.use_stderr()));
        }
    }
}
