//! Frames that are wrong, too many, or too large (rules E1, L1, L2, L7).

use super::{config, from};
use serde_json::json;
use snug_protocol::Limits;
use snug_testkit::raw::{FIN, PING, RSV1, TEXT, frame, header};
use snug_testkit::{Raw, Server, Wire};

async fn is_usable(wire: &mut Wire) {
    wire.send(json!({ "type": "ping", "seq": 0 })).await;
    wire.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_json_may_be_as_deep_as_a_frame_is_long() {
    let server = Server::start().await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, _) = Wire::join(&server.url(), "tea").await;
    one.expect("peer-joined").await;
    let open = ["[", "{\"a\":", "[{\"type\":"];
    for (at, unclosed) in open.into_iter().enumerate() {
        for text in [
            unclosed.repeat(60_000 / unclosed.len()),
            format!(
                "{{\"type\":\"message\",\"data\":{}",
                unclosed.repeat(60_000 / unclosed.len())
            ),
            format!("{{\"x\":{}", unclosed.repeat(60_000 / unclosed.len())),
        ] {
            one.send_text(text).await;
            assert_eq!(one.expect("error").await["code"], "bad-json", "{at}");
        }
    }
    let (open, close) = ("[".repeat(30_000), "]".repeat(30_000));
    one.send_text(format!("{{\"type\":\"join\",\"roomId\":{open}{close}}}"))
        .await;
    assert_eq!(one.expect("error").await["code"], "bad-message");
    // What is carried is not read, however deep.
    one.send_text(format!("{{\"type\":\"message\",\"data\":{open}{close},\"x\":{{}}}}"))
        .await;
    is_usable(&mut one).await;
    assert!(two.text().await.contains(&open), "as it came");
    is_usable(&mut two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_what_is_no_websocket_ends_its_socket_with_the_codes_of_the_rfc() {
    let server = Server::start().await;
    let (mut victim, _) = Wire::join(&server.url(), "tea").await;
    let message = br#"{"type":"ping","seq":0}"#;
    for (what, bytes, code) in [
        ("not masked", frame(FIN | TEXT, false, message), 1002),
        ("compressed", frame(FIN | RSV1 | TEXT, true, message), 1002),
        ("an unknown kind", frame(FIN | 3, true, message), 1002),
        ("a ping in fragments", frame(PING, true, b"x"), 1002),
        ("a ping too long", frame(FIN | PING, true, &[b'x'; 126]), 1002),
        ("the end of nothing", frame(FIN, true, b"x"), 1002),
        (
            "a message within another",
            [frame(TEXT, true, b"x"), frame(FIN | TEXT, true, b"x")].concat(),
            1002,
        ),
        ("not UTF-8", frame(FIN | TEXT, true, b"\"\xff\""), 1007),
        (
            "too large by its header",
            header(FIN | TEXT, true, 1024 * 1024 + 1),
            1009,
        ),
        (
            "too large beyond measure",
            header(FIN | TEXT, true, u64::MAX >> 1),
            1009,
        ),
    ] {
        let (mut raw, status) = Raw::upgrade(server.address(), from(2), "").await.expect("a connection");
        assert_eq!(status, 101);
        raw.write(&bytes).await.expect("it is open");
        assert_eq!(raw.closed().await, Some(code), "{what}");
    }
    is_usable(&mut victim).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_websocket_pings_count_like_messages() {
    let server = Server::start().await;
    let (mut victim, _) = Wire::join(&server.url(), "tea").await;
    let (mut raw, _) = Raw::upgrade(server.address(), from(2), "").await.expect("a connection");
    raw.text(r#"{"type":"join","roomId":"tea"}"#).await.expect("it is open");
    let offender = victim.expect("peer-joined").await;
    let ping = frame(FIN | PING, true, &[b'x'; 100]).repeat(1_000);
    while raw.write(&ping).await.is_ok() {}
    let away = victim.expect("peer-away").await;
    assert_eq!(away["peerId"], offender["peerId"]);
    is_usable(&mut victim).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_a_message_in_endless_fragments_ends_its_socket() {
    let server = Server::start().await;
    let (mut victim, _) = Wire::join(&server.url(), "tea").await;
    for fragment in [&b""[..], b"x"] {
        let (mut raw, _) = Raw::upgrade(server.address(), from(2), "").await.expect("a connection");
        raw.text(r#"{"type":"join","roomId":"tea"}"#).await.expect("it is open");
        let offender = victim.expect("peer-joined").await;
        raw.write(&frame(TEXT, true, fragment)).await.expect("it is open");
        let more = frame(0, true, fragment).repeat(10_000);
        let mut written = 0;
        while raw.write(&more).await.is_ok() {
            written += more.len();
            assert!(written < 64 * 1024 * 1024, "the server reads on and on");
        }
        let away = victim.expect("peer-away").await;
        assert_eq!(away["peerId"], offender["peerId"]);
    }
    is_usable(&mut victim).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l7_past_its_bytes_a_socket_is_read_later() {
    let server = Server::with(config(Limits {
        bytes: (1, 70_000),
        heartbeat_ms: 300,
        ..Limits::default()
    }))
    .await;
    let (mut victim, _) = Wire::join(&server.url(), "tea").await;
    let (mut greedy, _) = Wire::join(&server.url(), "tea").await;
    victim.expect("peer-joined").await;
    let filler = "x".repeat(60_000);
    for number in 0..4 {
        greedy
            .send(json!({ "type": "message", "data": [number, filler] }))
            .await;
    }
    // The second one spends more than there is, and the next would be read a day later; so the server hears nothing more.
    assert_eq!(victim.expect("message").await["data"][0], 0);
    assert_eq!(victim.expect("message").await["data"][0], 1);
    victim.expect("peer-away").await;
}
