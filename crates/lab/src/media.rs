use crate::guest::tell;
use crate::page::{EVERY, ORIGIN, Page};
use serde_json::{Value, json};
use snug_protocol::IceServer;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tauri_plugin_peer_connection::Session;
use tauri_plugin_peer_connection::wire::{Configuration, Op};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// What is sent by each link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streams {
    /// Bits per second of video.
    pub(crate) video: u32,
    pub(crate) voice: bool,
}

/// What one page says to another.
pub(crate) enum Signal {
    Description(Value),
    Candidate(Value),
}

/// What happened to a link.
pub(crate) enum News {
    /// This is to be told to its other end.
    Signal(Signal),
    /// It needs another way.
    Lost,
}

/// The peer connections of one guest, one for each identity that it meets.
pub(crate) struct Media {
    session: Arc<Session>,
    events: mpsc::Receiver<Value>,
    configuration: Value,
    links: BTreeMap<String, Link>,
    /// Said, and not handed on yet.
    signals: VecDeque<(String, Signal)>,
    beat: Interval,
    streams: Streams,
    page: Page,
}

struct Link {
    pc: u32,
    /// The one that gives way when both offer.
    polite: bool,
    /// An offer of ours is on its way.
    offered: bool,
    video: Option<u32>,
    state: String,
    /// When a new way was looked for last.
    healed: Option<Instant>,
}

/// A new way that has not come about is looked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// In this order.
const TRACKS: [(&str, &str); 2] = [("video", "camera"), ("audio", "microphone")];

impl Media {
    pub(crate) async fn open(streams: Streams) -> Self {
        let (sink, events) = mpsc::channel(4_096);
        let tell = move |event| {
            let event = serde_json::to_value(event).expect("events are JSON");
            sink.try_send(event).expect("a guest hears its events");
        };
        let (session, url) = Session::open(Arc::new(tell), vec![ORIGIN.to_owned()])
            .await
            .expect("a session");
        let page = Page::open(url).await;
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            session,
            events,
            signals: VecDeque::new(),
            beat,
            configuration: json!({}),
            links: BTreeMap::new(),
            streams,
            page,
        }
    }

    /// For links to come, and for restarts of those there are.
    pub(crate) fn servers(&mut self, servers: &[IceServer]) {
        self.configuration = json!({ "iceServers": servers });
    }

    /// Somebody was here before: they are offered a link, unless there is one.
    pub(crate) async fn meet(&mut self, identity: &str) {
        if self.links.contains_key(identity) {
            return;
        }
        let pc = self.connect(identity, true).await;
        for (kind, track) in TRACKS {
            if kind == "audio" && !self.streams.voice {
                continue;
            }
            let op = json!({"type": "add-transceiver", "kind": kind, "direction": "sendrecv", "streams": ["s"],
                "trackId": track, "byAddTrack": true});
            let added = self.run(pc, op).await;
            self.begin(identity, kind, number(&added["transceiver"])).await;
        }
        self.offer(identity).await;
    }

    pub(crate) async fn receive(&mut self, identity: &str, signal: Signal) {
        match signal {
            Signal::Candidate(candidate) => {
                // One that comes before or after its connection has nowhere to go.
                if let Some(link) = self.links.get(identity) {
                    let op = json!({"type": "add-candidate", "candidate": candidate});
                    let added = self.session.run(link.pc, op_of(op)).await;
                    if let Err(error) = added {
                        eprintln!("a candidate of {identity}: {error}");
                    }
                }
            }
            Signal::Description(description) if description["type"] == "answer" => {
                let pc = self.link(identity).pc;
                self.link(identity).offered = false;
                self.run(pc, json!({"type": "set-remote", "description": description}))
                    .await;
            }
            Signal::Description(description) => self.answer(identity, description).await,
        }
    }

    /// Asks for new paths on all links, and offers.
    pub(crate) async fn restart(&mut self) {
        for identity in self.links.keys().cloned().collect::<Vec<_>>() {
            self.find_way(&identity).await;
        }
    }

    /// Asks for a new way, and offers.
    pub(crate) async fn find_way(&mut self, identity: &str) {
        let pc = self.link(identity).pc;
        self.run(pc, json!({"type": "restart-ice"})).await;
        // An offer that is on its way is answered first.
        if !self.link(identity).offered {
            self.offer(identity).await;
        }
    }

    /// What happened to which link. Nothing is lost when it is not waited for to the end.
    pub(crate) async fn next(&mut self) -> (String, News) {
        loop {
            if let Some((identity, signal)) = self.signals.pop_front() {
                return (identity, News::Signal(signal));
            }
            tokio::select! {
                event = self.events.recv() => self.hear(&event.expect("the session lives as long as its guest")),
                _ = self.beat.tick() => {
                    self.send();
                    if let Some(identity) = self.lost() {
                        return (identity, News::Lost);
                    }
                }
            }
        }
    }

    pub(crate) async fn report(&self) -> Value {
        let mut report = serde_json::Map::new();
        for (identity, link) in &self.links {
            let stats = self.run(link.pc, json!({"type": "get-stats"})).await;
            let mut told = path(stats.as_array().map(Vec::as_slice).unwrap_or_default());
            told["state"] = json!(link.state);
            flow(stats.as_array().map(Vec::as_slice).unwrap_or_default(), &mut told);
            self.page.report(link.pc, &mut told);
            report.insert(identity.clone(), told);
        }
        Value::Object(report)
    }

    /// A link that lost its way. The one that was here first looks for another, as in the app; the other one answers.
    fn lost(&mut self) -> Option<String> {
        let now = Instant::now();
        let (identity, link) = self.links.iter_mut().find(|(_, link)| {
            let broken = matches!(link.state.as_str(), "disconnected" | "failed");
            broken && !link.polite && link.healed.is_none_or(|at| now - at > AGAIN)
        })?;
        link.healed = Some(now);
        Some(identity.clone())
    }

    fn hear(&mut self, event: &Value) {
        let Some((identity, link)) = self.links.iter_mut().find(|(_, link)| json!(link.pc) == event["pc"]) else {
            return;
        };
        match event["type"].as_str() {
            Some("ice-candidate") if !event["candidate"].is_null() => {
                let signal = Signal::Candidate(event["candidate"].clone());
                self.signals.push_back((identity.clone(), signal));
            }
            Some("connection-state") => {
                link.state = event["state"].as_str().unwrap_or_default().to_owned();
                tell("link", json!({"with": identity, "state": link.state}));
            }
            Some(_) | None => {}
        }
    }

    /// A frame to everybody who can take one.
    fn send(&self) {
        for link in self.links.values() {
            if let (Some(video), "connected") = (link.video, link.state.as_str()) {
                self.page.frame(link.pc, video);
            }
        }
    }

    async fn offer(&mut self, identity: &str) {
        let pc = self.link(identity).pc;
        let made = self.run(pc, json!({"type": "set-local"})).await;
        self.link(identity).offered = true;
        let offer = Signal::Description(made["pendingLocal"].clone());
        self.signals.push_back((identity.to_owned(), offer));
    }

    async fn answer(&mut self, identity: &str, offer: Value) {
        let pc = match self.links.get(identity) {
            // Both offered: this side's stands.
            Some(link) if link.offered && !link.polite => return,
            Some(link) => link.pc,
            None => self.connect(identity, false).await,
        };
        self.link(identity).offered = false;
        let seen = self.run(pc, json!({"type": "set-remote", "description": offer})).await;
        if self.link(identity).video.is_none() {
            for offered in seen["transceivers"].as_array().expect("a list").clone() {
                let (_, track) = *TRACKS
                    .iter()
                    .find(|(kind, _)| offered["kind"] == *kind)
                    .expect("guests offer video and audio");
                let transceiver = number(&offered["transceiver"]);
                for op in [
                    json!({"type": "set-direction", "transceiver": transceiver, "direction": "sendrecv"}),
                    json!({"type": "set-sender", "transceiver": transceiver, "trackId": track, "streams": ["s"]}),
                ] {
                    self.run(pc, op).await;
                }
                let kind = offered["kind"].as_str().unwrap_or_default();
                self.begin(identity, kind, transceiver).await;
            }
        }
        let made = self.run(pc, json!({"type": "set-local"})).await;
        let answer = Signal::Description(made["currentLocal"].clone());
        self.signals.push_back((identity.to_owned(), answer));
    }

    /// A transceiver sends what the page makes.
    async fn begin(&mut self, identity: &str, kind: &str, transceiver: u32) {
        let pc = self.link(identity).pc;
        if kind == "audio" {
            self.page.speak(pc, transceiver).await;
        } else {
            self.page.film(pc, transceiver, self.streams.video).await;
            self.link(identity).video = Some(transceiver);
        }
    }

    async fn connect(&mut self, identity: &str, polite: bool) -> u32 {
        let configuration: Configuration =
            serde_json::from_value(self.configuration.clone()).expect("the server names ICE servers");
        let pc = self.session.create(configuration).await.expect("a peer connection");
        let link = Link {
            pc,
            polite,
            offered: false,
            video: None,
            state: "new".to_owned(),
            healed: None,
        };
        self.links.insert(identity.to_owned(), link);
        pc
    }

    fn link(&mut self, identity: &str) -> &mut Link {
        self.links.get_mut(identity).expect("there is a link")
    }

    async fn run(&self, pc: u32, op: Value) -> Value {
        let told = op.to_string();
        let done = self.session.run(pc, op_of(op)).await;
        done.unwrap_or_else(|error| panic!("{told}: {error}"))
    }
}

