use crate::guest::{millis, tell};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// The document that may open the socket.
pub(crate) const ORIGIN: &str = "tauri://localhost";
/// Frames a second.
const FRAMERATE: usize = 10;
/// How often one is made.
pub(crate) const EVERY: Duration = Duration::from_millis(1_000 / FRAMERATE as u64);
/// What a frame has at least, and how much more one has that stands for itself.
const LEAST: usize = 200;
const KEY: usize = 3;
/// Frames that stay away for longer have stopped.
const GAP: Duration = Duration::from_millis(1_000);

/// Samples of 10 ms.
const BLOCK: usize = 480;
/// Blocks of a voice that wait to be played: at first, and at most where they do not come in time.
const WAITING: u32 = 3;
const WAITING_MOST: u32 = 20;
/// Ticks after which what was asked for is not going to come.
const OVERDUE: u32 = 50;

/// What a page's worker and worklet do for the peer connection: an encoder that makes frames as large as it is told to, a
/// microphone with a voice that never pauses, and a loudspeaker.
pub(crate) struct Page {
    out: mpsc::Sender<Message>,
    shared: Arc<Mutex<Shared>>,
    started: Instant,
}

#[derive(Default)]
struct Shared {
    /// By peer connection.
    frames: BTreeMap<u32, Frames>,
    encoders: BTreeMap<u32, Encoder>,
    /// By peer connection and transceiver.
    voices: BTreeMap<(u32, u32), Voice>,
}

/// When frames came.
struct Frames {
    count: u64,
    last: Instant,
    longest_gap: Duration,
}

struct Encoder {
    /// Bits per second that it would make, and may.
    wanted: u32,
    allowed: u32,
    key: bool,
}

/// One that is heard.
#[derive(Default)]
struct Voice {
    waiting: u32,
    /// Blocks that are to wait beyond the usual.
    patience: u32,
    owed: u32,
    /// Ticks since something came.
    since: u32,
    begun: bool,
    /// Blocks that were not there in time, though the peer connection makes up what the network does not bring.
    lacked: u64,
}

impl Page {
    pub(crate) async fn open(url: String) -> Self {
        let mut request = url.into_client_request().expect("an address");
        request
            .headers_mut()
            .insert("origin", ORIGIN.parse().expect("an origin"));
        let (socket, _) = tokio_tungstenite::connect_async(request)
            .await
            .expect("the loopback socket");
        let (mut write, mut read) = socket.split();
        let (out, mut outgoing) = mpsc::channel::<Message>(64);
        tokio::spawn(async move {
            while let Some(message) = outgoing.recv().await {
                write.send(message).await.expect("the loopback socket takes frames");
            }
        });
        let shared = Arc::<Mutex<Shared>>::default();
        let heard = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Some(Ok(message)) = read.next().await {
                if let Message::Binary(bytes) = &message {
                    lock(&heard).receive(bytes);
                } else if let Message::Text(text) = &message {
                    lock(&heard).obey(&serde_json::from_str(text).expect("text is JSON"));
                }
            }
        });
        Self {
            out,
            shared,
            started: Instant::now(),
        }
    }

    /// A link sends video of up to so many bits per second.
    pub(crate) async fn film(&self, pc: u32, video: u32, wanted: u32) {
        let encoder = Encoder {
            wanted,
            allowed: wanted,
            key: true,
        };
        lock(&self.shared).encoders.insert(pc, encoder);
        let stats = json!({"type": "pipeline", "pc": pc, "transceiver": video, "side": "send",
            "stats": {"wanted": wanted}});
        self.tell(&stats).await;
    }

    /// A link has a voice each way.
    pub(crate) async fn speak(&self, pc: u32, audio: u32) {
        let first = {
            let mut shared = lock(&self.shared);
            shared.voices.insert((pc, audio), Voice::default());
            shared.voices.len() == 1
        };
        if first {
            self.tell(&json!({"type": "audio-source", "source": 1, "echoCancellation": false,
                "noiseSuppression": false, "autoGainControl": false}))
                .await;
            tokio::spawn(sound(self.out.clone(), Arc::clone(&self.shared)));
        }
        self.tell(
            &json!({"type": "audio-send", "source": 1, "pc": pc, "transceiver": audio, "active": true,
            "maxBitrate": null}),
        )
        .await;
    }

    /// The next frame of a link's video.
    pub(crate) fn frame(&self, pc: u32, video: u32) {
        let (key, size) = {
            let mut shared = lock(&self.shared);
            let Some(encoder) = shared.encoders.get_mut(&pc) else {
                return;
            };
            let bitrate = encoder.wanted.min(encoder.allowed);
            let size = usize::try_from(bitrate).unwrap_or_default() / 8 / FRAMERATE;
            let key = std::mem::take(&mut encoder.key);
            (key, size.max(LEAST) * if key { KEY } else { 1 })
        };
        let micros = i64::try_from(self.started.elapsed().as_micros()).unwrap_or_default();
        // Video to send, VP8.
        let mut message = vec![1, u8::from(key), 1, 0];
        message.extend(pc.to_le_bytes());
        message.extend(video.to_le_bytes());
        message.extend(micros.to_le_bytes());
        message.extend(0_u32.to_le_bytes());
        // The head of a frame of VP8 (RFC 6386, 9.1), as the engine wants to see it; the rest is nothing.
        let head: &[u8] = if key {
            &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]
        } else {
            &[0x11, 0, 0]
        };
        message.extend(head);
        message.resize(message.len() + size, 0);
        // A full socket loses a frame, as a busy encoder does.
        if self.out.try_send(Message::binary(message)).is_err() {
            lock(&self.shared)
                .encoders
                .entry(pc)
                .and_modify(|encoder| encoder.key = true);
        }
    }

    /// What came of a link's video, and what this page missed of its voice.
    pub(crate) fn report(&self, pc: u32, told: &mut Value) {
        let shared = lock(&self.shared);
        if let Some(frames) = shared.frames.get(&pc) {
            told["frames"] = json!(frames.count);
            told["gapMs"] = json!(millis(frames.longest_gap));
        }
        for ((_, _), voice) in shared.voices.range((pc, 0)..=(pc, u32::MAX)) {
            told["voice"]["lackedSamples"] = json!(voice.lacked * BLOCK as u64);
        }
    }

    async fn tell(&self, what: &Value) {
        let text = Message::text(what.to_string());
        self.out.send(text).await.expect("the loopback socket takes text");
    }
}

