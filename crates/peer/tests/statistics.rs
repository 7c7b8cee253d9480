//! What the remote reports of itself shows in the statistics.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::sync::Arc;

use common::{PATIENCE, Page, negotiate, trickle, vp8};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_report_becomes_remote_outbound_rtp() {
    let (a, b) = (Arc::new(Page::open().await), Arc::new(Page::open().await));
    let video = a.add("video", "cam").await;
    negotiate(&a, &b).await;
    trickle(&a, &b);
    for page in [&a, &b] {
        page.event(0, "connection-state", "state", "connected").await;
    }
    let said = async {
        for round in 0_u8.. {
            let start = b.heard();
            let picture = vp8(true, 2_000, round);
            a.frame(1, 1, video, i64::from(round) * 33_333, &picture).await;
            b.received(start, 3, &picture).await;
            if let Some(said) = b.stats("remote-outbound-rtp").await.pop() {
                return said;
            }
        }
        panic!("no report came");
    };
    let said = tokio::time::timeout(PATIENCE, said).await.unwrap();
    let inbound = b.stats("inbound-rtp").await.pop().unwrap();
    assert_eq!((&said["localId"], &inbound["remoteId"]), (&inbound["id"], &said["id"]));
    assert_eq!((&said["ssrc"], &said["kind"]), (&inbound["ssrc"], &json!("video")));
    assert!(
        said["packetsSent"].as_u64().unwrap() > 0 && said["bytesSent"].as_u64().unwrap() > 0,
        "{said}"
    );
    // Both clocks are this machine's.
    let apart = said["timestamp"].as_f64().unwrap() - said["remoteTimestamp"].as_f64().unwrap();
    assert!((0.0..60_000.0).contains(&apart), "{apart}");
}
