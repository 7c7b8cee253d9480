//! Connections opened and closed in a row leave nothing behind: no thread, socket, task or entry.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use common::{Heard, Page, negotiate, number, vp8};
use serde_json::{Value, json};
use tauri_plugin_peer_connection::Usage;

/// Pairs of connections, one after the other.
const PAIRS: usize = 100;
/// Sessions, each with a page that goes away in the middle of a call.
const SESSIONS: usize = 10;
/// The runtime keeps a thread that was blocked for 10 s after its last use.
const PATIENCE: Duration = Duration::from_secs(60);

/// What this process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holding {
    /// By name.
    threads: BTreeMap<String, usize>,
    /// By kind.
    files: BTreeMap<String, usize>,
    tasks: usize,
}

impl Holding {
    fn now() -> Self {
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir("/proc/self/task").unwrap().flatten() {
            // One that ends meanwhile has no name any more.
            if let Ok(name) = fs::read_to_string(thread.path().join("comm")) {
                *threads.entry(name.trim().to_owned()).or_default() += 1;
            }
        }
        let mut files = BTreeMap::new();
        for file in fs::read_dir("/proc/self/fd").unwrap().flatten() {
            if let Ok(kind) = fs::read_link(file.path()) {
                let kind = kind.to_string_lossy();
                let kind = kind.split_once(":[").map_or("file", |(kind, _)| kind);
                *files.entry(kind.to_owned()).or_default() += 1;
            }
        }
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        Self { threads, files, tasks }
    }

    /// Whether nothing has come to what was held before.
    fn within(&self, before: &Self) -> bool {
        let all = |now: &BTreeMap<String, usize>, before: &BTreeMap<String, usize>| {
            now.iter()
                .all(|(name, count)| before.get(name).is_some_and(|before| count <= before))
        };
        all(&self.threads, &before.threads) && all(&self.files, &before.files) && self.tasks <= before.tasks
    }

    async fn returns_to(before: &Self) {
        let returned = async {
            while !Self::now().within(before) {
                tokio::task::yield_now().await;
            }
        };
        let returned = tokio::time::timeout(PATIENCE, returned).await;
        assert!(returned.is_ok(), "before: {before:#?}, after: {:#?}", Self::now());
    }
}

/// Another connection of a page, with something of each kind.
async fn renew(page: &mut Page) -> u32 {
    page.pc = page.session.create(Default::default()).await.unwrap();
    page.add("audio", "mic").await;
    page.add("video", "cam").await
}

/// What a connection has found from a moment on, as soon as that is all.
async fn candidates(page: &Page, mut from: usize) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let next = |heard: &Heard| match heard {
            Heard::Event(event) if event["type"] == "ice-candidate" && event["pc"] == page.pc => {
                Some(event["candidate"].clone())
            }
            _ => None,
        };
        let (candidate, at) = page.hear(from, next).await;
        if candidate.is_null() {
            return found;
        }
        found.push(candidate);
        from = at + 1;
    }
}

async fn tell(page: &Page, candidates: Vec<Value>) {
    for candidate in candidates {
        page.run(json!({"type": "add-candidate", "candidate": candidate})).await;
    }
}

/// A picture and a message arrive.
async fn call(a: &Page, b: &Page, video: u32, channel: u32, from: (usize, usize), round: usize) {
    for (page, from) in [(a, from.0), (b, from.1)] {
        page.event(from, "connection-state", "state", "connected").await;
    }
    let start = b.heard();
    let picture = vp8(true, 3_000, round as u8);
    a.frame(1, 1, video, round as i64 * 33_333, &picture).await;
    b.received(start, 3, &picture).await;
    a.event(from.0, "channel-state", "state", "open").await;
    let message = format!("message {round}");
    a.frame(5, 2, channel, 0, message.as_bytes()).await;
    b.received(from.1, 6, message.as_bytes()).await;
}

/// Opens two connections, brings them more or less far, and closes both.
async fn pair(a: &mut Page, b: &mut Page, round: usize) {
    let from = (a.heard(), b.heard());
    let video = renew(a).await;
    renew(b).await;
    let channel = a.channel("chat").await;
    match round % 5 {
        // Three of five come to a call.
        0..3 => {
            negotiate(a, b).await;
            tell(b, candidates(a, from.0).await).await;
            tell(a, candidates(b, from.1).await).await;
            a.speak(video - 1).await;
            call(a, b, video, channel, from, round).await;
        }
        3 => drop(negotiate(a, b).await),
        _ => drop(a.run(json!({"type": "set-local"})).await),
    }
    match round % 3 {
        0 => {
            a.session.close(a.pc).await.unwrap();
            b.session.close(b.pc).await.unwrap();
        }
        1 => {
            b.session.close(b.pc).await.unwrap();
            a.session.close(a.pc).await.unwrap();
        }
        _ => {
            let (one, other) = tokio::join!(a.session.close(a.pc), b.session.close(b.pc));
            one.and(other).unwrap();
        }
    }
}

/// One test, because what it counts is the whole process's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_behind() {
    two_hundred_connections().await;
    pages_that_go_away_in_a_call().await;
}

async fn two_hundred_connections() {
    let (mut a, mut b) = (Page::open().await, Page::open().await);
    for page in [&a, &b] {
        page.session.close(page.pc).await.unwrap();
    }
    // What is made once and kept.
    pair(&mut a, &mut b, 0).await;
    assert_eq!((a.session.usage(), b.session.usage()), Default::default());
    let before = Holding::now();
    for round in 0..PAIRS {
        pair(&mut a, &mut b, round).await;
        assert_eq!((a.session.usage(), b.session.usage()), Default::default(), "{round}");
    }
    assert_eq!(number(&json!(a.pc)), 2 + PAIRS as u32);
    Holding::returns_to(&before).await;
}

async fn pages_that_go_away_in_a_call() {
    let before = Holding::now();
    for round in 0..SESSIONS {
        let (mut a, mut b) = (Page::open().await, Page::open().await);
        let from = (a.heard(), b.heard());
        let video = renew(&mut a).await;
        renew(&mut b).await;
        let channel = a.channel("chat").await;
        negotiate(&a, &b).await;
        tell(&b, candidates(&a, from.0).await).await;
        tell(&a, candidates(&b, from.1).await).await;
        call(&a, &b, video, channel, from, round).await;
        // As when they are reloaded or their windows close.
        for page in [a, b] {
            page.session.end().await;
            assert_eq!(page.session.usage(), Usage::default());
        }
    }
    Holding::returns_to(&before).await;
}
