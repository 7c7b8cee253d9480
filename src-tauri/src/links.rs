//! Room links: `https://HOST/r/ROOM#SECRET`, `snug://HOST/r/ROOM#SECRET`, and the same without a scheme.
//!
//! A stranger may have written them, so the grammar is a narrow one of our own and not all that a URL may be: ASCII
//! only, no user, no escapes, one path. The page reads them too (`ui/src/core/link.ts`);
//! `tests/scenarios/links.json` holds both to the same answers.

mod host;

use std::fmt;

/// The longest link, in characters.
pub const MAX_CHARS: usize = 10_240;

/// A room's address. Secret and token never show in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomLink {
    /// `http(s)://HOST[:PORT]`
    pub server: String,
    pub room: String,
    /// 128 random bits, base64url; None for a room without one.
    pub secret: Option<String>,
    /// One person's own way in, on a server that lets in only whom its operator invited.
    pub token: Option<String>,
}

/// Why a text is no room link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("there is no link")]
    Empty,
    #[error("the link is too long")]
    TooLong,
    #[error("a room link starts with https:// or snug://")]
    Scheme,
    #[error("the link names no server that could be reached")]
    Host,
    #[error("the link names no room: it ends with /r/ROOM#SECRET")]
    Path,
    #[error("the link's room has a name that no room can have")]
    Room,
    #[error("the part after # is no room's secret: the link may have been cut")]
    Secret,
    #[error("a room's code alone does not say which server it is on")]
    NoServer,
}

impl RoomLink {
    /// Reads a link, or `ROOM[#SECRET]` on `default_server`.
    ///
    /// # Errors
    /// Says which part of the text is not as it should be.
    pub fn parse(text: &str, default_server: Option<&str>) -> Result<Self, LinkError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        match text.chars().take(MAX_CHARS + 1).count() {
            0 => return Err(LinkError::Empty),
            count if count > MAX_CHARS => return Err(LinkError::TooLong),
            _ => {}
        }
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let address = without_query(address);
        let (secret, token) = read_fragment(fragment).ok_or(LinkError::Secret)?;
        if !address.contains(['/', ':']) {
            // Without a dot, or a bare host would be taken for a room.
            if address.contains('.') || !is_room(address) {
                return Err(LinkError::Room);
            }
            let server = default_server.ok_or(LinkError::NoServer)?.to_owned();
            return Ok(Self {
                server,
                room: address.to_owned(),
                secret,
                token,
            });
        }
        let (scheme, rest) = split_scheme(address).ok_or(LinkError::Scheme)?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let server = host::origin(scheme, authority).ok_or(LinkError::Host)?;
        let room = path.strip_prefix("/r/").ok_or(LinkError::Path)?;
        let room = room.strip_suffix('/').unwrap_or(room);
        if !is_room(room) {
            return Err(LinkError::Room);
        }
        Ok(Self {
            server,
            room: room.to_owned(),
            secret,
            token,
        })
    }
}

impl fmt::Debug for RoomLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}#[hidden]", self.server, self.room)
    }
}

/// `http(s)://HOST[:PORT]` in its one written form; None for anything else.
pub fn server(text: &str) -> Option<String> {
    match split_scheme(text)? {
        (Scheme::Snug, _) => None,
        (scheme, rest) => host::origin(scheme, rest.strip_suffix('/').unwrap_or(rest)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Https,
    Http,
    /// TLS or not, as the host has it. `example.org/r/x`, as browsers copy it, is read like this too.
    Snug,
}

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    let named = text.split_once("://").filter(|(name, _)| is_scheme(name));
    let Some((name, rest)) = named else {
        return (!has_other_scheme(text)).then_some((Scheme::Snug, text));
    };
    match name.to_ascii_lowercase().as_str() {
        "https" => Some((Scheme::Https, rest)),
        "http" => Some((Scheme::Http, rest)),
        "snug" => Some((Scheme::Snug, rest)),
        _ => None,
    }
}

fn is_scheme(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '.' | '-'))
}

/// `javascript:alert(1)` has a scheme without slashes; `example.org:8080` has a port.
fn has_other_scheme(text: &str) -> bool {
    if text.starts_with('[') {
        return false;
    }
    let authority = text.split('/').next().unwrap_or_default();
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    match authority.split_once(':') {
        Some((_, port)) => !is_port(port),
        None => false,
    }
}

