#![cfg(unix)]

use crate::http::{SECRET, ask, basic, ticket};
use crate::process::Process;
use serde_json::json;
use snug_testkit::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_secret_in_it_however_much_is_logged() {
    let env = [
        ("RUST_LOG", "trace"),
        ("SNUG_API_SECRET", SECRET),
        ("SNUG_TURN_SECRET", "the TURN secret"),
    ];
    let options = [
        "--log",
        "json",
        "--api-key",
        "key",
        "--turn-listen",
        "127.0.0.1:0",
        "--turn-allow-private",
    ];
    let mut server = Process::start(&options, &env);
    let url = format!("ws://{}/ws", server.address);
    let token = ticket("tea");
    let mut one = Wire::open(&url).await;
    one.send(json!({ "type": "join", "roomId": "tea", "token": token }))
        .await;
    let first = one.expect("joined").await;
    // A token may stand in the address, too.
    let mut two = Wire::open(&format!("{url}?token={token}")).await;
    two.send(json!({ "type": "join", "roomId": "tea" })).await;
    let second = two.expect("joined").await;
    one.expect("peer-joined").await;
    one.send(json!({ "type": "offer", "sdp": "v=0 o=- 47 c=IN IP4 192.0.2.77 a=ice-pwd:hidden-password" }))
        .await;
    two.expect("offer").await;
    two.send(json!({ "type": "candidate", "candidate": "candidate:1 1 udp 1 192.0.2.78 5000 typ host" }))
        .await;
    one.expect("candidate").await;
    one.send_text("{\"type\":\"message\",\"data\":\"a word between us\"")
        .await;
    one.expect("error").await;
    drop(two);
    one.expect("peer-away").await;
    let mut back = Wire::open(&url).await;
    let resume = json!({ "token": second["resumeToken"], "seq": 2 });
    back.send(json!({ "type": "join", "roomId": "tea", "token": token, "resume": resume }))
        .await;
    let resumed = back.expect("resumed").await;
    let bearer = format!("Authorization: Bearer {token}");
    let ice = ask(server.address, "GET /api/ice", &[&bearer], None).await.json();
    let minted = ask(
        server.address,
        "POST /api/token",
        &[&basic("key", SECRET)],
        Some(r#"{"roomId":"tea","identity":"bob"}"#),
    )
    .await
    .json();
    ask(
        server.address,
        "GET /api/rooms",
        &[&basic("key", "a wrong secret")],
        None,
    )
    .await;
    server.terminate();
    let log = server.end();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let mut secrets = vec![
        token.clone(),
        token.rsplit_once('.').expect("a signature").1.to_owned(),
        SECRET.to_owned(),
        basic("key", SECRET)["Authorization: Basic ".len()..].to_owned(),
        "a wrong secret".to_owned(),
        "the TURN secret".to_owned(),
        text(&first["resumeToken"]),
        text(&second["resumeToken"]),
        text(&resumed["resumeToken"]),
        text(&minted["token"]),
        "192.0.2.77".to_owned(),
        "192.0.2.78".to_owned(),
        "hidden-password".to_owned(),
        "a word between us".to_owned(),
    ];
    let servers = [&first["iceServers"], &second["iceServers"], &ice["iceServers"]];
    for server in servers.iter().filter_map(|servers| servers.as_array()).flatten() {
        secrets.extend(server["credential"].as_str().map(str::to_owned));
    }
    assert!(secrets.len() > 14, "there are TURN credentials to look for");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is one object");
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
    for step in ["joined", "away", "resumed", "the room is made", "draining", "stopped"] {
        assert!(log.contains(&format!("\"message\":\"{step}\"")), "nobody says {step}");
    }
}
