//! The rooms of one process: what every store does, and what this one alone does.

mod contract;

mod store {
    pub use snug_testkit::Server;
}

#[path = "contract/address.rs"]
mod address;

use serde_json::json;
use snug_testkit::Wire;
use store::Server;

#[tokio::test(flavor = "multi_thread")]
async fn r2_after_a_restart_everyone_gets_a_plain_joined() {
    let mut server = Server::start().await;
    let (mut one, first) = Wire::join(&server.url(), "tea").await;
    let (mut two, second) = Wire::join(&server.url(), "tea").await;
    server.kill().await;
    assert_eq!(one.closed().await, None);
    assert_eq!(two.closed().await, None);
    server.restart().await;
    let mut one = Wire::resume(&server.url(), "tea", &first["resumeToken"], 2).await;
    assert_eq!(one.expect("joined").await["peers"], json!([]));
    let mut two = Wire::resume(&server.url(), "tea", &second["resumeToken"], 1).await;
    assert_eq!(two.expect("joined").await["peers"].as_array().map(Vec::len), Some(1));
    one.expect("peer-joined").await;
}
