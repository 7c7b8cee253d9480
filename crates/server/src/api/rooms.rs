use super::auth::caller;
use super::body::{json, query, whole, within};
use super::refusal::{Problem, Refusal};
use super::{Answer, Reply};
use crate::connection::Shared;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use snug_protocol::{PeerId, RoomId};
use snug_room::{Admin, AdminReply, RoomInfo, SeatInfo};
use tracing::info;
use utoipa::ToSchema;

/// Rooms on a page of the list, at most and by default.
const PAGE: (usize, usize) = (1_000, 100);
/// Characters of a reason, at most.
const REASON: usize = 200;
/// Seats that a room may be asked to have.
const CAPACITY: u32 = 10_000;

/// A room to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewRoom {
    /// Where there is none, the server makes one up.
    #[schema(min_length = 1, max_length = 128)]
    room_id: Option<String>,
    /// How many seats it has; the server's limit is the default, and the most.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 10_000)]
    capacity: Option<u32>,
    /// Whether people wait until a moderator lets them in.
    #[serde(default)]
    #[schema(required = false)]
    lobby: bool,
}

/// A room, without those who are in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomSummary {
    room_id: String,
    /// How long ago it was made.
    age_ms: u64,
    #[schema(minimum = 1)]
    capacity: u32,
    /// Nobody is let in.
    locked: bool,
    /// People wait until a moderator lets them in.
    lobby: bool,
    /// Seats taken, those away included.
    seats: usize,
    /// Seats whose client is gone, and may come back.
    away: usize,
    /// How many wait to be let in.
    waiting: usize,
}

/// A room, and those who are in it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomDetail {
    #[serde(flatten)]
    summary: RoomSummary,
    /// In the order of their coming.
    peers: Vec<Peer>,
}

/// One seat.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Peer {
    peer_id: String,
    identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    role: Role,
    /// Its client is gone, and may come back.
    away: bool,
    /// The others in the room do not see it.
    hidden: bool,
    /// How long ago the seat was taken.
    age_ms: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    Moderator,
    Member,
}

/// Some of the rooms, in the order of their ids.
#[derive(Serialize, ToSchema)]
pub(super) struct RoomPage {
    rooms: Vec<RoomSummary>,
    /// There are more: ask again with this as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// List the rooms that are open
#[utoipa::path(
    get, path = "/api/rooms", tag = "rooms", operation_id = "listRooms",
    params(
        ("limit" = Option<u32>, Query, description = "Rooms on a page", minimum = 1, maximum = 1_000),
        ("after" = Option<String>, Query, description = "The `next` of the page before", min_length = 1, max_length = 128),
    ),
    responses(
        (status = 200, description = "A page of rooms", body = RoomPage),
        (status = 400, description = "A wrong parameter", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Not allowed", body = Problem),
        (status = 503, description = "The rooms cannot be reached", body = Problem),
    ),
)]
pub(super) async fn list(head: &Parts, shared: &Shared) -> Answer {
    caller(&head.headers, &shared.config.keys)?.may_list()?;
    let [limit, after] = query(head, ["limit", "after"])?;
    let limit = match limit.map(|limit| limit.parse()) {
        None => PAGE.1,
        Some(Ok(limit)) if (1..=PAGE.0).contains(&limit) => limit,
        Some(_) => return Err(Refusal::bad(format!("limit is a number from 1 to {}", PAGE.0))),
    };
    if let Some(after) = &after {
        within("after", after, shared.limits.room_id_chars)?;
    }
    let mut rooms = shared.hub.list().await?;
    if let Some(after) = &after {
        rooms.retain(|room| room.id.as_str() > after.as_str());
    }
    rooms.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let more = rooms.len() > limit;
    rooms.truncate(limit);
    let page = RoomPage {
        next: rooms.last().filter(|_| more).map(|room| room.id.to_string()),
        rooms: rooms.iter().map(RoomSummary::from).collect(),
    };
    Reply::json(StatusCode::OK, &page)
}

/// Make a room before anybody comes
///
/// It has its settings from the start, and waits ten minutes for its first seat.
#[utoipa::path(
    post, path = "/api/rooms", tag = "rooms", operation_id = "createRoom",
    request_body = NewRoom,
    responses(
        (status = 201, description = "It is made", body = RoomDetail,
            headers(("location" = String, description = "Its path"))),
        (status = 400, description = "A wrong body", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Not allowed", body = Problem),
        (status = 409, description = "There is such a room already; it stays as it is", body = Problem),
        (status = 413, description = "A body of more than 16 KiB", body = Problem),
        (status = 415, description = "A body that is not JSON", body = Problem),
        (status = 503, description = "The server has as many rooms as it may, or the rooms cannot be reached", body = Problem),
    ),
)]
pub(super) async fn create(head: &Parts, body: Incoming, shared: &Shared) -> Answer {
    caller(&head.headers, &shared.config.keys)?.may_create()?;
    query(head, [])?;
    let new: NewRoom = json(head, body).await?;
    let room = match new.room_id {
        Some(id) => RoomId::from(id),
        None => random_id()?,
    };
    within("roomId", room.as_str(), shared.limits.room_id_chars)?;
    if new.capacity.is_some_and(|seats| !(1..=CAPACITY).contains(&seats)) {
        return Err(Refusal::bad(format!("capacity is a number from 1 to {CAPACITY}")));
    }
    let (capacity, lobby) = (new.capacity, new.lobby);
    done(
        shared
            .hub
            .admin(Admin::Create {
                room: room.clone(),
                capacity,
                lobby,
            })
            .await?,
    )?;
    info!(%room, "made by the API");
    let made = shared.hub.room(&room).await?.ok_or_else(Refusal::no_such_room)?;
    let path = format!("/api/rooms/{}", utf8_percent_encode(room.as_str(), NON_ALPHANUMERIC));
    Ok(Reply::json(StatusCode::CREATED, &RoomDetail::from(&made))?.at(path))
}

