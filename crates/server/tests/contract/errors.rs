//! What is wrong gets its code, and the socket stays usable (rules E1 to E3 of PROTOCOL.md).

use super::Server;
use serde_json::{Value, json};
use snug_testkit::Wire;

const LIMIT: usize = 64 * 1024;

/// A message of exactly so many bytes.
fn message_of(bytes: usize) -> String {
    let empty = json!({ "type": "message", "data": "" }).to_string().len();
    json!({ "type": "message", "data": "x".repeat(bytes - empty) }).to_string()
}

async fn is_usable(wire: &mut Wire) {
    wire.send(json!({ "type": "ping", "seq": 0 })).await;
    wire.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_every_wrong_frame_is_answered_with_its_code_before_and_after_a_join() {
    let server = Server::start().await;
    let mut wire = Wire::open(&server.url()).await;
    for joined in [false, true] {
        if joined {
            wire.send(json!({ "type": "join", "roomId": "tea" })).await;
            wire.expect("joined").await;
        }
        let too_large = message_of(LIMIT + 1);
        let cases: [(&str, &str, Option<u64>); 16] = [
            ("{", "bad-json", None),
            ("", "bad-json", None),
            ("{\"type\":\"ping\",\"seq\":0", "bad-json", None),
            ("{\"type\":\"ping\"} {}", "bad-json", None),
            ("[]", "bad-message", None),
            ("7", "bad-message", None),
            ("null", "bad-message", None),
            ("{}", "bad-message", None),
            ("{\"type\":7}", "bad-message", None),
            ("{\"type\":\"hello\",\"id\":5}", "bad-message", Some(5)),
            ("{\"type\":\"kick\",\"reason\":\"x\"}", "bad-message", None),
            ("{\"type\":\"join\",\"id\":6}", "bad-message", Some(6)),
            ("{\"type\":\"offer\"}", "bad-message", None),
            ("{\"type\":\"candidate\",\"to\":\"x\"}", "bad-message", None),
            ("{\"type\":\"mute\",\"kind\":\"smell\"}", "bad-message", None),
            (&too_large, "too-large", None),
        ];
        for (text, code, id) in cases {
            let shown: String = text.chars().take(60).collect();
            wire.send_text(text).await;
            let error = wire.expect("error").await;
            assert_eq!(error["code"], code, "{shown}: {error}");
            assert_eq!(error.get("id").and_then(Value::as_u64), id, "{shown}: {error}");
            assert!(
                error["message"].as_str().is_some_and(|message| !message.is_empty()),
                "{shown}"
            );
            is_usable(&mut wire).await;
        }
        wire.send_binary(b"{\"type\":\"ping\",\"seq\":0}".to_vec()).await;
        assert_eq!(wire.expect("error").await["code"], "bad-json");
        is_usable(&mut wire).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_before_a_join_there_is_nobody_to_speak_to() {
    let server = Server::start().await;
    let mut wire = Wire::open(&server.url()).await;
    wire.send(json!({ "type": "offer", "sdp": "", "id": 1 })).await;
    let error = wire.expect("error").await;
    assert_eq!((&error["code"], &error["id"]), (&json!("not-joined"), &json!(1)));
    wire.send(json!({ "type": "join", "roomId": "tea" })).await;
    wire.expect("joined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_the_longest_frame_gets_through() {
    let server = Server::start().await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, _) = Wire::join(&server.url(), "tea").await;
    one.send_text(message_of(LIMIT)).await;
    let data = two.expect("message").await["data"].as_str().map(str::len);
    assert!(data.is_some_and(|size| size > LIMIT - 100), "{data:?}");
    // The header alone ends the socket, perhaps before the rest is written.
    if one.try_send(message_of(1024 * 1024 + 100)).await.is_ok() {
        one.closed().await;
    }
    two.expect("peer-away").await;
}
