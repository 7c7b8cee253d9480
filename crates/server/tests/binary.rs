//! The binary: one line on stdout, a log without secrets, an end when asked.

#[cfg(unix)]
#[path = "support/process.rs"]
mod process;

#[cfg(unix)]
use process::Process;
use serde_json::{Value, json};
use snug_testkit::Wire;
use std::process::Command;

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_traced_and_nothing_secret_is_logged() {
    let mut process = Process::start(
        &["--log", "json", "--no-turn", "--stun", "stun:stun.example.org:3478"],
        &[("RUST_LOG", "debug")],
    );
    let mut wire = Wire::open(&process.url()).await;
    wire.send(json!({ "type": "join", "roomId": "tea", "joinId": "j-1" }))
        .await;
    let joined = wire.expect("joined").await;
    assert_eq!(
        joined["iceServers"],
        json!([{ "urls": ["stun:stun.example.org:3478"] }])
    );
    wire.send(json!({ "type": "offer", "sdp": "v=0 c=IN IP4 192.0.2.77" }))
        .await;
    wire.send(json!({ "type": "leave" })).await;
    wire.expect("left").await;
    process.terminate();
    assert_eq!(wire.closed().await, Some(1001), "told on SIGTERM");
    let log = process.end();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let points: Vec<_> = lines.iter().filter(|line| line["target"] == "snug::trace").collect();
    let names: Vec<_> = points
        .iter()
        .map(|line| (line["point"].as_u64(), line["name"].as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (Some(6), Some("server")),
            (Some(7), Some("room")),
            (Some(8), Some("store"))
        ]
    );
    assert!(points.iter().all(|line| line["join_id"] == "j-1"));
    let times: Vec<_> = points
        .iter()
        .map(|line| line["at_us"].as_u64().expect("microseconds"))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let token = joined["resumeToken"].as_str().expect("a token");
    assert!(!log.contains(token) && !log.contains("192.0.2.77"), "{log}");
    for step in [
        "listening",
        "joined",
        "left",
        "the room is empty",
        "draining",
        "stopped",
    ] {
        assert!(lines.iter().any(|line| line["message"] == step), "no line says {step}");
    }
}

#[test]
fn help_explains_every_option() {
    let output = Command::new(env!("CARGO_BIN_EXE_snug-server"))
        .arg("--help")
        .output()
        .expect("the binary starts");
    let help = String::from_utf8_lossy(&output.stdout);
    for option in [
        "--listen",
        "--config",
        "--tls-cert",
        "--domain",
        "--turn-listen",
        "SNUG_GRACE",
        "serve",
        "doctor",
    ] {
        assert!(help.contains(option), "{help}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_snug-server"))
        .args(["--stun", "turn:x"])
        .output()
        .expect("it starts");
    assert!(!output.status.success());
}
