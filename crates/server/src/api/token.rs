use super::auth::{Caller, caller};
use super::body::{json, query, whole, within};
use super::refusal::{Problem, Refusal};
use super::{Answer, Reply};
use crate::connection::Shared;
use crate::token::{self, Claims, Video};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};
use utoipa::ToSchema;

/// Seconds that a token is good for: by default, and at most.
const TTL: (u32, u32) = (6 * 3600, 30 * 24 * 3600);

/// Who may do what in which room.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewToken {
    #[schema(min_length = 1, max_length = 128)]
    room_id: String,
    /// Who they are: stable, and theirs alone.
    #[schema(min_length = 1, max_length = 128)]
    identity: String,
    /// What others see.
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// Whether they moderate the room.
    #[serde(default)]
    #[schema(required = false)]
    admin: bool,
    /// Whether they may send sound and pictures; they may by default.
    can_publish: Option<bool>,
    /// Whether they may receive them; they may by default.
    can_subscribe: Option<bool>,
    /// Whether they may send messages; they may by default.
    can_publish_data: Option<bool>,
    /// Whether the others do not see them.
    #[serde(default)]
    #[schema(required = false)]
    hidden: bool,
    /// How long it is good for; six hours by default.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 2_592_000)]
    ttl_seconds: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Minted {
    /// What `join.token` takes.
    token: String,
    /// Seconds since 1970.
    expires_at: u64,
}

/// Sign a token that opens a room to somebody
///
/// A moderator's own token signs some for the same room, which do not outlive it.
#[utoipa::path(
    post, path = "/api/token", tag = "tokens", operation_id = "mintToken",
    request_body = NewToken,
    responses(
        (status = 200, description = "The token", body = Minted),
        (status = 400, description = "A wrong body", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Not allowed", body = Problem),
        (status = 413, description = "A body of more than 16 KiB", body = Problem),
        (status = 415, description = "A body that is not JSON", body = Problem),
    ),
)]
pub(super) async fn mint(head: &Parts, body: Incoming, shared: &Shared) -> Answer {
    let caller = caller(&head.headers, &shared.config.keys)?;
    query(head, [])?;
    let new: NewToken = json(head, body).await?;
    caller.may_moderate(&new.room_id)?;
    within("roomId", &new.room_id, shared.limits.room_id_chars)?;
    within("identity", &new.identity, shared.limits.name_chars)?;
    if let Some(name) = &new.name {
        within("name", name, shared.limits.name_chars)?;
    }
    let ttl = new.ttl_seconds.unwrap_or(TTL.0);
    if !(1..=TTL.1).contains(&ttl) {
        return Err(Refusal::bad(format!("ttlSeconds is a number from 1 to {}", TTL.1)));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let wanted = now + u64::from(ttl);
    let (key, expires_at) = match &caller {
        Caller::Operator(key) => (*key, wanted),
        Caller::Holder(claims, key) => (*key, wanted.min(claims.exp)),
    };
    let claims = Claims {
        iss: String::new(),
        sub: new.identity,
        exp: expires_at,
        nbf: None,
        name: new.name,
        video: Video {
            room: Some(new.room_id),
            room_join: true,
            room_admin: new.admin,
            can_publish: new.can_publish,
            can_subscribe: new.can_subscribe,
            can_publish_data: new.can_publish_data,
            hidden: new.hidden,
            ..Video::default()
        },
    };
    let token = token::mint(key, claims);
    Reply::json(StatusCode::OK, &Minted { token, expires_at })
}