impl Shared {
    fn receive(&mut self, message: &[u8]) {
        let word = |at: usize| {
            message
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, u32::from_le_bytes)
        };
        match message.first() {
            // Video that was received.
            Some(3) => self.count(word(4)),
            // Audio to play: for each voice who it is, a number of blocks, and the blocks.
            Some(8) => {
                let mut at = 28;
                for _ in 0..word(24) {
                    let blocks = word(at + 8) & 0xffff;
                    if let Some(voice) = self.voices.get_mut(&(word(at), word(at + 4))) {
                        voice.owed = voice.owed.saturating_sub(blocks);
                        voice.waiting += blocks;
                        voice.since = 0;
                    }
                    at += 12 + usize::try_from(blocks).unwrap_or_default() * 2 * BLOCK;
                }
            }
            Some(_) | None => {}
        }
    }

    fn count(&mut self, pc: u32) {
        let now = Instant::now();
        let frames = self.frames.entry(pc).or_insert(Frames {
            count: 0,
            last: now,
            longest_gap: Duration::ZERO,
        });
        let gap = now - frames.last;
        if gap > GAP {
            tell("seen-again", json!({"pc": pc, "gapMs": millis(gap)}));
        }
        frames.longest_gap = frames.longest_gap.max(gap);
        frames.last = now;
        frames.count += 1;
    }

    /// What the encoders are told.
    fn obey(&mut self, text: &Value) {
        let pc = text["pc"].as_u64().and_then(|pc| u32::try_from(pc).ok());
        let Some(encoder) = pc.and_then(|pc| self.encoders.get_mut(&pc)) else {
            return;
        };
        match text["type"].as_str() {
            Some("target") => {
                let bitrate = text["bitrate"].as_u64().expect("a target has a bitrate");
                encoder.allowed = u32::try_from(bitrate).unwrap_or(u32::MAX);
            }
            Some("key-frame") => encoder.key = true,
            Some(_) | None => {}
        }
    }

    /// The loudspeaker plays a block of each voice; what it wants then, as a tick of audio tells it.
    fn play(&mut self) -> Vec<u8> {
        let mut told = Vec::new();
        for ((pc, transceiver), voice) in &mut self.voices {
            let lacked = voice.begun && voice.waiting == 0;
            voice.lacked += u64::from(lacked);
            voice.patience = (voice.patience + u32::from(lacked)).min(WAITING_MOST - WAITING);
            voice.begun |= voice.waiting > 0;
            voice.waiting = voice.waiting.saturating_sub(1);
            voice.since += 1;
            if voice.since > OVERDUE {
                (voice.owed, voice.since) = (0, 0);
            }
            let wanted = (WAITING + voice.patience).saturating_sub(voice.waiting + voice.owed);
            voice.owed += wanted;
            told.extend(pc.to_le_bytes());
            told.extend(transceiver.to_le_bytes());
            let samples = voice.waiting * BLOCK as u32;
            for number in [wanted, samples, if lacked { BLOCK as u32 } else { 0 }, 0] {
                told.extend(u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes());
            }
        }
        told
    }
}

/// Every 10 ms: what the microphone took, and what the loudspeaker wants. A late tick is made up for, as sound cards do.
async fn sound(out: mpsc::Sender<Message>, shared: Arc<Mutex<Shared>>) {
    let mut ticks = interval(Duration::from_millis(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0_usize.. {
        ticks.tick().await;
        let (voices, wanted) = {
            let mut shared = lock(&shared);
            (shared.voices.len(), shared.play())
        };
        let mut message = vec![7, 0, 3, 0];
        message.resize(12, 0);
        // The page's clock, in microseconds.
        message.extend((number as u64 * 10_000).to_le_bytes());
        message.resize(24, 0);
        message.extend([1, u8::try_from(voices).unwrap_or_default(), 0, 0]);
        message.extend(1_u32.to_le_bytes());
        message.extend((0..BLOCK).flat_map(|sample| voice(number * BLOCK + sample).to_le_bytes()));
        message.extend(wanted);
        if out.send(Message::binary(message)).await.is_err() {
            return;
        }
    }
}

/// A vowel with a melody: an encoder takes it for speech, and finds no pause in it.
fn voice(sample: usize) -> i16 {
    let now = sample as f32 / 48_000.0;
    let turn = std::f32::consts::TAU;
    let pitch = 140.0 * now + 3.0 * (turn * 0.7 * now).sin();
    let loud = 0.6 + 0.3 * (turn * 3.0 * now).sin();
    let harmonics = (1..8_u8).map(|nth| (turn * f32::from(nth) * pitch).sin() / f32::from(nth));
    (harmonics.sum::<f32>() * loud * 5_000.0) as i16
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
