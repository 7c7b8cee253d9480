//! Who may join: everybody on an open server, whoever has a token on a closed one.

use crate::Config;
use crate::config::{Secret, Turn};
use crate::token::{Claims, Keys, Refused, verify};
use hyper::Request;
use hyper::header::HOST;
use snug_protocol::{ErrorCode, Identity, Join};
use snug_room::{Grant, Rights};
use std::time::SystemTime;

/// What a socket's opening request said, as far as its joins need it.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// The `token` of the address, where tokens count.
    token: Option<Secret>,
    /// Under what name this server was reached, where clients are told of a relay.
    pub(crate) host: Option<Box<str>>,
}

impl Visitor {
    pub(crate) fn of<B>(request: &Request<B>, config: &Config) -> Self {
        let query = request
            .uri()
            .query()
            .filter(|_| !config.keys.is_empty())
            .unwrap_or_default();
        let token = query.split('&').find_map(|part| part.strip_prefix("token="));
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        Self {
            token: token.map(Secret::new),
            host: host.filter(|_| config.turn != Turn::Off).map(Into::into),
        }
    }

    /// What this join may do.
    ///
    /// # Errors
    /// When the server is closed and the token is none, is not good now, or is for something else.
    pub(crate) fn admit(&self, join: &Join, keys: &Keys) -> Result<Grant, Refused> {
        admit(keys, join, self.token.as_ref(), SystemTime::now())
    }
}

fn admit(keys: &Keys, join: &Join, in_url: Option<&Secret>, now: SystemTime) -> Result<Grant, Refused> {
    if keys.is_empty() {
        return Ok(Grant::open());
    }
    // The message's own token counts more than the address's, which a client may share between rooms.
    let token = join.token.as_deref().or(in_url.map(Secret::reveal)).unwrap_or_default();
    let claims = verify(keys, token, now)?;
    claims.allow(join.room_id.as_str(), join.identity.as_ref().map(Identity::as_str))?;
    Ok(grant(claims))
}

fn grant(claims: Claims) -> Grant {
    let video = claims.video;
    Grant {
        identity: Some(Identity::from(claims.sub)),
        name: claims.name.filter(|name| !name.is_empty()),
        moderator: video.room_admin,
        rights: Rights {
            publish: video.can_publish.unwrap_or(true),
            subscribe: video.can_subscribe.unwrap_or(true),
            data: video.can_publish_data.unwrap_or(true),
            hidden: video.hidden,
            open: false,
        },
    }
}

/// The word for it on the wire.
pub(crate) fn code(refused: Refused) -> ErrorCode {
    match refused {
        Refused::Missing | Refused::Malformed => ErrorCode::Unauthorized,
        Refused::TooLarge => ErrorCode::TokenTooLarge,
        Refused::Algorithm => ErrorCode::TokenBadAlgorithm,
        Refused::UnknownKey => ErrorCode::TokenUnknownKey,
        Refused::Signature => ErrorCode::TokenBadSignature,
        Refused::Expired => ErrorCode::TokenExpired,
        Refused::NotYet => ErrorCode::TokenNotYetValid,
        Refused::OtherRoom => ErrorCode::TokenWrongRoom,
        Refused::Identity => ErrorCode::TokenIdentity,
        Refused::NotForJoining => ErrorCode::Forbidden,
    }
}
