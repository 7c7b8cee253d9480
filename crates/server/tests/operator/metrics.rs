use crate::http::{ask, basic, bearer, get, operate, with_key};
use serde_json::json;
use snug_server::Config;
use snug_server::config::Turn;
use snug_server::token::Video;
use snug_testkit::{Server, Wire};
use std::collections::{HashMap, HashSet};

/// Reads the exposition format (version 0.0.4), and takes nothing that is not in it: samples by name and labels.
fn parse(text: &str) -> HashMap<String, f64> {
    assert!(text.ends_with('\n'));
    let mut kinds: HashMap<&str, &str> = HashMap::new();
    let mut helped = HashSet::new();
    let mut family = "";
    let mut samples = HashMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("words");
            assert!(!words.is_empty() && helped.insert(name), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a kind");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name, kind).is_none(), "one group a name: {line}");
            family = name;
        } else {
            let (key, value) = line.rsplit_once(' ').expect("a value");
            let name = key.split('{').next().expect("a name");
            let labels = key[name.len()..]
                .strip_prefix('{')
                .map(|rest| rest.strip_suffix('}').expect("an end"));
            for label in labels.unwrap_or_default().split_terminator(',') {
                let (label, value) = label.split_once('=').expect("a label");
                assert!(label.bytes().all(|byte| byte.is_ascii_lowercase()), "{line}");
                assert!(
                    value.starts_with('"') && value.ends_with('"') && value.len() > 2,
                    "{line}"
                );
            }
            let base = match kinds[family] {
                "histogram" => {
                    let suffixes = ["_bucket", "_sum", "_count"];
                    suffixes
                        .iter()
                        .find_map(|suffix| name.strip_suffix(suffix))
                        .expect("a histogram's sample")
                }
                _ => name,
            };
            assert_eq!(base, family, "samples of one name stand together: {line}");
            assert_eq!(kinds[family] == "counter", base.ends_with("_total"), "{line}");
            let value: f64 = value.parse().expect("a number");
            assert!(samples.insert(key.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_shows_in_the_numbers() {
    let server = Server::start().await;
    let (mut one, _) = Wire::join(&server.url(), "tea").await;
    let (mut two, second) = Wire::join(&server.url(), "tea").await;
    one.expect("peer-joined").await;
    for number in 1..=9 {
        one.send(json!({ "type": "candidate", "candidate": number, "id": number }))
            .await;
        one.expect("ack").await;
        two.expect("candidate").await;
    }
    one.send(json!({ "type": "candidate", "candidate": 0, "to": "nobody" }))
        .await;
    one.expect("error").await;
    drop(two);
    one.expect("peer-away").await;
    let answer = get(server.address(), "/metrics").await;
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.head
    );
    let samples = parse(&answer.body);
    for (name, value) in [
        ("snug_rooms", 1.0),
        ("snug_seats", 2.0),
        ("snug_away_seats", 1.0),
        ("snug_waiting", 0.0),
        ("snug_sockets", 1.0),
        ("snug_sockets_total", 2.0),
        ("snug_store_up", 1.0),
        ("snug_ready", 1.0),
        ("snug_messages_total{direction=\"in\",type=\"candidate\"}", 10.0),
        ("snug_messages_total{direction=\"out\",type=\"candidate\"}", 9.0),
        ("snug_messages_total{direction=\"out\",type=\"ack\"}", 9.0),
        ("snug_errors_total{code=\"no-such-peer\"}", 1.0),
        ("snug_joins_total{result=\"joined\"}", 2.0),
        ("snug_resumes_total{result=\"resumed\"}", 0.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in\n{}", answer.body);
    }
    assert!(samples["snug_relay_seconds_count"] >= 1.0 && samples["snug_relay_seconds_sum"] > 0.0);
    assert_eq!(
        samples["snug_relay_seconds_bucket{le=\"+Inf\"}"],
        samples["snug_relay_seconds_count"]
    );
    assert!(samples["snug_outbox_depth_count"] >= 20.0);
    let mut back = Wire::resume(&server.url(), "tea", &second["resumeToken"], 9).await;
    back.expect("resumed").await;
    let mut lost = Wire::resume(&server.url(), "tea", &json!("no token"), 9).await;
    lost.expect("joined").await;
    let samples = parse(&get(server.address(), "/metrics").await.body);
    assert_eq!(samples["snug_resumes_total{result=\"resumed\"}"], 1.0);
    assert_eq!(samples["snug_resumes_total{result=\"fresh\"}"], 1.0);
    assert_eq!(samples["snug_away_seats"], 0.0);
}

#[tokio::test]
async fn what_the_relay_counts_and_what_is_refused_is_there_too() {
    let server = Server::with(Config {
        turn: Turn::Own {
            listen: "127.0.0.1:0".parse().expect("an address"),
            external: None,
            secret: None,
            private: true,
        },
        ..Config::default()
    })
    .await;
    let mut wire = Wire::open(&server.url()).await;
    wire.send_text("no JSON").await;
    wire.expect("error").await;
    wire.send_binary(vec![0]).await;
    wire.expect("error").await;
    let samples = parse(&get(server.address(), "/metrics").await.body);
    assert_eq!(samples["snug_turn_allocations"], 0.0);
    assert_eq!(samples["snug_turn_relayed_bytes_total{to=\"peer\"}"], 0.0);
    assert_eq!(samples["snug_errors_total{code=\"bad-json\"}"], 2.0);
}

#[tokio::test]
async fn the_numbers_are_not_for_everybody() {
    let server = Server::with(with_key()).await;
    let at = server.address();
    assert_eq!(get(at, "/metrics").await.status, 401);
    assert_eq!(
        ask(at, "GET /metrics", &[&basic("key", "wrong")], None).await.status,
        401
    );
    assert_eq!(operate(at, "GET /metrics", None).await.status, 200);
    let list = bearer(Video {
        room_list: true,
        ..Video::default()
    });
    assert_eq!(ask(at, "GET /metrics", &[&list], None).await.status, 200);
    assert_eq!(
        ask(at, "GET /metrics", &[&bearer(Video::default())], None).await.status,
        403
    );
    assert_eq!(operate(at, "POST /metrics", None).await.status, 405);

    let open = Server::start().await;
    assert_eq!(get(open.address(), "/metrics").await.status, 200, "this machine");
    for line in [
        "X-Forwarded-For: 192.0.2.1",
        "Forwarded: for=192.0.2.1",
        "Via: 1.1 proxy",
    ] {
        let answer = ask(open.address(), "GET /metrics", &[line], None).await;
        assert_eq!(answer.status, 403, "{line}");
    }
    let behind = Config {
        proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Config::default()
    };
    let behind = Server::with(behind).await;
    assert_eq!(
        get(behind.address(), "/metrics").await.status,
        403,
        "behind a proxy everybody is this machine"
    );
}

#[tokio::test]
async fn an_address_of_their_own_serves_them_to_whoever_gets_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let server = Server::with(Config {
        metrics: Some(address),
        ..with_key()
    })
    .await;
    assert_eq!(
        operate(server.address(), "GET /metrics", None).await.status,
        404,
        "only there"
    );
    parse(&get(address, "/metrics").await.body);
    assert_eq!(get(address, "/healthz").await.body, "ok\n");
    assert_eq!(get(address, "/readyz").await.body, "ready\n");
    assert_eq!(get(address, "/api/rooms").await.status, 404);
    assert_eq!(ask(address, "POST /metrics", &[], None).await.status, 405);
}
