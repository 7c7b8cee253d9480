use crate::http::{key, operate, ticket, with_key};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use snug_server::{Config, token};
use snug_testkit::{PATIENCE, Server, Wire};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Takes events, once it has failed at the first one.
async fn receiver() -> (String, UnboundedReceiver<(String, Value)>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (out, got) = unbounded_channel();
    let failed = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (out, failed) = (out.clone(), failed.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (out, failed) = (out.clone(), failed.clone());
                async move {
                    let mut response = Response::new(Full::<Bytes>::default());
                    if failed.swap(true, Ordering::Relaxed) {
                        let signature = request.headers()["authorization"].to_str().expect("text").to_owned();
                        let body = request.into_body().collect().await.expect("a body").to_bytes();
                        out.send((signature, serde_json::from_slice(&body).expect("JSON"))).ok();
                    } else {
                        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
                    }
                    Ok::<_, Infallible>(response)
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
    (url, got, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_a_room_is_told_in_order() {
    let (url, mut got, _tasks) = receiver().await;
    let server = Server::with(Config {
        webhooks: vec![url],
        ..with_key()
    })
    .await;
    let join = async || {
        let mut wire = Wire::open(&server.url()).await;
        wire.send(json!({ "type": "join", "roomId": "tea", "token": ticket("tea") }))
            .await;
        let joined = wire.expect("joined").await;
        (wire, joined["peerId"].clone())
    };
    let (mut one, first) = join().await;
    let (_two, second) = join().await;
    one.send(json!({ "type": "leave" })).await;
    one.expect("peer-joined").await;
    one.expect("left").await;
    assert_eq!(
        operate(server.address(), "DELETE /api/rooms/tea", None).await.status,
        204
    );
    let mut ids = Vec::new();
    for (event, sid, reason) in [
        ("room_started", &Value::Null, Value::Null),
        ("seat_joined", &first, Value::Null),
        ("seat_joined", &second, Value::Null),
        ("seat_left", &first, json!("left")),
        ("seat_left", &second, json!("ended")),
        ("room_ended", &Value::Null, Value::Null),
    ] {
        let (signature, body) = timeout(PATIENCE, got.recv()).await.expect("in time").expect("it runs");
        assert_eq!(body["event"], event, "{body}");
        assert_eq!(
            (&body["room"]["name"], &body["participant"]["sid"], &body["reason"]),
            (&json!("tea"), sid, &reason)
        );
        token::verify(&[key()].into_iter().collect(), &signature, SystemTime::now()).expect("it is signed");
        ids.push(body["id"].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 6, "each has its own id");
}
