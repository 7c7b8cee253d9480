//! A session on lines of every slowness, in simulated time: none of them is taken for dead, and a dead one is found out soon.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use snug_protocol::{ClientMessage, Join, Payload};
use snug_session::{Attempt, AwayReason, Config, Hint, Input, Instant, Output, Session, SessionEvent};
use std::collections::BTreeMap;

/// Milliseconds that a conversation lasts.
const LONG: u64 = 300_000;
/// The largest message that a frame holds, in bytes.
const LARGE: usize = 65_000;

/// A line to a server that answers everything in its order.
struct Line {
    /// Bytes per second, upwards.
    rate: u64,
    /// Each way, in milliseconds; the server's own slowness is part of it.
    delay: u64,
    session: Session,
    now: u64,
    /// Until when what was sent keeps the line busy.
    busy: u64,
    /// What arrives at the session, by its time and in its order.
    arrivals: BTreeMap<(u64, u64), Value>,
    count: u64,
    dead: bool,
    pings: u64,
    lost: Option<AwayReason>,
}

impl Line {
    /// With a seat at time 0.
    fn open(rate: u64, delay: u64) -> Self {
        let mut line = Self {
            rate,
            delay,
            session: Session::new(Config::new(Join::new("den"), 1), Instant::from_millis(0)),
            now: 0,
            busy: 0,
            arrivals: BTreeMap::new(),
            count: 0,
            dead: false,
            pings: 0,
            lost: None,
        };
        line.put(Input::Tick);
        line.put(Input::Opened(Attempt(1)));
        let joined = json!({
            "type": "joined", "peerId": "ada1", "roomId": "den", "identity": "ada", "role": "member", "peers": [],
            "resumeToken": "t1", "graceMs": 30_000, "heartbeatMs": 10_000, "iceServers": [], "topology": "mesh",
            "capacity": 8, "locked": false, "seq": 1, "protocol": 1,
        });
        line.put(Input::Text(Attempt(1), joined.to_string()));
        line
    }

    fn say(&mut self, bytes: usize) {
        let data = Payload::of(&"x".repeat(bytes)).unwrap();
        self.put(Input::Send(ClientMessage::Message { data, to: None }));
    }

    /// Until the socket is given up, or then.
    fn pass(&mut self, until: u64) {
        while self.lost.is_none() {
            let due = self.session.deadline().unwrap().0.as_millis();
            let arrives = self.arrivals.keys().next().map_or(u64::MAX, |(at, _)| *at);
            let next = due.min(arrives);
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
            let arrival = self.arrivals.first_entry().filter(|entry| entry.key().0 <= next);
            match arrival.map(|entry| entry.remove()) {
                Some(answer) => self.put(Input::Text(Attempt(1), answer.to_string())),
                None => self.put(Input::Tick),
            }
        }
    }

    fn put(&mut self, input: Input) {
        for output in self.session.handle(Instant::from_millis(self.now), input) {
            match output {
                Output::Transmit(text) => self.carry(&text),
                Output::Event(SessionEvent::Away { reason, .. }) => self.lost = Some(reason),
                Output::Open(_) | Output::Finish(_) | Output::Close(_) | Output::Event(_) => {}
            }
        }
    }

    fn carry(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap();
        let answer = match frame["type"].as_str() {
            Some("ping") => {
                self.pings += 1;
                json!({"type": "pong", "seq": frame["seq"]})
            }
            Some("message") => json!({"type": "ack", "id": frame["id"], "delivered": 1, "queued": 0}),
            _ => return,
        };
        if self.dead {
            return;
        }
        self.busy = self.busy.max(self.now) + text.len() as u64 * 1_000 / self.rate;
        self.count += 1;
        self.arrivals.insert((self.busy + 2 * self.delay, self.count), answer);
    }
}

#[test]
fn a_slow_line_is_not_taken_for_a_dead_one() {
    // 100 kbit/s; the same, shared with media; and fast ones.
    for rate in [12_500, 8_500, 125_000, 12_500_000] {
        // Round trips up to 2 s.
        for delay in [5, 100, 500, 1_000] {
            for bytes in [10, 1_000, 20_000, LARGE] {
                // One message, a few, and an outbox full.
                for together in [1, 3, 16] {
                    let mut line = Line::open(rate, delay);
                    for start in [1_000, 9_990] {
                        line.pass(start);
                        for _ in 0..together {
                            line.say(bytes);
                        }
                    }
                    line.put(Input::Hint(Hint::Online));
                    line.pass(LONG);
                    let what = format!("{together} times {bytes} bytes at {rate} bytes/s, {delay} ms away");
                    assert_eq!(line.lost, None, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_dead_line_is_found_out_by_what_is_said() {
    for start in [1_000, 9_000, 10_000, 10_500, 19_999] {
        let mut line = Line::open(125_000, 50);
        line.pass(start);
        line.dead = true;
        line.say(20);
        line.pass(LONG);
        assert_eq!(line.lost, Some(AwayReason::Silent));
        let took = line.now - start;
        assert!((6_000..6_200).contains(&took), "said at {start}: {took} ms");
    }
}

#[test]
fn a_large_message_on_a_dead_line_is_given_the_time_it_might_need_and_no_more() {
    let mut line = Line::open(125_000, 50);
    line.pass(1_000);
    line.dead = true;
    line.say(LARGE);
    line.pass(LONG);
    assert!((14_000..15_500).contains(&line.now), "{} ms", line.now);
}

#[test]
fn who_says_nothing_sends_one_ping_in_each_heartbeat() {
    let mut line = Line::open(125_000, 1_000);
    line.pass(LONG);
    assert_eq!((line.pings, line.lost), (30, None));
}

#[test]
fn who_talks_and_is_answered_sends_no_more_pings_for_it() {
    let mut line = Line::open(125_000, 1_000);
    for at in 1..3_000 {
        line.pass(at * 100);
        line.say(20);
    }
    assert_eq!((line.pings, line.lost), (29, None));
}
