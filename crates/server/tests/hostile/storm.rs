//! Everything at once, against the real binary with its default limits: a call goes on as if nothing were.

use super::from;
use super::process::Process;
use serde_json::{Value, json};
use snug_testkit::raw::{FIN, PING, TEXT, frame, header};
use snug_testkit::{Raw, Wire};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How many messages each of the two says.
const SAID: u64 = 1_000;
/// Below what the limits let through.
const PACE: Duration = Duration::from_millis(6);
/// What the server may have in memory meanwhile: two dozen addresses times what the limits let each of them fill.
const MOST_KIB: u64 = 256 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_while_every_flood_runs() {
    let server = Process::start(&[], &[("RUST_LOG", "error")]);
    let url = server.url();
    let join = json!({ "type": "join", "roomId": "victims", "capacity": 2 });
    let mut one = Wire::open(&url).await;
    one.send(join.clone()).await;
    one.expect("joined").await;
    let mut two = Wire::open(&url).await;
    two.send(join).await;
    two.expect("joined").await;
    one.expect("peer-joined").await;
    one.expect("ready").await;
    two.expect("ready").await;

    let mut floods = JoinSet::new();
    let at = server.address;
    // Two of each kind, each from an address of its own.
    for (number, last) in (20..44).enumerate() {
        match number % 12 {
            0 => floods.spawn(over_and_over(move || {
                messages(at, last, json!({ "type": "message", "data": 0, "id": 1 }))
            })),
            1 => floods.spawn(over_and_over(move || {
                messages(at, last, json!({ "type": "candidate", "candidate": "x" }))
            })),
            2 => floods.spawn(over_and_over(move || texts(at, last, "[".repeat(60_000)))),
            3 => floods.spawn(over_and_over(move || texts(at, last, "x".repeat(1_000_000)))),
            4 => floods.spawn(over_and_over(move || {
                bytes(at, last, frame(FIN | PING, true, &[7; 125]).repeat(500))
            })),
            5 => floods.spawn(over_and_over(move || fragments(at, last))),
            6 => floods.spawn(over_and_over(move || storm(at, last))),
            7 => floods.spawn(over_and_over(move || silence(at, last))),
            8 => floods.spawn(over_and_over(move || drip(at, last))),
            9 => floods.spawn(over_and_over(move || deaf(at, last))),
            10 => floods.spawn(over_and_over(move || guesses(at, last))),
            _ => floods.spawn(over_and_over(move || half(at, last))),
        };
    }

    let mut most = 0;
    let talk = async { tokio::join!(talks(&mut one), talks(&mut two)) };
    let watch = async {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            most = server.resident().max(most);
        }
    };
    tokio::select! {
        _ = talk => {}
        () = watch => {}
    }
    assert!(most < MOST_KIB, "{most} KiB");
    assert_eq!(floods.len(), 24, "every flood runs to the end");
    floods.shutdown().await;
    // The server is itself again: strangers come in, and those who were there never noticed.
    let (mut guest, _) = Wire::join(&url, "later").await;
    guest.send(json!({ "type": "ping", "seq": 1 })).await;
    guest.expect("pong").await;
    one.send(json!({ "type": "leave" })).await;
    one.expect("left").await;
    two.expect("peer-left").await;
}

/// Says its numbers at its pace, and hears the other's: all of them, in order, once, each answered once.
async fn talks(wire: &mut Wire) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut said, mut heard, mut answered) = (0, 0, 0);
    while heard < SAID || answered < SAID {
        tokio::select! {
            biased;
            message = wire.next() => match message["type"].as_str() {
                Some("message") => {
                    heard += 1;
                    assert_eq!(message["data"], heard, "in order, once");
                }
                Some("ack") => {
                    answered += 1;
                    assert_eq!(message["id"], answered, "each once");
                    assert_eq!(message["delivered"], 1);
                }
                _ => panic!("{message}"),
            },
            _ = pace.tick(), if said < SAID => {
                said += 1;
                wire.send(json!({ "type": "message", "data": said, "id": said })).await;
            }
        }
    }
}

async fn over_and_over<Once, Flood>(once: Once)
where
    Once: Fn() -> Flood,
    Flood: Future<Output = io::Result<()>>,
{
    loop {
        // Being refused, cut and closed is what a flood is for.
        once().await.ok();
        tokio::task::yield_now().await;
    }
}

