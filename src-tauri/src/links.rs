//! Room links: `snug://HOST/r/ROOM#SECRET` and `http(s)://HOST/r/ROOM#SECRET`.
//!
//! The page reads them too (`ui/src/core/link.ts`); `tests/scenarios/links.json` holds both to the same answers.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The longest text that is looked at, in bytes.
const MAX_BYTES: usize = 2048;
/// As the protocol's limits have it.
const MAX_ROOM_CHARS: usize = 128;
/// 128 bits in base64url.
const SECRET_CHARS: usize = 22;

/// A room's address. The secret never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomLink {
    /// `http(s)://HOST[:PORT]`
    pub server: String,
    pub room: String,
    /// None for a room without one.
    pub secret: Option<String>,
}

/// Why a text is no room link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("this is not a link")]
    NotALink,
    #[error("a room link starts with snug:// or https://")]
    Scheme,
    #[error("the link names no server")]
    Server,
    #[error("the link names no room: it ends with /r/ROOM#SECRET")]
    Room,
    #[error("the part after # is not a room's secret: the link may have been cut")]
    Secret,
}

impl RoomLink {
    /// # Errors
    /// Says which part of the text is not as it should be.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(LinkError::NotALink);
        }
        let url = Url::parse(text).map_err(|_| LinkError::NotALink)?;
        // For `snug`, as for any scheme it does not know, the parser takes the host as it is written.
        let url = match url.scheme() {
            "http" | "https" => url,
            "snug" => web(text)?,
            _ => return Err(LinkError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() || url.host_str().is_none_or(str::is_empty) {
            return Err(LinkError::Server);
        }
        let room = url
            .path()
            .strip_prefix("/r/")
            .filter(|room| is_room(room))
            .ok_or(LinkError::Room)?;
        let secret = url.fragment().filter(|secret| !secret.is_empty());
        if secret.is_some_and(|secret| !is_secret(secret)) {
            return Err(LinkError::Secret);
        }
        Ok(Self {
            server: url.origin().ascii_serialization(),
            room: room.to_owned(),
            secret: secret.map(ToOwned::to_owned),
        })
    }
}

impl fmt::Debug for RoomLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}#[hidden]", self.server, self.room)
    }
}

/// `http(s)://HOST[:PORT]`, without anything behind it; None for anything else.
pub fn server(text: &str) -> Option<String> {
    let url = Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    (bare && url.username().is_empty() && url.password().is_none()).then(|| url.origin().ascii_serialization())
}

/// A link that this start, or a later one, was asked to open.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// As it was given, and perhaps no room link at all: the page has the words to say so.
    pub url: String,
    pub join_at_once: bool,
}

impl Opening {
    /// Somebody clicked a link. Whoever wrote it must not switch a camera on.
    pub fn by_link(url: &str) -> Self {
        Self {
            url: url.chars().take(MAX_BYTES).collect(),
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

/// A `snug` link names a server that speaks TLS, unless it is this machine.
fn web(text: &str) -> Result<Url, LinkError> {
    let rest = text.split_once("://").map(|(_, rest)| rest).ok_or(LinkError::Server)?;
    let mut url = Url::parse(&format!("https://{rest}")).map_err(|_| LinkError::Server)?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => return Err(LinkError::Server),
    };
    if here {
        url = Url::parse(&format!("http://{rest}")).map_err(|_| LinkError::Server)?;
    }
    Ok(url)
}

fn is_room(room: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '~');
    (1..=MAX_ROOM_CHARS).contains(&room.len()) && room.chars().all(plain)
}

fn is_secret(secret: &str) -> bool {
    let base64url = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    secret.len() == SECRET_CHARS && secret.chars().all(base64url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "QUJDREVGR0hJSktMTU5PUA";

    fn read(text: &str) -> Result<(String, String, Option<String>), LinkError> {
        RoomLink::parse(text).map(|link| (link.server, link.room, link.secret))
    }

    fn link(server: &str, room: &str, secret: Option<&str>) -> Result<(String, String, Option<String>), LinkError> {
        Ok((server.into(), room.into(), secret.map(Into::into)))
    }

    #[test]
    fn reads_every_form_of_a_link() {
        let tea = |server| link(server, "tea-room", Some(SECRET));
        assert_eq!(
            read(&format!("snug://example.org/r/tea-room#{SECRET}")),
            tea("https://example.org")
        );
        assert_eq!(
            read(&format!("https://example.org/r/tea-room#{SECRET}")),
            tea("https://example.org")
        );
        assert_eq!(
            read(&format!("HTTPS://Example.ORG:443/r/tea-room#{SECRET}")),
            tea("https://example.org")
        );
        assert_eq!(
            read(&format!("snug://example.org:8443/r/tea-room#{SECRET}")),
            tea("https://example.org:8443")
        );
        assert_eq!(
            read(&format!("snug://localhost:7000/r/tea-room#{SECRET}")),
            tea("http://localhost:7000")
        );
        assert_eq!(
            read(&format!("snug://127.0.0.1:7000/r/tea-room#{SECRET}")),
            tea("http://127.0.0.1:7000")
        );
        assert_eq!(
            read(&format!("snug://[::1]:7000/r/tea-room#{SECRET}")),
            tea("http://[::1]:7000")
        );
        assert_eq!(read("http://192.0.2.7/r/a"), link("http://192.0.2.7", "a", None));
        assert_eq!(
            read("  https://example.org/r/a#  "),
            link("https://example.org", "a", None)
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_link() {
        for (text, error) in [
            ("", LinkError::NotALink),
            ("tea-room", LinkError::NotALink),
            ("javascript:alert(1)", LinkError::Scheme),
            ("file:///etc/passwd", LinkError::Scheme),
            ("snug:example.org", LinkError::Server),
            ("snug:///r/tea", LinkError::Room),
            ("https://user@example.org/r/tea", LinkError::Server),
            ("snug://user:word@example.org/r/tea", LinkError::Server),
            ("https://example.org/", LinkError::Room),
            ("https://example.org/r/", LinkError::Room),
            ("https://example.org/r/tea/x", LinkError::Room),
            ("https://example.org/x/../r/%2e%2e", LinkError::Room),
            ("https://example.org/r/tea#short", LinkError::Secret),
            ("https://example.org/r/tea#QUJDREVGR0hJSktMTU5P\"A", LinkError::Secret),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        assert_eq!(
            read(&format!("https://example.org/r/{}", "a".repeat(129))),
            Err(LinkError::Room)
        );
        assert_eq!(
            read(&format!("https://example.org/r/{}", "a".repeat(4096))),
            Err(LinkError::NotALink)
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let text = format!("https://example.org/r/tea#{SECRET}");
        assert!(!format!("{:?}", RoomLink::parse(&text)).contains(SECRET));
        assert!(!format!("{:?}", Opening::by_wish(&text)).contains(SECRET));
    }

    #[test]
    fn a_server_is_an_origin() {
        assert_eq!(server("http://127.0.0.1:7000/"), Some("http://127.0.0.1:7000".into()));
        assert_eq!(server("https://example.org"), Some("https://example.org".into()));
        for wrong in [
            "example.org",
            "ws://example.org",
            "https://example.org/path",
            "https://a@example.org",
            "",
        ] {
            assert_eq!(server(wrong), None, "{wrong}");
        }
    }
}
