//! Two engines with a link between them that gets narrow and wide again. Ignored unless asked for, as it takes its time:
//! `cargo test -p tauri-plugin-peer-connection --test bottleneck -- --ignored --nocapture`

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::link::{Link, Way};
use common::{Heard, Page, negotiate, vp8};
use serde_json::{Value, json};

/// What an encoder makes at 30 frames/s, of the size that it is told: now and then a large key frame.
async fn encode(page: Arc<Page>, transceiver: u32, start: Instant, stop: Arc<AtomicBool>) -> u64 {
    let (target, key) = (Arc::new(AtomicU32::new(500_000)), Arc::new(AtomicBool::new(true)));
    let (told, asked, from) = (Arc::clone(&target), Arc::clone(&key), Arc::clone(&page));
    let listening = tokio::spawn(async move {
        let mut at = 0;
        loop {
            let text = |heard: &Heard| match heard {
                Heard::Text(text) if text["type"] == "target" || text["type"] == "key-frame" => Some(text.clone()),
                _ => None,
            };
            let Some((text, index)) = from.hears(at, text).await else {
                continue;
            };
            at = index + 1;
            if text["type"] == "target" {
                told.store(
                    u32::try_from(text["bitrate"].as_u64().unwrap()).unwrap(),
                    Ordering::Relaxed,
                );
            } else {
                asked.store(true, Ordering::Relaxed);
            }
        }
    });
    let mut ticks = tokio::time::interval(Duration::from_micros(33_333));
    let mut frames = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        frames += 1;
        let is_key = key.swap(false, Ordering::Relaxed);
        let fair = target.load(Ordering::Relaxed) as usize / 8 / 30;
        let size = fair * if is_key { 4 } else { 1 } * (80 + (frames as usize * 7) % 41) / 100;
        let mut frame = vp8(is_key, size.max(40), 1);
        let micros = start.elapsed().as_micros() as u64;
        frame[12..20].copy_from_slice(&micros.to_be_bytes());
        page.frame(1, u8::from(is_key), transceiver, micros as i64, &frame)
            .await;
    }
    listening.abort();
    frames
}

/// A call of which every datagram passes the link.
async fn call(way: Way) -> (Arc<Page>, Arc<Page>, u32, Link) {
    let (a, b) = (Arc::new(Page::open().await), Arc::new(Page::open().await));
    let video = a.add("video", "cam").await;
    negotiate(&a, &b).await;
    let (at_a, at_b) = (host(&a).await, host(&b).await);
    let link = Link::new(at_a.0.ip(), at_a.0, at_b.0, way).await;
    for (page, candidate, address) in [(&a, at_b.1, link.for_a), (&b, at_a.1, link.for_b)] {
        let mut words: Vec<String> = candidate["candidate"]
            .as_str()
            .unwrap()
            .split(' ')
            .map(str::to_owned)
            .collect();
        words[4] = address.ip().to_string();
        words[5] = address.port().to_string();
        let mut candidate = candidate.clone();
        candidate["candidate"] = words.join(" ").into();
        page.run(json!({"type": "add-candidate", "candidate": candidate})).await;
    }
    a.event(0, "connection-state", "state", "connected").await;
    b.event(0, "connection-state", "state", "connected").await;
    (a, b, video, link)
}

/// The first UDP candidate of IPv4.
async fn host(page: &Page) -> (SocketAddr, Value) {
    let found = page.hear(0, |heard| match heard {
        Heard::Event(event) if event["type"] == "ice-candidate" => {
            let words: Vec<&str> = event["candidate"]["candidate"].as_str()?.split(' ').collect();
            let ip: IpAddr = words.get(4)?.parse().ok().filter(IpAddr::is_ipv4)?;
            let udp = words.get(2)?.eq_ignore_ascii_case("udp");
            udp.then_some((
                SocketAddr::new(ip, words.get(5)?.parse().ok()?),
                event["candidate"].clone(),
            ))
        }
        _ => None,
    });
    found.await.0
}