fn op_of(op: Value) -> Op {
    serde_json::from_value(op).expect("an operation")
}

/// The pair of candidates in use, by their types and addresses' families, as `getStats` tells it.
fn path(stats: &[Value]) -> Value {
    let of = |id: &Value| stats.iter().find(|one| one["id"] == *id);
    let pair = stats.iter().find(|one| one["type"] == "transport");
    let pair = pair.and_then(|transport| of(&transport["selectedCandidatePairId"]));
    let pair = pair.or_else(|| {
        stats
            .iter()
            .find(|one| one["type"] == "candidate-pair" && one["nominated"] == true)
    });
    match pair {
        Some(pair) => json!({
            "local": of(&pair["localCandidateId"]).map(|one| &one["candidateType"]),
            "remote": of(&pair["remoteCandidateId"]).map(|one| &one["candidateType"]),
        }),
        None => json!({}),
    }
}

/// What came and what went, as `getStats` tells it: bytes of video, its bitrate, and a voice's samples.
fn flow(stats: &[Value], told: &mut Value) {
    let of = |kind: &str, media: &str| {
        let is = |one: &&Value| one["type"] == kind && one["kind"] == media;
        stats.iter().find(is).unwrap_or(&Value::Null)
    };
    let (video, voice) = (of("inbound-rtp", "video"), of("inbound-rtp", "audio"));
    told["bytes"] = video["bytesReceived"].clone();
    told["target"] = of("outbound-rtp", "video")["targetBitrate"].clone();
    for member in [
        "totalSamplesReceived",
        "concealedSamples",
        "fecPacketsReceived",
        "packetsReceived",
        "packetsLost",
    ] {
        told["voice"][member] = voice[member].clone();
    }
}

fn number(value: &Value) -> u32 {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.expect("a transceiver has a number")
}
