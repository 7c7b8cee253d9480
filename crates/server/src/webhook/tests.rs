use super::*;
use crate::config::Secret;
use crate::metrics::Gauges;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use snug_protocol::{Identity, LeaveReason, PeerId, RoomId};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Far above what a test takes: it bounds a failure only.
const PATIENCE: Duration = Duration::from_secs(20);

struct Receiver {
    address: SocketAddr,
    /// The authorization and the body of each request.
    got: UnboundedReceiver<(Option<String>, Value)>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Answers as told, with the number of the request.
    async fn answering(status: fn(u32) -> u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (out, got) = unbounded_channel();
        let count = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (out, count) = (out.clone(), count.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (out, count) = (out.clone(), count.clone());
                    async move {
                        assert_eq!(request.method(), "POST");
                        assert_eq!(request.headers()["content-type"], "application/webhook+json");
                        let authorization = request.headers().get("authorization");
                        let authorization = authorization.map(|value| value.to_str().expect("text").to_owned());
                        let body = request.into_body().collect().await.expect("a body").to_bytes();
                        out.send((authorization, serde_json::from_slice(&body).expect("JSON")))
                            .ok();
                        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        let response = Response::builder()
                            .status(status(number))
                            .header("location", "/elsewhere")
                            .body(Full::<Bytes>::default());
                        Ok::<_, Infallible>(response.expect("a response"))
                    }
                });
                connections.spawn(async move {
                    http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await
                        .ok();
                });
            }
        });
        Self {
            address,
            got,
            _tasks: tasks,
        }
    }

    async fn next(&mut self) -> (Option<String>, Value) {
        timeout(PATIENCE, self.got.recv())
            .await
            .expect("it comes in time")
            .expect("the receiver runs")
    }
}

fn hasty() -> Patience {
    Patience {
        queue: 5,
        attempts: 3,
        first: Duration::from_millis(1),
        most: Duration::from_millis(2),
        ..Patience::default()
    }
}

fn key() -> Key {
    Key::new("one", Secret::new("secret of one"))
}

fn start(address: SocketAddr, patience: Patience) -> (Webhooks, Couriers, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let urls = [format!("http://{address}/hook")];
    let (webhooks, couriers) = Webhooks::start(&urls, Some(&key()), patience, &metrics).expect("it starts");
    (webhooks, couriers, metrics)
}

fn notice(room: &str, number: usize) -> Notice {
    let who = Who {
        peer: PeerId::from("p"),
        identity: Identity::from("ann"),
        name: None,
    };
    Notice::new(
        number.to_string(),
        UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        RoomId::from(room),
        What::SeatLeft(who, LeaveReason::Timeout),
    )
}

#[tokio::test]
async fn an_event_is_signed_and_says_what_happened() {
    let mut receiver = Receiver::answering(|_| 204).await;
    let (webhooks, _couriers, _) = start(receiver.address, hasty());
    webhooks.tell(notice("tea", 1));
    let (authorization, body) = receiver.next().await;
    assert_eq!(
        body,
        serde_json::json!({
            "event": "seat_left", "id": "1", "createdAt": 1_800_000_000, "room": { "name": "tea" },
            "participant": { "sid": "p", "identity": "ann" }, "reason": "timeout",
        })
    );
    let authorization = authorization.expect("a signature");
    let (signed, tag) = authorization.rsplit_once('.').expect("three parts");
    let decode = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .expect("base64url")
    };
    assert!(key().verify(signed.as_bytes(), &decode(tag)));
    let (_, claims) = signed.split_once('.').expect("two parts");
    let claims: Value = serde_json::from_slice(&decode(claims)).expect("JSON");
    assert_eq!(claims["iss"], "one");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    assert!(claims["exp"].as_u64().is_some_and(|exp| exp > now));
}

#[tokio::test]
async fn a_room_s_events_arrive_in_order_however_often_they_are_tried() {
    let mut receiver = Receiver::answering(|number| if number % 3 == 0 { 500 } else { 200 }).await;
    let (webhooks, couriers, metrics) = start(receiver.address, Patience { queue: 100, ..hasty() });
    for number in 0..50 {
        webhooks.tell(notice("tea", number));
    }
    couriers.finish(PATIENCE).await;
    drop(webhooks);
    let mut seen: Vec<usize> = Vec::new();
    let mut requests = 0;
    while let Ok((_, body)) = receiver.got.try_recv() {
        requests += 1;
        let id = body["id"].as_str().expect("an id").parse().expect("a number");
        if seen.last() != Some(&id) {
            seen.push(id);
        }
    }
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    assert!(requests > 50, "some came twice");
    let page = metrics.page(Gauges::default(), true).finish();
    assert!(
        page.contains("snug_webhooks_total{result=\"delivered\"} 50\n"),
        "{page}"
    );
    assert!(page.contains("snug_webhooks_total{result=\"failed\"} 0\n"), "{page}");
}

#[tokio::test]
async fn what_is_refused_or_redirected_is_not_tried_again() {
    for status in [(|_| 400) as fn(u32) -> u16, |_| 302, |_| 410] {
        let mut receiver = Receiver::answering(status).await;
        let (webhooks, couriers, metrics) = start(receiver.address, hasty());
        webhooks.tell(notice("tea", 1));
        couriers.finish(PATIENCE).await;
        receiver.next().await;
        assert!(receiver.got.try_recv().is_err(), "once");
        let page = metrics.page(Gauges::default(), true).finish();
        assert!(page.contains("snug_webhooks_total{result=\"failed\"} 1\n"), "{page}");
    }
}

#[tokio::test]
async fn a_dead_receiver_costs_a_bounded_queue_and_the_oldest_events() {
    // Bound, and nobody accepts: connections hang.
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = dead.local_addr().expect("an address");
    let (webhooks, couriers, metrics) = start(address, hasty());
    for number in 0..1_000 {
        webhooks.tell(notice("tea", number));
    }
    let waiting: Vec<usize> = webhooks.lanes.iter().map(|lane| lane.len()).collect();
    assert_eq!(waiting.iter().sum::<usize>(), 5, "{waiting:?}");
    let page = metrics.page(Gauges::default(), true).finish();
    assert!(page.contains("snug_webhooks_total{result=\"dropped\"} 995\n"), "{page}");
    couriers.finish(Duration::ZERO).await;
}

#[tokio::test]
async fn who_never_takes_an_event_loses_it_after_so_many_attempts() {
    let mut receiver = Receiver::answering(|_| 503).await;
    let (webhooks, couriers, metrics) = start(receiver.address, hasty());
    webhooks.tell(notice("tea", 1));
    couriers.finish(PATIENCE).await;
    for _ in 0..3 {
        receiver.next().await;
    }
    assert!(receiver.got.try_recv().is_err(), "three times");
    let page = metrics.page(Gauges::default(), true).finish();
    assert!(page.contains("snug_webhooks_total{result=\"retried\"} 2\n"), "{page}");
    assert!(page.contains("snug_webhooks_total{result=\"failed\"} 1\n"), "{page}");
}

#[test]
fn only_urls_that_can_be_posted_to_are_taken() {
    for url in ["http://127.0.0.1:9/x", "https://hooks.example/a?b=c", "http://[::1]/"] {
        assert!(target(url).is_ok(), "{url}");
    }
    for url in ["", "/x", "ftp://a/", "hooks.example", "https://user:pass@a/", "http://"] {
        assert!(target(url).is_err(), "{url}");
    }
}
