//! What came goes: rooms, seats and sockets are counted up, and down to nothing again (rules J8, L5).

use super::{config, gauge};
use serde_json::json;
use snug_protocol::Limits;
use snug_testkit::{PATIENCE, Server, Wire};
use tokio::time::timeout;

const ROOMS: u64 = 400;

/// Waits until the server counts so many.
async fn counts(server: &Server, name: &str, expected: u64) {
    let counted = timeout(PATIENCE, async {
        while gauge(server.address(), name).await != expected {
            tokio::task::yield_now().await;
        }
    });
    counted
        .await
        .unwrap_or_else(|_| panic!("{name} never becomes {expected}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn j8_rooms_that_empty_leave_nothing_behind() {
    let server = Server::with(config(Limits {
        joins: (100_000, 100_000),
        connections_per_address: 10_000,
        grace_ms: 200,
        ..Limits::default()
    }))
    .await;
    for round in 0..2 {
        let mut wires = Vec::new();
        for room in 0..ROOMS {
            let room = format!("{round} {room}");
            let (mut one, _) = Wire::join(&server.url(), &room).await;
            let (two, _) = Wire::join(&server.url(), &room).await;
            one.send(json!({ "type": "message", "data": "x" })).await;
            wires.push((one, two));
        }
        assert_eq!(gauge(server.address(), "snug_rooms").await, ROOMS);
        assert_eq!(gauge(server.address(), "snug_seats").await, 2 * ROOMS);
        for (at, (mut one, two)) in wires.into_iter().enumerate() {
            // One leaves, and the other one is lost: sooner or later both are gone.
            one.send(json!({ "type": "leave" })).await;
            if at % 2 == 0 {
                two.close().await;
            }
        }
        for name in ["snug_rooms", "snug_seats", "snug_away_seats", "snug_sockets"] {
            counts(&server, name, 0).await;
        }
    }
}
