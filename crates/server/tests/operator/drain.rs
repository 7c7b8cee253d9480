#![cfg(unix)]

use crate::http::get;
use crate::process::Process;
use serde_json::json;
use snug_testkit::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_says_so_before_it_sends_anybody_away() {
    let mut server = Process::start(&["--drain-grace", "1"], &[]);
    assert_eq!(get(server.address, "/readyz").await.status, 200);
    let (mut wire, _) = Wire::join(&server.url(), "tea").await;
    server.terminate();
    server.says("leaving");
    let ready = get(server.address, "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "not ready: draining\n"));
    assert_eq!(get(server.address, "/healthz").await.status, 200, "it lives");
    wire.send(json!({ "type": "ping", "seq": 1 })).await;
    wire.expect("pong").await;
    assert_eq!(wire.closed().await, Some(1001));
    let log = server.end();
    let at = |words| log.find(words).unwrap_or_else(|| panic!("nobody says {words}:\n{log}"));
    assert!(at("leaving") < at("draining") && at("draining") < at("stopped"));
}