async fn open(at: SocketAddr, last: u8) -> io::Result<Raw> {
    match Raw::upgrade(at, from(last), "").await? {
        (raw, 101) => Ok(raw),
        _ => Err(io::ErrorKind::ConnectionRefused.into()),
    }
}

async fn seated(at: SocketAddr, last: u8, room: &str) -> io::Result<Raw> {
    let mut raw = open(at, last).await?;
    raw.text(&json!({ "type": "join", "roomId": room }).to_string()).await?;
    raw.frame().await?;
    Ok(raw)
}

/// As fast as it can, in a room with a listener, until it is closed.
async fn messages(at: SocketAddr, last: u8, message: Value) -> io::Result<()> {
    let room = format!("flood {last}");
    let _listener = seated(at, last, &room).await?;
    let mut raw = seated(at, last, &room).await?;
    let frames = frame(FIN | TEXT, true, message.to_string().as_bytes()).repeat(100);
    loop {
        raw.write(&frames).await?;
    }
}

async fn texts(at: SocketAddr, last: u8, text: String) -> io::Result<()> {
    bytes(at, last, frame(FIN | TEXT, true, text.as_bytes())).await
}

async fn bytes(at: SocketAddr, last: u8, bytes: Vec<u8>) -> io::Result<()> {
    let mut raw = seated(at, last, &format!("bytes {last}")).await?;
    loop {
        raw.write(&bytes).await?;
    }
}

async fn fragments(at: SocketAddr, last: u8) -> io::Result<()> {
    let mut raw = open(at, last).await?;
    raw.write(&frame(TEXT, true, b"")).await?;
    let more = frame(0, true, b"").repeat(1_000);
    loop {
        raw.write(&more).await?;
    }
}

/// Comes in and goes without a word.
async fn storm(at: SocketAddr, last: u8) -> io::Result<()> {
    for room in 0..50 {
        seated(at, last, &format!("storm {last} {room}")).await?;
    }
    Ok(())
}

/// Hundreds of connections that say nothing.
async fn silence(at: SocketAddr, last: u8) -> io::Result<()> {
    let mut silent = Vec::new();
    while let Ok(raw) = Raw::connect(at, from(last)).await {
        silent.push(raw);
        if silent.len() == 300 {
            break;
        }
    }
    match silent.first_mut() {
        Some(first) => first.ended().await,
        None => tokio::task::yield_now().await,
    }
    Ok(())
}

/// A request that never ends.
async fn drip(at: SocketAddr, last: u8) -> io::Result<()> {
    let mut raw = Raw::connect(at, from(last)).await?;
    raw.write(b"GET /ws HTTP/1.1\r\nX-Slow: ").await?;
    let mut drops = interval(Duration::from_millis(10));
    loop {
        drops.tick().await;
        raw.write(b"x").await?;
    }
}

/// One who never reads, and one who speaks to it.
async fn deaf(at: SocketAddr, last: u8) -> io::Result<()> {
    let room = format!("deaf {last}");
    let mut deaf = Vec::new();
    for _ in 0..10 {
        deaf.push(seated(at, last, &room).await?);
    }
    let mut raw = seated(at, last, &room).await?;
    let message = json!({ "type": "message", "data": "x".repeat(50_000) }).to_string();
    loop {
        raw.text(&message).await?;
    }
}

/// Tries tokens on the victims' room.
async fn guesses(at: SocketAddr, last: u8) -> io::Result<()> {
    let mut raw = open(at, last).await?;
    for guess in 0.. {
        let resume = json!({ "token": format!("guess {guess}"), "seq": 1 });
        raw.text(&json!({ "type": "join", "roomId": "victims", "resume": resume }).to_string())
            .await?;
        let (_, answer) = raw.frame().await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(!answer.contains("resumed") && !answer.contains("joined\""), "{answer}");
    }
    Ok(())
}

/// Begins frames that it never ends.
async fn half(at: SocketAddr, last: u8) -> io::Result<()> {
    let mut begun = Vec::new();
    let until = Instant::now() + Duration::from_secs(1);
    while begun.len() < 100 && Instant::now() < until {
        let mut raw = open(at, last).await?;
        raw.write(&header(FIN | TEXT, true, 1_000_000)).await?;
        begun.push(raw);
    }
    match begun.first_mut() {
        Some(first) => first.ended().await,
        None => tokio::task::yield_now().await,
    }
    Ok(())
}