fn without_query(address: &str) -> &str {
    match address.split_once('?') {
        Some((before, query)) if query.bytes().all(|byte| byte.is_ascii_graphic()) => before,
        Some(_) | None => address,
    }
}

fn is_room(room: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    (1..=128).contains(&room.len())
        && room.starts_with(|first: char| first.is_ascii_alphanumeric())
        && room.chars().all(plain)
}

/// `SECRET`, `token=JWT`, or both with `&` between; None for anything else.
fn read_fragment(fragment: &str) -> Option<(Option<String>, Option<String>)> {
    let (secret, token) = match fragment.split_once('&') {
        Some((secret, rest)) => (Some(secret), Some(rest)),
        None if fragment.starts_with("token=") => (None, Some(fragment)),
        None if fragment.is_empty() => (None, None),
        None => (Some(fragment), None),
    };
    let token = match token {
        Some(named) => Some(named.strip_prefix("token=").filter(|token| is_token(token))?),
        None => None,
    };
    if secret.is_some_and(|secret| !is_secret(secret)) {
        return None;
    }
    Some((secret.map(str::to_owned), token.map(str::to_owned)))
}

/// A JWT in its compact form (RFC 7519, section 3); nothing in it is read here.
fn is_token(token: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
    };
    token.split('.').count() == 3 && token.split('.').all(is_part)
}

/// 22 letters carry 132 bits; the last one's four spare bits are zero.
fn is_secret(secret: &str) -> bool {
    let base64url = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    secret.len() == 22 && secret.chars().all(base64url) && secret.ends_with(['A', 'Q', 'g', 'w'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn problem(error: LinkError) -> &'static str {
        match error {
            LinkError::Empty => "empty",
            LinkError::TooLong => "too-long",
            LinkError::Scheme => "scheme",
            LinkError::Host => "host",
            LinkError::Path => "path",
            LinkError::Room => "room",
            LinkError::Secret => "secret",
            LinkError::NoServer => "no-server",
        }
    }

    #[test]
    fn links_are_read_as_the_page_reads_them() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/scenarios/links.json");
        let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("the file")).expect("JSON");
        let list = |name: &str| vectors[name].as_array().expect("a list").clone();
        let mut count = 0;
        for case in list("valid") {
            let input = case["input"].as_str().expect("an input");
            let link = RoomLink::parse(input, case["defaultServer"].as_str());
            let link = link.unwrap_or_else(|error| panic!("{input:?}: {error}"));
            assert_eq!(Some(link.server.as_str()), case["server"].as_str(), "{input:?}");
            assert_eq!(Some(link.room.as_str()), case["roomId"].as_str(), "{input:?}");
            assert_eq!(link.secret.as_deref(), case["secret"].as_str(), "{input:?}");
            assert_eq!(link.token.as_deref(), case["token"].as_str(), "{input:?}");
            count += 1;
        }
        for case in list("invalid") {
            let input = case["input"].as_str().expect("an input");
            let read = RoomLink::parse(input, case["defaultServer"].as_str()).map_err(problem);
            assert_eq!(read.err(), case["problem"].as_str(), "{input:?}");
            count += 1;
        }
        assert!(count > 50, "{count} examples");
    }

    #[test]
    fn secrets_do_not_show() {
        let secret = "q83vEjRWeJCrze8SNFZ4kA";
        let link = RoomLink::parse(&format!("https://snug.example/r/tea#{secret}"), None);
        assert!(link.is_ok() && !format!("{link:?}").contains(secret));
    }

    #[test]
    fn a_server_is_an_origin() {
        assert_eq!(server("http://127.0.0.1:7000/"), Some("http://127.0.0.1:7000".into()));
        assert_eq!(server("HTTPS://Example.org:443"), Some("https://example.org".into()));
        for wrong in [
            "example.org",
            "ws://example.org",
            "snug://a.b",
            "https://a.b/path",
            "https://a@b.c",
            "",
        ] {
            assert_eq!(server(wrong), None, "{wrong}");
        }
    }
}
