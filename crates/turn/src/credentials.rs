//! Time-limited credentials in the form of the TURN REST draft (draft-uberti-behave-turn-rest), which coturn checks with
//! `use-auth-secret`: the server needs to know no users, only the secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest identity, in bytes as written in a username; longer ones end in a digest of the whole.
const IDENTITY_MAX: usize = 200;

/// What a client presents: the `username` and `credential` of an `RTCIceServer`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `<expiry, seconds since 1970>:<identity>`.
    pub username: String,
    /// base64(HMAC-SHA1(secret, username)).
    pub credential: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([hidden])")
    }
}

/// Credentials for one identity, good from `now` for `ttl`.
///
/// Control characters, spaces, quotes, backslashes (coturn refuses those three), `%` and everything beyond ASCII are written
/// as `%XX` in the username, so that no two identities share one and no client has to prepare the string.
pub fn credentials(secret: &[u8], identity: &str, ttl: Duration, now: SystemTime) -> Credentials {
    let expiry = unix(now).saturating_add(ttl.as_secs());
    let username = format!("{expiry}:{}", written(identity));
    let credential = password(secret, &username);
    Credentials { username, credential }
}

/// Why a username gives no right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    Expired,
}

/// A username that is good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    /// Seconds since 1970.
    pub expiry: u64,
    /// As written in the username; empty when there is none, as coturn allows.
    pub identity: &'a str,
}

/// Reads a username. Whether the client knows its password is another question.
pub(crate) fn claim(username: &str, unix_now: u64) -> Result<Claim<'_>, Refused> {
    let (digits, identity) = username.split_once(':').unwrap_or((username, ""));
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refused::Malformed);
    }
    let expiry = digits.parse().map_err(|_| Refused::Malformed)?;
    if identity.chars().any(char::is_control) {
        return Err(Refused::Malformed);
    }
    if expiry <= unix_now {
        return Err(Refused::Expired);
    }
    Ok(Claim { expiry, identity })
}

/// The password that belongs to a username.
pub(crate) fn password(secret: &[u8], username: &str) -> String {
    STANDARD.encode(mac(secret, &[username.as_bytes()]).finalize().into_bytes())
}

/// HMAC-SHA1 over the parts.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha1> {
    // HMAC takes keys of every length; an empty one stands for what cannot happen.
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    for part in parts {
        mac.update(part);
    }
    mac
}

/// Whole seconds since 1970.
pub(crate) fn unix(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn written(identity: &str) -> String {
    let mut out = String::with_capacity(identity.len());
    for byte in identity.bytes() {
        if byte.is_ascii_graphic() && !br#"%"'\"#.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    if out.len() > IDENTITY_MAX {
        let digest: String = Sha1::digest(identity)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        out.truncate(IDENTITY_MAX - digest.len() - 1);
        out.push('~');
        out.push_str(&digest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_form_is_that_of_the_draft() {
        let made = credentials(b"north", "alice", Duration::from_secs(600), at(1_000_000));
        assert_eq!(made.username, "1000600:alice");
        // printf 1000600:alice | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(made.credential, "zkhCGTuuM4ldn4C54gUwSljDA6w=");
    }

    #[test]
    fn they_last_until_their_second() {
        let name = credentials(b"s", "a:b", Duration::from_secs(10), at(100)).username;
        assert_eq!(
            claim(&name, 109),
            Ok(Claim {
                expiry: 110,
                identity: "a:b"
            })
        );
        assert_eq!(claim(&name, 110), Err(Refused::Expired));
    }

    #[test]
    fn awkward_identities_stay_apart_and_readable() {
        let long = "x".repeat(5000);
        let longer = "x".repeat(5001);
        let mut seen = std::collections::BTreeSet::new();
        for identity in [
            "",
            "a",
            "a b",
            "a%20b",
            "a\0",
            "a\n",
            "\u{202e}a",
            "名",
            "a:b",
            ":",
            &long,
            &longer,
        ] {
            let name = credentials(b"s", identity, Duration::from_secs(10), at(100)).username;
            assert!(
                name.len() < 256 && name.bytes().all(|b| b.is_ascii_graphic() && !br#""'\"#.contains(&b)),
                "{name}"
            );
            assert!(claim(&name, 100).is_ok());
            assert!(seen.insert(name), "{identity}");
        }
    }

    #[test]
    fn other_usernames_are_refused() {
        for name in [
            "",
            ":",
            ":a",
            "alice",
            "-5:a",
            "+5:a",
            " 5:a",
            "0x5:a",
            "99999999999999999999:a",
            "5e9:a",
            "9999999999:a\nb",
        ] {
            assert_eq!(claim(name, 0), Err(Refused::Malformed), "{name:?}");
        }
        assert_eq!(claim("0:a", 0), Err(Refused::Expired));
        assert_eq!(
            claim("17", 0),
            Ok(Claim {
                expiry: 17,
                identity: ""
            })
        );
    }

    #[test]
    fn nothing_secret_is_printed() {
        let made = credentials(b"s", "alice", Duration::from_secs(10), at(100));
        let text = format!("{made:?} {:?}", crate::Secret::new("north"));
        assert!(!text.contains("alice") && !text.contains(&made.credential) && !text.contains("north"));
    }
}
