//! A page in a test: a session, its socket, and everything it was told.

#![allow(dead_code)]

pub mod chromium;
pub mod link;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tauri_plugin_peer_connection::Session;
use tauri_plugin_peer_connection::wire::{Configuration, Op};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub const ORIGIN: &str = "tauri://localhost";

/// Nothing in these tests takes longer, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One end.
pub struct Page {
    pub session: Arc<Session>,
    pub pc: u32,
    pub url: String,
    seen: Arc<Seen>,
    out: mpsc::Sender<Message>,
}

/// What arrived, in order.
#[derive(Default)]
struct Seen {
    all: Mutex<Vec<Heard>>,
    news: Notify,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Event(Value),
    Text(Value),
    Frame(Received),
}

/// A binary message from Rust.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub kind: u8,
    pub flags: u8,
    pub codec: u8,
    pub target: u32,
    pub timestamp: i64,
    pub payload: Vec<u8>,
}

impl Seen {
    fn push(&self, heard: Heard) {
        self.all.lock().unwrap().push(heard);
        self.news.notify_waiters();
    }
}

/// Opens the socket as a worker does.
pub async fn connect(url: &str, origin: &str) -> Option<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("origin", origin.parse().unwrap());
    tokio_tungstenite::connect_async(request)
        .await
        .ok()
        .map(|(socket, _)| socket)
}

