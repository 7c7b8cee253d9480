//! A call by way of a relay only. Ignored unless asked for, as it needs coturn's `turnserver`.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use common::{Heard, Page, negotiate, number, trickle, vp8};
use serde_json::json;

struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs turnserver"]
async fn frames_flow_through_a_relay_and_the_reflexive_address_is_found() {
    let port = std::net::UdpSocket::bind("0.0.0.0:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = {
        let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        probe
            .connect("198.51.100.1:9")
            .map(|()| probe.local_addr().unwrap().ip())
            .unwrap()
    };
    let _relay = Relay(
        Command::new("turnserver")
            .args([
                "-n",
                "--no-cli",
                "--no-tls",
                "--no-dtls",
                "--lt-cred-mech",
                "--user=name:word",
                "--realm=test",
            ])
            .args(["--allow-loopback-peers", "--pidfile=", "--log-file=stdout"])
            .arg(format!("--listening-ip={address}"))
            .arg(format!("--relay-ip={address}"))
            .arg(format!("--listening-port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    // It is up when it answers a STUN binding request.
    let up = async {
        let probe = tokio::net::UdpSocket::bind((address, 0)).await.unwrap();
        let mut request = [0_u8; 20];
        request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        let mut answer = [0; 512];
        loop {
            probe.send_to(&request, (address, port)).await.ok();
            let wait = std::time::Duration::from_millis(100);
            if let Ok(Ok(_)) = tokio::time::timeout(wait, probe.recv(&mut answer)).await {
                return;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, up).await.unwrap();

    let server = json!({"urls": [format!("turn:{address}:{port}?transport=udp"), "turns:unsupported.example"],
        "username": "name", "credential": "word"});
    let relayed = json!({"iceServers": [server], "iceTransportPolicy": "relay"});
    let (a, b) = (
        Arc::new(Page::open_with(relayed.clone()).await),
        Arc::new(Page::open_with(relayed).await),
    );
    let video = a.add("video", "cam").await;
    let (_, at_b) = negotiate(&a, &b).await;
    trickle(&a, &b);
    b.event(0, "connection-state", "state", "connected").await;
    a.event(0, "connection-state", "state", "connected").await;
    let receiver = number(&at_b["transceivers"][0]["transceiver"]);
    let frame = vp8(true, 20_000, 5);
    a.frame(1, 1, video, 0, &frame).await;
    assert_eq!(b.received(0, 3, &frame).await.target, receiver);
    let candidates = a.stats("local-candidate").await;
    assert!(
        !candidates.is_empty() && candidates.iter().all(|one| one["candidateType"] == "relay"),
        "{candidates:#?}"
    );

    let stun = json!({"iceServers": [{"urls": format!("stun:{address}:{port}")}]});
    let c = Page::open_with(stun).await;
    c.add("audio", "mic").await;
    c.run(json!({"type": "set-local"})).await;
    c.hear(0, |heard| match heard {
        // Without a NAT the reflexive address is the host's, and redundant; gathering ends all the same.
        Heard::Event(event) => (event["type"] == "ice-gathering-state" && event["state"] == "complete").then_some(()),
        Heard::Text(_) | Heard::Frame(_) => None,
    })
    .await;
}
