use super::auth::{authorization, verified};
use super::body::query;
use super::refusal::{Problem, Refusal};
use super::{Answer, Reply};
use crate::connection::Shared;
use hyper::StatusCode;
use hyper::header::HOST;
use hyper::http::request::Parts;
use serde::Serialize;
use snug_protocol::IceServer;
use std::net::IpAddr;
use std::time::Instant;
use utoipa::ToSchema;

/// What a client's `RTCPeerConnection` is to use.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct IceServers {
    #[schema(value_type = Vec<Server>)]
    ice_servers: Vec<IceServer>,
}

/// An `RTCIceServer` (W3C WebRTC, 4.2.4).
#[derive(ToSchema)]
#[schema(as = IceServer)]
#[expect(dead_code, reason = "only its schema is used: the type itself knows no OpenAPI")]
pub(super) struct Server {
    urls: Vec<String>,
    #[schema(nullable = false)]
    username: Option<String>,
    #[schema(nullable = false)]
    credential: Option<String>,
}

/// Fetch ICE servers with fresh credentials
///
/// Where the server has API keys this takes a room's token, as a join does. An open server answers everybody, now and then.
#[utoipa::path(
    get, path = "/api/ice", tag = "clients", operation_id = "iceServers",
    responses(
        (status = 200, description = "ICE servers", body = IceServers),
        (status = 400, description = "A parameter that is none", body = Problem),
        (status = 401, description = "No token that opens a room", body = Problem),
        (status = 403, description = "A token that opens no room", body = Problem),
        (status = 429, description = "Asked too often", body = Problem,
            headers(("retry-after" = u32, description = "Seconds"))),
    ),
)]
pub(super) fn servers(head: &Parts, client: IpAddr, shared: &Shared) -> Answer {
    if !shared.throttle.admit(Instant::now(), client) {
        let message = "this address asks too often";
        return Err(Refusal::later(
            StatusCode::TOO_MANY_REQUESTS,
            "rate-limited",
            message,
            1,
        ));
    }
    query(head, [])?;
    let keys = &shared.config.keys;
    let identity = if keys.is_empty() {
        None
    } else {
        match authorization(&head.headers)? {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let (claims, _) = verified(keys, token)?;
                if !claims.video.room_join {
                    return Err(Refusal::forbidden("the token does not allow to join a room"));
                }
                Some(claims.sub)
            }
            Some(_) | None => {
                return Err(Refusal::unauthorized(
                    "this takes a room's token: Authorization: Bearer TOKEN",
                ));
            }
        }
    };
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let ice_servers = shared.ice_servers(identity.as_deref(), host);
    Reply::json(StatusCode::OK, &IceServers { ice_servers })
}