impl Page {
    pub async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    pub async fn open_with(configuration: Value) -> Self {
        // `RUST_LOG=…` shows what went on.
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .try_init()
            .ok();
        let seen = Arc::<Seen>::default();
        let sink = Arc::clone(&seen);
        let tell = move |event| sink.push(Heard::Event(serde_json::to_value(event).unwrap()));
        let (session, url) = Session::open(Arc::new(tell), vec![ORIGIN.to_owned()]).await.unwrap();
        let (mut write, mut read) = connect(&url, ORIGIN).await.unwrap().split();
        let (out, mut outgoing) = mpsc::channel::<Message>(64);
        tokio::spawn(async move {
            while let Some(message) = outgoing.recv().await {
                if write.send(message).await.is_err() {
                    return;
                }
            }
        });
        let sink = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Some(Ok(message)) = read.next().await {
                match message {
                    Message::Text(text) => sink.push(Heard::Text(serde_json::from_str(&text).unwrap())),
                    Message::Binary(bytes) => sink.push(Heard::Frame(Received {
                        kind: bytes[0],
                        flags: bytes[1],
                        codec: bytes[2],
                        target: u32::from_le_bytes(bytes[8..12].try_into().unwrap()),
                        timestamp: i64::from_le_bytes(bytes[12..20].try_into().unwrap()),
                        payload: bytes[24..].to_vec(),
                    })),
                    _ => {}
                }
            }
        });
        let configuration: Configuration = serde_json::from_value(configuration).unwrap();
        let pc = session.create(configuration).await.unwrap();
        Self {
            session,
            pc,
            url,
            seen,
            out,
        }
    }

    pub async fn run(&self, op: Value) -> Value {
        self.try_run(op.clone())
            .await
            .unwrap_or_else(|error| panic!("{op}: {error}"))
    }

    pub async fn try_run(&self, op: Value) -> Result<Value, String> {
        let op: Op = serde_json::from_value(op).unwrap();
        self.session.run(self.pc, op).await.map_err(|error| error.to_string())
    }

    pub async fn add(&self, kind: &str, track: &str) -> u32 {
        let op = json!({"type": "add-transceiver", "kind": kind, "direction": "sendrecv", "streams": ["stream"], "trackId": track, "byAddTrack": true});
        number(&self.run(op).await["transceiver"])
    }

    pub async fn channel(&self, label: &str) -> u32 {
        let op =
            json!({"type": "create-channel", "label": label, "ordered": true, "protocol": "", "negotiated": false});
        number(&self.run(op).await["channel"])
    }

    pub async fn text(&self, text: Value) {
        self.out.send(Message::text(text.to_string())).await.unwrap();
    }

    /// Sends a binary message: kind 1 video, 5 data, 7 a tick of audio.
    pub async fn frame(&self, kind: u8, flags: u8, target: u32, micros: i64, payload: &[u8]) {
        let message = self.message(kind, flags, target, micros, payload);
        self.out.send(Message::binary(message)).await.unwrap();
    }

    /// A picture in the codec of this number.
    pub async fn picture(&self, codec: u8, flags: u8, target: u32, micros: i64, payload: &[u8]) {
        let mut message = self.message(1, flags, target, micros, payload);
        message[2] = codec;
        self.out.send(Message::binary(message)).await.unwrap();
    }

    /// The same for a kind that has no target; false once the socket is gone.
    pub async fn try_frame(&self, kind: u8, micros: i64, payload: &[u8]) -> bool {
        let message = self.message(kind, 0, 0, micros, payload);
        self.out.send(Message::binary(message)).await.is_ok()
    }

    fn message(&self, kind: u8, flags: u8, target: u32, micros: i64, payload: &[u8]) -> Vec<u8> {
        let codec = match kind {
            1 => 1,
            2 => 2,
            7 => 3,
            _ => 0,
        };
        let mut message = vec![kind, flags, codec, 0];
        message.extend(self.pc.to_le_bytes());
        message.extend(target.to_le_bytes());
        message.extend(micros.to_le_bytes());
        message.extend(0_u32.to_le_bytes());
        message.extend(payload);
        message
    }

    /// Microphone 1 is sent by a transceiver, as it is.
    pub async fn speak(&self, transceiver: u32) {
        self.text(json!({
            "type": "audio-source", "source": 1,
            "echoCancellation": false, "noiseSuppression": false, "autoGainControl": false,
        }))
        .await;
        self.text(json!({
            "type": "audio-send", "source": 1, "pc": self.pc, "transceiver": transceiver, "active": true,
            "maxBitrate": null,
        }))
        .await;
    }

    /// Waits until something was heard that `pick` takes, at or after `from`; returns it and where it was.
    pub async fn hear<T>(&self, from: usize, pick: impl Fn(&Heard) -> Option<T>) -> (T, usize) {
        match self.hears(from, pick).await {
            Some(found) => found,
            None => panic!("not heard; heard were {:#?}", self.brief()),
        }
    }

    /// The same for what may never come: `None` after a while.
    pub async fn hears<T>(&self, from: usize, pick: impl Fn(&Heard) -> Option<T>) -> Option<(T, usize)> {
        let search = async {
            // What has been looked at is not looked at again.
            let mut from = from;
            loop {
                let news = self.seen.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                let found = {
                    let all = self.seen.all.lock().unwrap();
                    let start = from;
                    from = all.len();
                    all.iter()
                        .enumerate()
                        .skip(start)
                        .find_map(|(index, heard)| pick(heard).map(|found| (found, index)))
                };
                match found {
                    Some(found) => return found,
                    None => news.await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.ok()
    }

    /// How many frames of a kind were received.
    pub fn frames(&self, kind: u8) -> usize {
        let all = self.seen.all.lock().unwrap();
        let of_kind = |heard: &&Heard| matches!(heard, Heard::Frame(frame) if frame.kind == kind);
        all.iter().filter(of_kind).count()
    }

    pub async fn event(&self, from: usize, kind: &str, member: &str, value: &str) -> usize {
        let is = |heard: &Heard| match heard {
            Heard::Event(event) | Heard::Text(event) => (event["type"] == kind && event[member] == value).then_some(()),
            Heard::Frame(_) => None,
        };
        self.hear(from, is).await.1
    }

    pub async fn received(&self, from: usize, kind: u8, payload: &[u8]) -> Received {
        let is = |heard: &Heard| match heard {
            Heard::Frame(frame) if frame.kind == kind && frame.payload == payload => Some(frame.clone()),
            _ => None,
        };
        self.hear(from, is).await.0
    }

    pub fn heard(&self) -> usize {
        self.seen.all.lock().unwrap().len()
    }

    fn brief(&self) -> Vec<String> {
        let all = self.seen.all.lock().unwrap();
        let last = all.iter().skip(all.len().saturating_sub(40));
        last.map(|heard| format!("{heard:?}").chars().take(160).collect())
            .collect()
    }

    pub async fn stats(&self, kind: &str) -> Vec<Value> {
        let all = self.run(json!({"type": "get-stats"})).await;
        all.as_array()
            .unwrap()
            .iter()
            .filter(|one| one["type"] == kind)
            .cloned()
            .collect()
    }
}

pub fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Gives each end the other's candidates, from the beginning and from now on.
pub fn trickle(a: &Arc<Page>, b: &Arc<Page>) {
    for (from, to) in [(a, b), (b, a)] {
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        tokio::spawn(async move {
            let mut at = 0;
            loop {
                let candidate = |heard: &Heard| match heard {
                    Heard::Event(event) if event["type"] == "ice-candidate" => Some(event["candidate"].clone()),
                    _ => None,
                };
                let Ok((candidate, index)) = tokio::time::timeout(PATIENCE / 2, from.hear(at, candidate)).await else {
                    return;
                };
                at = index + 1;
                let added = to
                    .try_run(json!({"type": "add-candidate", "candidate": candidate}))
                    .await;
                added.ok();
            }
        });
    }
}

/// One offer and answer; the snapshots of both ends.
pub async fn negotiate(from: &Page, to: &Page) -> (Value, Value) {
    let offered = from.run(json!({"type": "set-local"})).await;
    let offer = offered["pendingLocal"].clone();
    to.run(json!({"type": "set-remote", "description": offer})).await;
    let answered = to.run(json!({"type": "set-local"})).await;
    let done = from
        .run(json!({"type": "set-remote", "description": answered["currentLocal"]}))
        .await;
    (done, answered)
}

/// A frame that looks like VP8 and is otherwise full of `seed`.
pub fn vp8(key: bool, len: usize, seed: u8) -> Vec<u8> {
    let mut frame = vec![seed; len];
    frame[0] = if key { 0x10 } else { 0x11 };
    if key {
        frame[3..10].copy_from_slice(&[0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]);
    }
    frame
}

/// 10 ms of what microphone 1 takes, as a page tells it: syllables of changing pitch, for a tone that goes on and on is taken out
/// as noise.
pub fn microphone(tick: usize) -> Vec<u8> {
    let mut payload = vec![1, 0, 0, 0, 1, 0, 0, 0];
    let syllable = tick / 25;
    let pitch = 180.0 + 37.0 * (syllable % 7) as f32;
    let loud = if tick % 25 < 16 { 8_000.0 } else { 0.0 };
    payload.extend((0..480).flat_map(|n| {
        let phase = ((tick % 25) * 480 + n) as f32 * pitch * std::f32::consts::TAU / 48_000.0;
        let voice = phase.sin() + 0.5 * (2.0 * phase).sin() + 0.3 * (5.0 * phase).sin();
        ((voice * loud) as i16).to_le_bytes()
    }));
    payload
}