/// Show a room and who is in it
#[utoipa::path(
    get, path = "/api/rooms/{roomId}", tag = "rooms", operation_id = "showRoom",
    params(("roomId" = String, Path, description = "The room", min_length = 1, max_length = 128)),
    responses(
        (status = 200, description = "The room", body = RoomDetail),
        (status = 400, description = "A parameter that is none", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Not allowed", body = Problem),
        (status = 404, description = "There is no such room", body = Problem),
        (status = 503, description = "The rooms cannot be reached", body = Problem),
    ),
)]
pub(super) async fn show(head: &Parts, room: RoomId, shared: &Shared) -> Answer {
    caller(&head.headers, &shared.config.keys)?.may_see(room.as_str())?;
    query(head, [])?;
    let found = shared.hub.room(&room).await?.ok_or_else(Refusal::no_such_room)?;
    Reply::json(StatusCode::OK, &RoomDetail::from(&found))
}

/// End a room for everyone in it
#[utoipa::path(
    delete, path = "/api/rooms/{roomId}", tag = "rooms", operation_id = "endRoom",
    params(
        ("roomId" = String, Path, description = "The room", min_length = 1, max_length = 128),
        ("reason" = Option<String>, Query, description = "What those in it are told", min_length = 1, max_length = 200),
    ),
    responses(
        (status = 204, description = "It is over"),
        (status = 400, description = "A wrong reason", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Not allowed", body = Problem),
        (status = 404, description = "There is no such room", body = Problem),
        (status = 503, description = "The rooms cannot be reached", body = Problem),
    ),
)]
pub(super) async fn end(head: &Parts, room: RoomId, shared: &Shared) -> Answer {
    caller(&head.headers, &shared.config.keys)?.may_end(room.as_str())?;
    let reason = reason(head)?;
    done(
        shared
            .hub
            .admin(Admin::End {
                room: room.clone(),
                reason,
            })
            .await?,
    )?;
    info!(%room, "ended by the API");
    Reply::done()
}

/// Take one seat away
#[utoipa::path(
    delete, path = "/api/rooms/{roomId}/peers/{peerId}", tag = "rooms", operation_id = "kickPeer",
    params(
        ("roomId" = String, Path, description = "The room", min_length = 1, max_length = 128),
        ("peerId" = String, Path, description = "The seat", min_length = 1, max_length = 128),
        ("reason" = Option<String>, Query, description = "What its holder is told", min_length = 1, max_length = 200),
    ),
    responses(
        (status = 204, description = "The seat is gone"),
        (status = 400, description = "A wrong reason", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Not allowed", body = Problem),
        (status = 404, description = "There is no such room, or no such seat in it", body = Problem),
        (status = 503, description = "The rooms cannot be reached", body = Problem),
    ),
)]
pub(super) async fn kick(head: &Parts, room: RoomId, peer: PeerId, shared: &Shared) -> Answer {
    caller(&head.headers, &shared.config.keys)?.may_moderate(room.as_str())?;
    let reason = reason(head)?;
    let kick = Admin::Kick {
        room: room.clone(),
        peer: peer.clone(),
        reason,
    };
    done(shared.hub.admin(kick).await?)?;
    info!(%room, %peer, "kicked by the API");
    Reply::done()
}

fn reason(head: &Parts) -> Result<Option<String>, Refusal> {
    let [reason] = query(head, ["reason"])?;
    if let Some(reason) = &reason {
        within("reason", reason, REASON)?;
    }
    Ok(reason)
}

fn done(reply: AdminReply) -> Result<(), Refusal> {
    match reply {
        AdminReply::Done => Ok(()),
        AdminReply::Exists => Err(Refusal::new(
            StatusCode::CONFLICT,
            "room-exists",
            "there is such a room already",
        )),
        AdminReply::NoSuchRoom => Err(Refusal::no_such_room()),
        AdminReply::NoSuchPeer => Err(Refusal::no_such_peer()),
        AdminReply::Invalid => Err(Refusal::bad("the room's id or its capacity is not as it should be")),
        AdminReply::Unavailable => Err(Refusal::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the server has as many rooms as it may, or it ends",
            10,
        )),
    }
}

/// 120 bits that nobody guesses.
fn random_id() -> Result<RoomId, Refusal> {
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).map_err(Refusal::internal)?;
    Ok(RoomId::from(URL_SAFE_NO_PAD.encode(bytes)))
}

impl From<&RoomInfo> for RoomSummary {
    fn from(room: &RoomInfo) -> Self {
        Self {
            room_id: room.id.to_string(),
            age_ms: room.age_ms,
            capacity: room.capacity,
            locked: room.locked,
            lobby: room.lobby,
            seats: room.seats.len(),
            away: room.seats.iter().filter(|seat| seat.away).count(),
            waiting: room.waiting,
        }
    }
}

impl From<&RoomInfo> for RoomDetail {
    fn from(room: &RoomInfo) -> Self {
        Self {
            summary: room.into(),
            peers: room.seats.iter().map(Peer::from).collect(),
        }
    }
}

impl From<&SeatInfo> for Peer {
    fn from(seat: &SeatInfo) -> Self {
        Self {
            peer_id: seat.peer_id.to_string(),
            identity: seat.identity.to_string(),
            name: seat.name.clone(),
            role: match seat.role {
                snug_protocol::Role::Moderator => Role::Moderator,
                snug_protocol::Role::Member => Role::Member,
            },
            away: seat.away,
            hidden: seat.hidden,
            age_ms: seat.age_ms,
        }
    }
}
