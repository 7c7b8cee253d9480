use crate::http::{ask, basic, bearer, get, operate, ticket, with_key};
use serde_json::{Value, json};
use snug_protocol::Limits;
use snug_server::Config;
use snug_server::token::Video;
use snug_testkit::{Server, Wire};

/// Takes a seat with a token that opens the room.
async fn join(server: &Server, room: &str) -> (Wire, Value) {
    let mut wire = Wire::open(&server.url()).await;
    wire.send(json!({ "type": "join", "roomId": room, "token": ticket(room) }))
        .await;
    let joined = wire.expect("joined").await;
    (wire, joined)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_made_seen_and_ended() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    let made = operate(at, "POST /api/rooms", Some(r#"{"roomId":"tea & 茶","capacity":2}"#)).await;
    assert_eq!(made.status, 201);
    assert!(
        made.head.contains("location: /api/rooms/tea%20%26%20%e8%8c%b6"),
        "{}",
        made.head
    );
    let room = made.json();
    assert_eq!(
        (&room["capacity"], &room["seats"], &room["peers"]),
        (&json!(2), &json!(0), &json!([]))
    );
    let again = operate(at, "POST /api/rooms", Some(r#"{"roomId":"tea & 茶"}"#)).await;
    assert_eq!(again.code(), (409, "room-exists".to_owned()));
    let (mut wire, joined) = join(&server, "tea & 茶").await;
    assert_eq!(joined["capacity"], 2);
    let path = "/api/rooms/tea%20%26%20%E8%8C%B6";
    let seen = operate(at, &format!("GET {path}"), None).await.json();
    assert_eq!(
        (&seen["seats"], &seen["peers"][0]["peerId"]),
        (&json!(1), &joined["peerId"])
    );
    assert_eq!(seen["peers"][0]["identity"], "ann");
    let ended = operate(at, &format!("DELETE {path}?reason=time%20is%20up"), None).await;
    assert_eq!((ended.status, ended.body.as_str()), (204, ""));
    assert_eq!(wire.expect("ended").await["reason"], "time is up");
    assert_eq!(wire.closed().await, Some(4002));
    let gone = operate(at, &format!("GET {path}"), None).await;
    assert_eq!(gone.code(), (404, "no-such-room".to_owned()));
    let gone = operate(at, &format!("DELETE {path}"), None).await;
    assert_eq!(gone.code(), (404, "no-such-room".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_seat_is_taken_away_and_the_others_hear_of_it() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    let (mut one, _) = join(&server, "tea").await;
    let (mut two, second) = join(&server, "tea").await;
    one.expect("peer-joined").await;
    let path = format!("/api/rooms/tea/peers/{}", second["peerId"].as_str().expect("an id"));
    assert_eq!(operate(at, &format!("DELETE {path}"), None).await.status, 204);
    assert_eq!(two.expect("kicked").await["reason"], Value::Null);
    assert_eq!(two.closed().await, Some(4001));
    assert_eq!(one.expect("peer-left").await["reason"], "kicked");
    let again = operate(at, &format!("DELETE {path}"), None).await;
    assert_eq!(again.code(), (404, "no-such-peer".to_owned()));
    let nowhere = operate(at, "DELETE /api/rooms/nowhere/peers/nobody", None).await;
    assert_eq!(nowhere.code(), (404, "no-such-room".to_owned()));
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    for number in 0..5 {
        let body = json!({ "roomId": format!("room/{number}") }).to_string();
        assert_eq!(operate(at, "POST /api/rooms", Some(&body)).await.status, 201);
    }
    let mut after = String::new();
    let mut seen = Vec::new();
    loop {
        let page = operate(at, &format!("GET /api/rooms?limit=2{after}"), None)
            .await
            .json();
        let rooms = page["rooms"].as_array().expect("a list");
        assert!(rooms.len() <= 2);
        seen.extend(
            rooms
                .iter()
                .map(|room| room["roomId"].as_str().expect("an id").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", next.replace('/', "%2F")),
            None => break,
        }
    }
    assert_eq!(seen, ["room/0", "room/1", "room/2", "room/3", "room/4"]);
    for wrong in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=1&limit=2",
        "what=1",
        "after=",
    ] {
        let answer = operate(at, &format!("GET /api/rooms?{wrong}"), None).await;
        assert_eq!(answer.code(), (400, "bad-request".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn without_keys_the_api_says_how_to_get_one() {
    let server = Server::start().await;
    for request in ["GET /api/rooms", "GET /api/rooms/tea", "DELETE /api/rooms/tea"] {
        let answer = ask(server.address(), request, &[&basic("key", "x")], None).await;
        assert_eq!(answer.code(), (403, "api-disabled".to_owned()), "{request}");
        assert!(answer.body.contains("--api-key"), "{}", answer.body);
    }
    let answer = ask(server.address(), "POST /api/token", &[], Some("{}")).await;
    assert_eq!(answer.code(), (403, "api-disabled".to_owned()));
}

#[tokio::test]
async fn a_wrong_proof_opens_nothing() {
    let server = Server::with(with_key()).await;
    for lines in [
        vec![],
        vec![basic("key", "wrong")],
        vec![basic("key", "")],
        vec![basic("other", crate::http::SECRET)],
        vec!["Authorization: Basic !".to_owned()],
        vec!["Authorization: Basic".to_owned()],
        vec!["Authorization: Bearer a.b.c".to_owned()],
        vec![format!(
            "{}x",
            bearer(Video {
                room_list: true,
                ..Video::default()
            })
        )],
        vec!["Authorization: Digest x".to_owned()],
        vec![basic("key", crate::http::SECRET), basic("key", crate::http::SECRET)],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = ask(server.address(), "GET /api/rooms", &lines, None).await;
        assert_eq!(answer.code(), (401, "unauthorized".to_owned()), "{lines:?}");
        assert!(answer.head.contains("www-authenticate: basic"), "{}", answer.head);
    }
}

#[tokio::test]
async fn a_token_does_what_it_grants_and_no_more() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    operate(at, "POST /api/rooms", Some(r#"{"roomId":"tea"}"#)).await;
    operate(at, "POST /api/rooms", Some(r#"{"roomId":"coffee"}"#)).await;
    let list = bearer(Video {
        room_list: true,
        ..Video::default()
    });
    let create = bearer(Video {
        room_create: true,
        ..Video::default()
    });
    let admin = bearer(Video {
        room_admin: true,
        room: Some("tea".to_owned()),
        ..Video::default()
    });
    let guest = format!("Authorization: Bearer {}", ticket("tea"));
    let token = r#"{"roomId":"tea","identity":"bob"}"#;
    for (who, request, body, status) in [
        (&list, "GET /api/rooms", None, 200),
        (&list, "GET /api/rooms/tea", None, 200),
        (&list, "DELETE /api/rooms/tea", None, 403),
        (&list, "POST /api/rooms", Some("{}"), 403),
        (&list, "POST /api/token", Some(token), 403),
        (&create, "POST /api/rooms", Some("{}"), 201),
        (&create, "GET /api/rooms", None, 403),
        (&create, "DELETE /api/rooms/tea/peers/p", None, 403),
        (&create, "DELETE /api/rooms/coffee", None, 204),
        (&admin, "GET /api/rooms", None, 403),
        (&admin, "GET /api/rooms/coffee", None, 403),
        (&admin, "DELETE /api/rooms/coffee", None, 403),
        (&admin, "DELETE /api/rooms/tea/peers/p", None, 404),
        (&admin, "POST /api/token", Some(token), 200),
        (
            &admin,
            "POST /api/token",
            Some(r#"{"roomId":"coffee","identity":"bob"}"#),
            403,
        ),
        (&guest, "GET /api/rooms/tea", None, 403),
        (&guest, "DELETE /api/rooms/tea", None, 403),
        (&guest, "POST /api/token", Some(token), 403),
        (&guest, "GET /api/ice", None, 200),
        (&list, "GET /api/ice", None, 403),
        (&admin, "DELETE /api/rooms/tea", None, 204),
    ] {
        let answer = ask(at, request, &[who], body).await;
        assert_eq!(answer.status, status, "{request} {body:?}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minted_token_opens_its_room_and_does_not_outlive_who_minted_it() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    let body = r#"{"roomId":"tea","identity":"bob","name":"Bob","admin":true,"ttlSeconds":60}"#;
    let minted = operate(at, "POST /api/token", Some(body)).await.json();
    let mut wire = Wire::open(&server.url()).await;
    wire.send(json!({ "type": "join", "roomId": "tea", "token": minted["token"] }))
        .await;
    let joined = wire.expect("joined").await;
    assert_eq!(
        (&joined["identity"], &joined["role"]),
        (&json!("bob"), &json!("moderator"))
    );
    let admin = bearer(Video {
        room_admin: true,
        room: Some("tea".to_owned()),
        ..Video::default()
    });
    let longer = r#"{"roomId":"tea","identity":"eve","ttlSeconds":2592000}"#;
    let minted = ask(at, "POST /api/token", &[&admin], Some(longer)).await.json();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    assert!(
        minted["expiresAt"].as_u64().is_some_and(|at| at <= now.as_secs() + 600),
        "{minted}"
    );
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"roomId\":\"\"}",
        "{\"roomId\":7}",
        "{\"capacity\":0}",
        "{\"capacity\":1.5}",
        "{\"capacity\":10001}",
        "{\"capacity\":-1}",
        "{\"lobby\":\"yes\"}",
        "{\"what\":1}",
    ] {
        let answer = operate(at, "POST /api/rooms", Some(body)).await;
        assert_eq!(answer.code(), (400, "bad-request".to_owned()), "{body}");
    }
    let long = format!(r#"{{"roomId":"{}"}}"#, "x".repeat(129));
    assert_eq!(operate(at, "POST /api/rooms", Some(&long)).await.status, 400);
    let huge = format!(r#"{{"roomId":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(
        operate(at, "POST /api/rooms", Some(&huge)).await.code(),
        (413, "too-large".to_owned())
    );
    let lines = [&basic("key", crate::http::SECRET), "Content-Type: text/plain"];
    let plain = ask(at, "POST /api/rooms", &lines, Some("{}")).await;
    assert_eq!(plain.code(), (415, "unsupported-media-type".to_owned()));
    for (request, allowed) in [
        ("PUT /api/rooms", "allow: get, post, head\r\n"),
        ("POST /api/rooms/tea", "allow: get, delete, head\r\n"),
        ("GET /api/token", "allow: post\r\n"),
        ("OPTIONS /api/ice", "allow: get, head\r\n"),
    ] {
        let answer = operate(at, request, None).await;
        assert_eq!(answer.code(), (405, "method-not-allowed".to_owned()), "{request}");
        assert!(
            format!("{}\r\n", answer.head).contains(allowed),
            "{request}: {}",
            answer.head
        );
    }
    let head = operate(at, "HEAD /api/rooms", None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(
        operate(at, "GET /api/nothing", None).await.code(),
        (404, "not-found".to_owned())
    );
}

#[tokio::test]
async fn as_many_rooms_as_the_server_may_have() {
    let config = Config {
        limits: Limits {
            rooms: Some(1),
            ..Limits::default()
        },
        ..with_key()
    };
    let server = Server::with(config).await;
    assert_eq!(
        operate(server.address(), "POST /api/rooms", Some("{}")).await.status,
        201
    );
    let full = operate(server.address(), "POST /api/rooms", Some("{}")).await;
    assert_eq!(full.code(), (503, "unavailable".to_owned()));
    assert!(full.head.contains("retry-after: "), "{}", full.head);
}

#[tokio::test]
async fn an_open_server_tells_ice_servers_now_and_then() {
    let server = Server::start().await;
    let first = get(server.address(), "/api/ice").await;
    assert_eq!(first.json()["iceServers"], json!([]));
    assert!(!first.head.contains("access-control"), "{}", first.head);
    let mut refused = None;
    for _ in 0..1_000 {
        let answer = get(server.address(), "/api/ice").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a thousand at once are too many");
    assert_eq!(refused.code(), (429, "rate-limited".to_owned()));
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
}
