use super::refusal::Refusal;
use crate::token::{self, Claims, Key, Keys};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::time::SystemTime;

/// Who asks.
pub(crate) enum Caller<'k> {
    /// Somebody with an API key's secret, who may do everything.
    Operator(&'k Key),
    /// Somebody with a token, who may do what it says, by the key that signed it.
    Holder(Box<Claims>, &'k Key),
}

/// Reads `Authorization`: `Bearer TOKEN` (RFC 6750) or `Basic KEY:SECRET` (RFC 7617).
///
/// # Errors
/// When there is no key that could be proven, or none is.
pub(crate) fn caller<'k>(headers: &HeaderMap, keys: &'k Keys) -> Result<Caller<'k>, Refusal> {
    if keys.is_empty() {
        return Err(Refusal::no_keys());
    }
    let (scheme, proof) = authorization(headers)?
        .ok_or_else(|| Refusal::unauthorized("say who you are: with a token, or with an API key and its secret"))?;
    if scheme.eq_ignore_ascii_case("bearer") {
        let (claims, key) = verified(keys, proof)?;
        Ok(Caller::Holder(Box::new(claims), key))
    } else if scheme.eq_ignore_ascii_case("basic") {
        operator(keys, proof)
            .map(Caller::Operator)
            .ok_or_else(|| Refusal::unauthorized("there is no such API key with this secret"))
    } else {
        Err(Refusal::unauthorized("Bearer and Basic are the schemes here"))
    }
}

/// The scheme and the proof of the one `Authorization`, if there is one.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<(&str, &str)>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let malformed = || Refusal::unauthorized("Authorization is one scheme and one proof");
    if values.next().is_some() {
        return Err(malformed());
    }
    let value = value.to_str().map_err(|_| malformed())?;
    let (scheme, proof) = value.split_once(' ').ok_or_else(malformed)?;
    Ok(Some((scheme, proof.trim())))
}

/// A token that is good now, and the key that signed it.
pub(super) fn verified<'k>(keys: &'k Keys, token: &str) -> Result<(Claims, &'k Key), Refusal> {
    let claims =
        token::verify(keys, token, SystemTime::now()).map_err(|refused| Refusal::unauthorized(refused.to_string()))?;
    let key = keys
        .get(&claims.iss)
        .ok_or_else(|| Refusal::unauthorized("the token's key is unknown here"))?;
    Ok((claims, key))
}

fn operator<'k>(keys: &'k Keys, proof: &str) -> Option<&'k Key> {
    let pair = String::from_utf8(STANDARD.decode(proof).ok()?).ok()?;
    let (name, secret) = pair.split_once(':')?;
    let key = keys.get(name)?;
    // Comparing what the key makes of both takes the same time for every wrong secret, of whatever length.
    let right = key.sign(key.secret().reveal().as_bytes());
    key.verify(secret.as_bytes(), right.as_ref()).then_some(key)
}

impl Caller<'_> {
    pub(crate) fn may_list(&self) -> Result<(), Refusal> {
        self.may(|claims| claims.video.room_list, "roomList")
    }

    pub(super) fn may_create(&self) -> Result<(), Refusal> {
        self.may(|claims| claims.video.room_create, "roomCreate")
    }

    pub(super) fn may_see(&self, room: &str) -> Result<(), Refusal> {
        self.may(
            |claims| claims.video.room_list || is_admin(claims, room),
            "roomList, or roomAdmin of this room",
        )
    }

    pub(super) fn may_end(&self, room: &str) -> Result<(), Refusal> {
        self.may(
            |claims| claims.video.room_create || is_admin(claims, room),
            "roomCreate, or roomAdmin of this room",
        )
    }

    pub(super) fn may_moderate(&self, room: &str) -> Result<(), Refusal> {
        self.may(|claims| is_admin(claims, room), "roomAdmin of this room")
    }

    fn may(&self, allowed: impl FnOnce(&Claims) -> bool, grant: &str) -> Result<(), Refusal> {
        match self {
            Self::Operator(_) => Ok(()),
            Self::Holder(claims, _) if allowed(claims) => Ok(()),
            Self::Holder(..) => Err(Refusal::forbidden(format!("the token does not grant {grant}"))),
        }
    }
}

fn is_admin(claims: &Claims, room: &str) -> bool {
    claims.video.room_admin && claims.video.room.as_deref() == Some(room)
}
