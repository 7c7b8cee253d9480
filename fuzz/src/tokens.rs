use crate::config::Secret;
use crate::token::{Claims, Key, Keys, Refused, Video, mint, verify};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;

fn keys() -> Keys {
    [("one", "secret of one"), ("two", "secret of two")]
        .map(|(name, secret)| Key::new(name, Secret::new(secret)))
        .into_iter()
        .collect()
}

fn judge(keys: &Keys, token: &str) -> Result<Claims, Refused> {
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(NOW);
    let judged = verify(keys, token, now);
    if let Ok(claims) = &judged {
        // What opens a room was signed with the secret of who it says.
        let (signed, tag) = token.rsplit_once('.').expect("three parts");
        let tag = URL_SAFE_NO_PAD.decode(tag).expect("base64");
        let key = keys.get(&claims.iss).expect("a known key");
        assert!(tag == key.sign(signed.as_bytes()).as_ref(), "{token}");
        assert!(claims.exp > NOW - 20 && claims.nbf.is_none_or(|nbf| nbf < NOW + 20));
    }
    judged
}

/// The first byte chooses: a token of a stranger's making, a good one with changes, or anything at all well signed.
pub fn tokens(bytes: &[u8]) {
    let keys = keys();
    let Some((what, rest)) = bytes.split_first() else {
        return;
    };
    match what % 3 {
        0 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                assert!(judge(&keys, text).is_err(), "nobody signed this: {text}");
            }
        }
        1 => changed(&keys, rest),
        _ => signed(&keys, rest),
    }
}

fn changed(keys: &Keys, changes: &[u8]) {
    let claims = Claims {
        iss: String::new(),
        sub: "ann".to_owned(),
        exp: NOW + 60,
        nbf: Some(NOW - 60),
        name: Some("Ann".to_owned()),
        video: Video {
            room: Some("tea".to_owned()),
            room_join: true,
            ..Video::default()
        },
    };
    let good = mint(keys.first().expect("a key"), claims);
    judge(keys, &good).expect("it is good");
    let mut token = good.clone().into_bytes();
    for change in changes.chunks_exact(4) {
        let (what, by) = (change[0], change[3]);
        let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % token.len().max(1);
        match what % 4 {
            0 if !token.is_empty() => token[at] = by,
            1 => token.insert(at, by),
            2 if !token.is_empty() => drop(token.remove(at)),
            3 => token.truncate(at),
            _ => {}
        }
    }
    if let Ok(token) = std::str::from_utf8(&token)
        && judge(keys, token).is_ok()
    {
        assert_eq!(token, good, "another token than the one that was signed");
    }
}

/// Of what is signed, what it says decides: this reads it once more, plainly.
fn signed(keys: &Keys, bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first() else {
        return;
    };
    let (header, claims) = rest.split_at(usize::from(*length).min(rest.len()));
    let key = keys.first().expect("a key");
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()));
    let Ok(read) = judge(keys, &format!("{text}.{tag}")) else {
        return;
    };
    let plain = |part: &[u8]| serde_json::from_slice::<Value>(part).ok();
    if let Some(header) = plain(header) {
        assert_eq!(header["alg"], "HS256");
        assert!(header["crit"].is_null());
    }
    if let Some(claims) = plain(claims) {
        assert_eq!(claims["iss"], *key.name());
        assert_eq!(claims["sub"].as_str().unwrap_or_default(), read.sub);
        assert_eq!(claims["video"]["room"].as_str(), read.video.room.as_deref());
        assert_eq!(claims["video"]["roomAdmin"] == true, read.video.room_admin);
        if let Err(refused) = read.allow("tea", Some("ann")) {
            assert!(!format!("{refused:?}").is_empty());
        } else {
            assert!(read.sub == "ann" && claims["video"]["room"] == "tea" && claims["video"]["roomJoin"] == true);
        }
    }
}
