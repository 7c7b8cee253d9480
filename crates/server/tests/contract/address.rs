//! What holds for one node, and not for all of them together (rule L3 of PROTOCOL.md).

use super::Server;
use serde_json::json;
use snug_protocol::Limits;
use snug_server::Config;
use snug_testkit::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn l3_joins_of_one_address_are_limited() {
    let server = Server::with(Config {
        limits: Limits {
            joins: (1, 3),
            ..Limits::default()
        },
        ..Config::default()
    })
    .await;
    let mut codes = Vec::new();
    let mut wires = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::open(&server.url()).await;
        wire.send(json!({ "type": "join", "roomId": "tea" })).await;
        let answer = wire.next().await;
        codes.push(answer.get("code").unwrap_or(&answer["type"]).clone());
        wires.push(wire);
    }
    assert_eq!(codes, ["joined", "joined", "joined", "rate-limited"]);
}
