use super::{Claims, Key, Keys, Refused};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest token that is looked at. LiveKit's have 300 to 500 bytes.
const MAX_BYTES: usize = 8 * 1024;
/// How far the clocks of who signs and who verifies may be apart.
const LEEWAY: Duration = Duration::from_secs(10);

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What is read of a header (RFC 7515, section 4.1). Keys that it brings along are not even looked at.
#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood, and none is.
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Issuer {
    #[serde(default)]
    iss: String,
}

/// Signs these claims, whose `iss` becomes the key's name.
pub fn mint(key: &Key, mut claims: Claims) -> String {
    key.name().clone_into(&mut claims.iss);
    // Strings, numbers and booleans under fixed names: there is nothing in claims that JSON cannot say.
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
    let tag = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Who signed this, whether it is good now, and what it says. What the claims allow is another question:
/// [`Claims::allow`].
///
/// # Errors
/// Each reason to refuse has its own; of several the first in the order of [`Refused`] is told.
pub fn verify(keys: &Keys, token: &str, now: SystemTime) -> Result<Claims, Refused> {
    if token.is_empty() {
        return Err(Refused::Missing);
    }
    if token.len() > MAX_BYTES {
        return Err(Refused::TooLarge);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
    let header: Header = part(header)?;
    if header.alg != "HS256" {
        return Err(Refused::Algorithm);
    }
    if header.crit.is_some() {
        return Err(Refused::Malformed);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Refused::Malformed)?;
    let Issuer { iss } = part(payload)?;
    let key = keys.get(&iss).ok_or(Refused::UnknownKey)?;
    if !key.verify(signed.as_bytes(), &signature) {
        return Err(Refused::Signature);
    }
    let claims: Claims = part(payload)?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let leeway = LEEWAY.as_secs();
    if now >= claims.exp.saturating_add(leeway) {
        return Err(Refused::Expired);
    }
    if claims.nbf.is_some_and(|nbf| now.saturating_add(leeway) < nbf) {
        return Err(Refused::NotYet);
    }
    Ok(claims)
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Refused> {
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed)?;
    // serde would take an array for an object, field by field.
    if !json.starts_with(b"{") {
        return Err(Refused::Malformed);
    }
    serde_json::from_slice(&json).map_err(|_| Refused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::token::Video;
    use serde_json::{Value, json};

    const NOW: u64 = 1_800_000_000;

    fn keys() -> Keys {
        [("one", "secret of one"), ("two", "secret of two")]
            .map(|(name, secret)| Key::new(name, Secret::new(secret)))
            .into_iter()
            .collect()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn good() -> Value {
        json!({
            "iss": "one", "sub": "ann", "exp": NOW + 600, "nbf": NOW - 5, "name": "Ann",
            "video": { "room": "tea", "roomJoin": true },
        })
    }

    /// Signs anything at all, with the secret of key `by`.
    fn sign(header: &Value, claims: &Value, by: &str) -> String {
        let keys = keys();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let tag = keys.get(by).expect("a key").sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn hs256() -> Value {
        json!({ "alg": "HS256", "typ": "JWT" })
    }

    fn with(changes: Value) -> Value {
        let mut claims = good();
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims
    }

    fn judge(token: &str) -> Result<Claims, Refused> {
        verify(&keys(), token, at(NOW))
    }

    #[test]
    fn a_good_token_says_what_it_says() {
        let claims = judge(&sign(&hs256(), &good(), "one")).expect("it is good");
        assert_eq!((claims.iss.as_str(), claims.sub.as_str()), ("one", "ann"));
        assert_eq!(claims.name.as_deref(), Some("Ann"));
        assert_eq!(claims.allow("tea", None), Ok(()));
        assert_eq!(claims.allow("tea", Some("ann")), Ok(()));
        let shown = format!("{claims:?} {:?}", keys());
        assert!(
            !shown.contains("ann") && !shown.contains("Ann") && !shown.contains("secret of"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_minted_verifies_and_names_its_key() {
        let claims = Claims {
            iss: String::new(),
            sub: "ann".to_owned(),
            exp: NOW + 1,
            nbf: None,
            name: None,
            video: Video {
                room: Some("tea".to_owned()),
                room_join: true,
                room_admin: true,
                ..Video::default()
            },
        };
        let token = mint(keys().get("two").expect("a key"), claims.clone());
        let read = judge(&token).expect("it is good");
        assert_eq!(read.iss, "two");
        assert_eq!(read.video, claims.video);
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let forged = |alg: &str| sign(&json!({ "alg": alg }), &good(), "one");
        let good_token = sign(&hs256(), &good(), "one");
        let (signed, tag) = good_token.rsplit_once('.').expect("a dot");
        let (header, _) = signed.split_once('.').expect("a dot");
        let other = URL_SAFE_NO_PAD.encode(with(json!({ "sub": "eve" })).to_string());
        let encoded = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let twice = encoded(r#"{"iss":"one","iss":"two","exp":9999999999}"#);
        let cases = [
            ("", Refused::Missing),
            (&"a.".repeat(MAX_BYTES), Refused::TooLarge),
            ("word", Refused::Malformed),
            ("a.b", Refused::Malformed),
            ("..", Refused::Malformed),
            ("a.b.c.d", Refused::Malformed),
            (&format!("{good_token}.x"), Refused::Malformed),
            (&format!("{good_token}="), Refused::Malformed),
            (&format!(" {good_token}"), Refused::Malformed),
            (&format!("{header}.{}.{tag}", encoded("[]")), Refused::Malformed),
            (&format!("{header}.{twice}.{tag}"), Refused::Malformed),
            (
                &sign(
                    &json!({ "alg": "HS256", "crit": ["b64"], "b64": false }),
                    &good(),
                    "one",
                ),
                Refused::Malformed,
            ),
            (&sign(&json!({ "typ": "JWT" }), &good(), "one"), Refused::Malformed),
            (&sign(&json!({ "alg": ["HS256"] }), &good(), "one"), Refused::Malformed),
            (&forged("none"), Refused::Algorithm),
            (&forged("None"), Refused::Algorithm),
            (
                &format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded("{}")),
                Refused::Algorithm,
            ),
            (&forged("hs256"), Refused::Algorithm),
            (&forged("HS384"), Refused::Algorithm),
            (&forged("HS512"), Refused::Algorithm),
            (&forged("RS256"), Refused::Algorithm),
            (&forged("ES256"), Refused::Algorithm),
            (&forged(""), Refused::Algorithm),
            (
                &sign(&hs256(), &with(json!({ "iss": "three" })), "one"),
                Refused::UnknownKey,
            ),
            (&sign(&hs256(), &with(json!({ "iss": "" })), "one"), Refused::UnknownKey),
            (&sign(&hs256(), &json!({ "sub": "ann" }), "one"), Refused::UnknownKey),
            (&sign(&hs256(), &good(), "two"), Refused::Signature),
            (&format!("{signed}."), Refused::Signature),
            (&format!("{header}.{other}.{tag}"), Refused::Signature),
            (
                &format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 16])),
                Refused::Signature,
            ),
            (
                &sign(&hs256(), &with(json!({ "exp": NOW - 10 })), "one"),
                Refused::Expired,
            ),
            (&sign(&hs256(), &with(json!({ "exp": 0 })), "one"), Refused::Expired),
            (&sign(&hs256(), &with(json!({ "exp": -1.5 })), "one"), Refused::Expired),
            (
                &sign(&hs256(), &with(json!({ "nbf": NOW + 11 })), "one"),
                Refused::NotYet,
            ),
            (
                &sign(&hs256(), &with(json!({ "exp": null })), "one"),
                Refused::Malformed,
            ),
            (
                &sign(&hs256(), &with(json!({ "exp": "9999999999" })), "one"),
                Refused::Malformed,
            ),
            (&sign(&hs256(), &with(json!({ "nbf": "0" })), "one"), Refused::Malformed),
            (
                &sign(&hs256(), &with(json!({ "nbf": null })), "one"),
                Refused::Malformed,
            ),
            (
                &sign(&hs256(), &with(json!({ "video": "all" })), "one"),
                Refused::Malformed,
            ),
            (&sign(&hs256(), &json!({ "iss": "one" }), "one"), Refused::Malformed),
        ];
        for (token, refused) in cases {
            assert_eq!(judge(token).err(), Some(refused), "{token}");
        }
    }

    #[test]
    fn clocks_may_differ_a_little() {
        for changes in [
            json!({ "exp": NOW - 9 }),
            json!({ "nbf": NOW + 10 }),
            json!({ "exp": NOW as f64 + 0.5 }),
            json!({ "exp": u64::MAX }),
        ] {
            judge(&sign(&hs256(), &with(changes.clone()), "one")).unwrap_or_else(|error| panic!("{changes}: {error}"));
        }
    }

    #[test]
    fn a_token_opens_one_room_to_one_identity() {
        let claims = |changes| judge(&sign(&hs256(), &with(changes), "one")).expect("it is good");
        assert_eq!(claims(json!({})).allow("coffee", None), Err(Refused::OtherRoom));
        assert_eq!(claims(json!({})).allow("tea", Some("eve")), Err(Refused::Identity));
        assert_eq!(claims(json!({ "sub": "" })).allow("tea", None), Err(Refused::Identity));
        let video = |video| claims(json!({ "video": video }));
        assert_eq!(
            video(json!({ "roomJoin": true })).allow("tea", None),
            Err(Refused::OtherRoom)
        );
        assert_eq!(
            video(json!({ "room": "tea" })).allow("tea", None),
            Err(Refused::NotForJoining)
        );
        assert_eq!(video(json!({})).allow("tea", None), Err(Refused::NotForJoining));
    }
}
