//! Networks that have something missing.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::process::Command;
use std::sync::Arc;

use common::{Heard, Page, negotiate, trickle, vp8};

/// Set in the namespace in which the test runs itself again.
const INSIDE: &str = "PEER_TEST_NAMESPACE";
/// The only address there that is not the loopback's.
const ADDRESS: &str = "fd12:3456:789a::1";

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_ipv6_alone_is_enough() {
    if std::env::var_os(INSIDE).is_none() {
        let script = format!("ip link set lo up && ip -6 addr add {ADDRESS}/64 dev lo nodad && exec \"$0\" \"$@\"");
        let namespace = |command: &str| {
            let mut unshare = Command::new("unshare");
            unshare.args(["--user", "--map-root-user", "--net", "sh", "-c", command]);
            unshare
        };
        if !namespace("ip link set lo up").status().is_ok_and(|done| done.success()) {
            println!("skipped: network namespaces are not allowed here");
            return;
        }
        let again = namespace(&script)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "a_network_of_ipv6_alone_is_enough", "--nocapture"])
            .env(INSIDE, "1")
            .status()
            .unwrap();
        assert!(again.success());
        return;
    }
    let (a, b) = (Arc::new(Page::open().await), Arc::new(Page::open().await));
    let video = a.add("video", "cam").await;
    negotiate(&a, &b).await;
    trickle(&a, &b);
    a.event(0, "connection-state", "state", "connected").await;
    b.event(0, "connection-state", "state", "connected").await;
    let frame = vp8(true, 20_000, 5);
    a.frame(1, 1, video, 0, &frame).await;
    b.received(0, 3, &frame).await;
    let (candidate, _) = a
        .hear(0, |heard| match heard {
            Heard::Event(event) if event["type"] == "ice-candidate" => {
                event["candidate"]["candidate"].as_str().map(str::to_owned)
            }
            _ => None,
        })
        .await;
    assert!(candidate.contains(ADDRESS), "{candidate}");
    for local in a.stats("local-candidate").await {
        assert_eq!(local["address"], ADDRESS);
    }
}
