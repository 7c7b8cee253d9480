//! Two servers of their own on one Redis, of which one is killed in mid-call.
#![cfg(unix)]

#[path = "support/process.rs"]
mod process;

use process::Process;
use serde_json::{Value, json};
use snug_testkit::{PATIENCE, RedisServer, Wire, WireEvent};
use std::collections::BTreeSet;
use tokio::sync::watch;
use tokio::time::timeout;

const EACH: u64 = 400;

/// A client as PROTOCOL.md wants it: counts what it hears, sends again what it has no answer to, and resumes elsewhere.
struct Caller {
    wire: Wire,
    urls: Vec<String>,
    joined: Value,
    token: Value,
    seq: u64,
    acked: BTreeSet<u64>,
    heard: Vec<(String, u64)>,
    roster: Vec<(String, Value)>,
    resumes: u32,
}

impl Caller {
    async fn join(urls: [&str; 2]) -> Self {
        let (wire, joined) = Wire::join(urls[0], "tea").await;
        Self {
            wire,
            urls: urls.map(str::to_owned).to_vec(),
            token: joined["resumeToken"].clone(),
            seq: 1,
            acked: BTreeSet::new(),
            heard: Vec::new(),
            roster: Vec::new(),
            resumes: 0,
            joined,
        }
    }

    /// Says all, with few unanswered at a time, and hears all of the others. Tells how far it is.
    async fn call(mut self, others: usize, progress: watch::Sender<u64>) -> Self {
        let mut next = 1;
        while self.acked.len() < EACH as usize || self.heard.len() < EACH as usize * others {
            while next <= EACH && next < self.acked.len() as u64 + 8 {
                if self.say(next).await {
                    next += 1;
                } else {
                    break;
                }
            }
            match self.wire.event().await {
                WireEvent::Message(message) => self.hear(&message).await,
                WireEvent::Closed(code) => {
                    assert_eq!(code, None, "nobody says goodbye");
                    self.resume().await;
                    for id in 1..next {
                        if !self.acked.contains(&id) {
                            self.say(id).await;
                        }
                    }
                }
            }
            progress.send_replace(self.acked.len() as u64);
        }
        self
    }

    async fn say(&mut self, id: u64) -> bool {
        let frame = json!({ "type": "message", "data": id, "id": id });
        self.wire.try_send(frame.to_string()).await.is_ok()
    }

    async fn hear(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("ack") => {
                let id = message["id"].as_u64().expect("a number");
                assert!(self.acked.insert(id), "{id} is answered once");
                return;
            }
            Some("message") => {
                let from = message["from"].as_str().expect("a peerId").to_owned();
                self.heard.push((from, message["data"].as_u64().expect("a number")));
            }
            Some(kind @ ("peer-joined" | "peer-away" | "peer-back")) => {
                self.roster.push((kind.to_owned(), message["peerId"].clone()));
            }
            _ => panic!("{message}"),
        }
        self.seq += 1;
        if self.seq.is_multiple_of(50) {
            let ping = json!({ "type": "ping", "seq": self.seq });
            if self.wire.try_send(ping.to_string()).await.is_ok() {
                // Its answer may be behind others, or lost with the socket.
                self.pong().await;
            }
        }
    }

    async fn pong(&mut self) {
        loop {
            match self.wire.event().await {
                WireEvent::Message(message) if message["type"] == "pong" => return,
                WireEvent::Message(message) => Box::pin(self.hear(&message)).await,
                WireEvent::Closed(_) => return,
            }
        }
    }

    async fn resume(&mut self) {
        self.urls.rotate_left(1);
        self.wire = Wire::resume(&self.urls[0], "tea", &self.token, self.seq).await;
        let resumed = self.wire.expect("resumed").await;
        assert_eq!(resumed["peerId"], self.joined["peerId"]);
        assert_eq!(resumed["seq"], self.seq);
        self.token = resumed["resumeToken"].clone();
        self.resumes += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_killed_server_costs_a_call_nothing() {
    let redis = RedisServer::start().await;
    let options = ["--no-turn", "--no-limits", "--redis", &redis.url()];
    let stays = Process::start(&options, &[]);
    let mut dies = Process::start(&options, &[]);
    let (stays_url, dies_url) = (stays.url(), dies.url());
    let mut callers = Vec::new();
    for urls in [
        [&stays_url, &dies_url],
        [&dies_url, &stays_url],
        [&stays_url, &dies_url],
        [&dies_url, &stays_url],
    ] {
        callers.push(Caller::join(urls.map(String::as_str)).await);
    }
    let others = callers.len() - 1;
    let peers: Vec<Value> = callers.iter().map(|caller| caller.joined["peerId"].clone()).collect();
    let mut calls = Vec::new();
    let mut progress = Vec::new();
    for caller in callers {
        let (tell, told) = watch::channel(0);
        progress.push(told);
        calls.push(tokio::spawn(caller.call(others, tell)));
    }
    // In the middle of it, all over the place.
    for told in &mut progress {
        let middle = told.wait_for(|acked| *acked > EACH / 4);
        timeout(PATIENCE, middle)
            .await
            .expect("it goes on")
            .expect("the caller runs");
    }
    dies.kill();
    let mut ended = Vec::new();
    for call in calls {
        ended.push(call.await.expect("the caller is content"));
    }
    let resumes: Vec<u32> = ended.iter().map(|caller| caller.resumes).collect();
    assert_eq!(resumes, [0, 1, 0, 1]);
    for (at, caller) in ended.iter().enumerate() {
        for (other, peer) in peers.iter().enumerate().filter(|(other, _)| *other != at) {
            let said = caller.heard.iter().filter(|(from, _)| *peer == json!(from));
            let numbers: Vec<u64> = said.map(|(_, number)| *number).collect();
            let first: Vec<u64> = first_times(&numbers);
            assert_eq!(numbers.len(), first.len(), "{at} hears nothing of {other} twice");
            assert_eq!(numbers.len() as u64, EACH, "{at} misses nothing of {other}");
        }
        // They were back before anybody noticed.
        assert!(
            caller.roster.iter().all(|(kind, _)| kind == "peer-joined"),
            "{:?}",
            caller.roster
        );
    }
    // What two hear of the others, they hear in one order.
    for one in &ended {
        for two in &ended {
            let pair = [&one.joined["peerId"], &two.joined["peerId"]];
            let without = |heard: &[(String, u64)]| -> Vec<(String, u64)> {
                let others = heard.iter().filter(|(from, _)| !pair.contains(&&json!(from)));
                others.cloned().collect()
            };
            assert_eq!(without(&one.heard), without(&two.heard));
        }
    }
}

fn first_times(numbers: &[u64]) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    numbers.iter().copied().filter(|number| seen.insert(*number)).collect()
}
