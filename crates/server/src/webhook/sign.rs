use crate::token::Key;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a signature is good: a copy that turns up later is refused.
const GOOD_FOR: Duration = Duration::from_secs(5 * 60);

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    nbf: u64,
    exp: u64,
    /// Of the body, in base64 with padding.
    sha256: String,
}

/// The `Authorization` of an event, as LiveKit's: a token (RFC 7519, HS256) that vouches for the body's hash.
pub(super) fn authorization(key: &Key, body: &[u8], now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims {
        iss: key.name(),
        nbf: now,
        exp: now + GOOD_FOR.as_secs(),
        sha256: STANDARD.encode(digest(&SHA256, body)),
    };
    // Strings and numbers under fixed names: JSON can say all of it.
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}