/// The middle one, and the one that 95 of 100 do not exceed.
fn spread(mut all: Vec<f64>) -> (f64, f64) {
    all.sort_by(f64::total_cmp);
    let at = |share: usize| all.get(all.len() * share / 100).copied().unwrap_or(f64::NAN);
    (at(50), at(95))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn a_bottleneck_that_gets_narrow_and_wide_is_used_and_not_filled() {
    let way = Way {
        rate: 2e6,
        delay: Duration::from_millis(20),
        queue: 1.0,
        loss: 0,
    };
    let (a, b, video, link) = call(way).await;
    let (start, stop) = (Instant::now(), Arc::<AtomicBool>::default());
    let encoder = tokio::spawn(encode(Arc::clone(&a), video, start, Arc::clone(&stop)));
    let mut waits = Vec::new();
    let mut figures = Vec::new();
    for rate in [2e6, 0.7e6, 2e6] {
        link.a_to_b.way.lock().unwrap().rate = rate;
        let step = Instant::now();
        let mut within = Vec::new();
        while step.elapsed() < Duration::from_secs(13) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            within.push(link.a_to_b.waits());
        }
        let used = |from: u64, to: u64| {
            link.a_to_b
                .rate(step + Duration::from_secs(from), step + Duration::from_secs(to))
                / rate
        };
        let seconds: Vec<String> = (0..13).map(|n| format!("{:.0}", used(n, n + 1) * 100.0)).collect();
        let (median, most) = spread(within.clone());
        println!(
            "{:.1} Mbit/s: used {} % a second; from 5 s on {:.0} %; queue {:.0} ms, 95 of 100 under {:.0} ms",
            rate / 1e6,
            seconds.join(" "),
            used(5, 13) * 100.0,
            median * 1e3,
            most * 1e3
        );
        figures.push(used(5, 13));
        waits.extend(within);
    }
    stop.store(true, Ordering::Relaxed);
    let frames = encoder.await.unwrap();
    let received = b.frames(3);
    let (median, most) = spread(waits);
    let stats = &a.stats("outbound-rtp").await[0];
    println!(
        "{} of {frames} frames; queue {:.0} ms, 95 of 100 under {:.0} ms; {} packets, {} sent again, {} dropped by the link",
        received,
        median * 1e3,
        most * 1e3,
        stats["packetsSent"],
        stats["retransmittedPacketsSent"],
        link.a_to_b.record.lock().unwrap().dropped,
    );
    assert!(figures.iter().all(|used| *used > 0.7), "{figures:?}");
    assert!(median < 0.3, "{median}");
    assert!(received as f64 > frames as f64 * 0.9, "{received} of {frames}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes its time"]
async fn what_is_lost_is_sent_again_about_once() {
    let way = Way {
        rate: 4e6,
        delay: Duration::from_millis(40),
        queue: 0.5,
        loss: 50,
    };
    let (a, b, video, link) = call(way).await;
    let (start, stop) = (Instant::now(), Arc::<AtomicBool>::default());
    let encoder = tokio::spawn(encode(Arc::clone(&a), video, start, Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_secs(12)).await;
    stop.store(true, Ordering::Relaxed);
    let frames = encoder.await.unwrap();
    let stats = &a.stats("outbound-rtp").await[0];
    let (packets, again) = (
        stats["packetsSent"].as_f64().unwrap(),
        stats["retransmittedPacketsSent"].as_f64().unwrap(),
    );
    // What is sent again is lost as often as anything else.
    let lost = packets * 0.05;
    println!(
        "{} of {frames} frames at 5 % loss; {packets} packets, {again} sent again: {:.2} for each lost; {:.0} kbit/s",
        b.frames(3),
        again / lost,
        link.a_to_b
            .rate(start + Duration::from_secs(4), start + Duration::from_secs(12))
            / 1e3
    );
    let seen = &b.stats("inbound-rtp").await[0];
    println!(
        "asked for {} packets' sake {} times, for a key frame {}; {} frames given up",
        seen["packetsReceived"], seen["nackCount"], seen["pliCount"], seen["framesDropped"]
    );
    assert!(again / lost < 1.5, "{again} of {lost}");
    // The last ones are on their way when it is counted.
    assert!(b.frames(3) as f64 > frames as f64 * 0.95);
}
