//! Messages of a page over the loopback socket, handed to the parts that work on them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;

use crate::audio::BLOCK;
use crate::audio::driver::Audio;
use crate::audio::message::Tick;
use crate::engine::frames;
use crate::frame::{Frame, FrameKind};
use crate::heap;
use crate::outbox::Outbox;
use crate::rtp::clock::SendClock;
use crate::rtp::format::{MAX_PAYLOAD, Payloader, VideoCodec};
use crate::rtp::wall::CaptureClock;
use crate::socket::{Incoming, parse};
use crate::wire::FromWorker;

/// Bytes that may be held, whatever a page says.
const MOST: usize = 64 << 20;

struct Page {
    audio: Audio,
    outbox: Outbox,
    clock: SendClock,
    wall: CaptureClock,
    payloader: Payloader,
    now: Instant,
    sources: BTreeSet<u32>,
}

/// Records: what is said and how often, then what it takes.
pub fn page(mut bytes: &[u8]) {
    let before = heap::held();
    let mut page = Page {
        audio: Audio::default(),
        outbox: Outbox::default(),
        clock: SendClock::new(90_000, 7),
        wall: CaptureClock::default(),
        payloader: Payloader::new(3),
        now: Instant::now(),
        sources: BTreeSet::new(),
    };
    let mut ticks = 0;
    while let [what, rest @ ..] = bytes {
        bytes = rest;
        page.now += Duration::from_millis(u64::from(what >> 6) * 10);
        let times = 1 + usize::from(what >> 3 & 7);
        let (length, rest) = match bytes {
            [low, high, rest @ ..] => (usize::from(u16::from_le_bytes([*low, *high])), rest),
            _ => (bytes.len(), bytes),
        };
        let (own, rest) = rest.split_at(length.min(rest.len()));
        bytes = rest;
        let message = match what & 7 {
            0 | 1 => Message::text(String::from_utf8_lossy(own).into_owned()),
            2 | 3 => Message::binary(own.to_vec()),
            4 => Message::binary(framed(own)),
            _ => Message::binary(ticking(own)),
        };
        for _ in 0..times {
            if let Some(said) = parse(message.clone()) {
                if matches!(&said, Incoming::Frame(frame) if frame.kind == FrameKind::AudioTick) {
                    ticks += 1;
                }
                // Sound is slow: a tenth of a second of it is enough.
                if ticks <= 40 {
                    page.take(said);
                }
            }
        }
    }
    let held = heap::held().saturating_sub(before);
    assert!(held < MOST, "{held} bytes are held");
}

/// A picture or a message with a head that fits.
fn framed(of: &[u8]) -> Vec<u8> {
    let [kind, key, rest @ ..] = of else { return Vec::new() };
    let (kind, codec) = [(1, 1), (5, 0), (2, 2), (1, 4), (1, 5)][usize::from(*kind) % 5];
    let mut message = vec![kind, key & 7, codec, 0, 1, 0, 0, 0];
    message.extend(rest);
    message
}

/// A tick of the right size.
fn ticking(of: &[u8]) -> Vec<u8> {
    let [sources, voices, heard, seed, rest @ ..] = of else {
        return Vec::new();
    };
    let (sources, voices) = (sources % 4, voices % 4);
    let mut message = vec![7, 0, 3, 0];
    message.extend([0; 8]);
    message.extend([*seed; 8]);
    message.extend([0; 4]);
    message.extend([sources, voices, heard & 1, 0]);
    let mut noise = u32::from(*seed);
    let mut block = || {
        let mut samples = Vec::with_capacity(2 * BLOCK);
        for _ in 0..BLOCK {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            samples.extend(((noise >> 16) as i16).to_le_bytes());
        }
        samples
    };
    if heard & 1 == 1 {
        message.extend(block());
    }
    for source in 0..sources {
        message.extend(u32::from(source).to_le_bytes());
        message.extend(block());
    }
    for voice in 0..voices {
        let mut own = rest
            .chunks_exact(6)
            .nth(usize::from(voice))
            .unwrap_or(&[2, 0, 0, 0, 0, 0])
            .to_vec();
        own.extend([0, 0]);
        message.extend(1_u32.to_le_bytes());
        message.extend(u32::from(voice).to_le_bytes());
        message.extend(own);
    }
    message
}

impl Page {
    fn take(&mut self, said: Incoming) {
        match said {
            Incoming::Frame(frame) if frame.kind == FrameKind::AudioTick => self.tick(&frame),
            Incoming::Frame(frame) => self.frame(&frame),
            Incoming::Text(text) => {
                match text {
                    FromWorker::AudioSource { source, .. } => drop(self.sources.insert(source)),
                    FromWorker::AudioGone { source } => drop(self.sources.remove(&source)),
                    _ => {}
                }
                self.audio.tell(&text);
            }
        }
    }

    fn tick(&mut self, frame: &Frame) {
        let Some(tick) = Tick::parse(frame.payload.clone()) else {
            return;
        };
        let wanted: usize = tick.wanted.iter().filter(|one| one.blocks > 0).count();
        let blocks: usize = tick.wanted.iter().map(|one| usize::from(one.blocks)).sum();
        let (spoken, voices) = self.audio.duplex().tick(&tick, frame.timestamp);
        assert_eq!(voices.is_some(), wanted > 0);
        if let Some(payload) = voices {
            assert_eq!(
                payload.len(),
                4 + 12 * wanted + 2 * BLOCK * blocks,
                "what was wanted, no less"
            );
            self.outbox.put_media(Frame {
                kind: FrameKind::AudioToPlay,
                payload,
                ..frame.clone()
            });
        }
        for one in &spoken {
            assert!(one.speech.payload.len() <= 1_275);
            for frame in frames(one) {
                assert_eq!(Frame::parse(frame.to_bytes()), Some(frame));
            }
        }
    }

    fn frame(&mut self, frame: &Frame) {
        assert_eq!(Frame::parse(frame.to_bytes()).as_ref(), Some(frame));
        let FrameKind::VideoToSend(codec) = frame.kind else {
            return;
        };
        self.clock.ticks(frame.timestamp, self.now);
        self.wall.came(frame.timestamp, self.now);
        self.wall.ago(frame.timestamp, self.now);
        codec.dimensions(&frame.payload);
        let payloads = self.payloader.frame(codec, &frame.payload, frame.key);
        assert!(payloads.iter().all(|one| one.len() <= MAX_PAYLOAD));
        let whole = codec.join(payloads.iter());
        if codec == VideoCodec::H264 {
            // What has no start code and what is not needed is left out; what remains comes through once more as it is.
            let again = self.payloader.frame(codec, &whole, frame.key);
            assert_eq!(codec.join(again.iter()), whole, "a picture is not what it was");
        } else {
            assert_eq!(whole, frame.payload, "a picture is not what it was");
        }
    }
}
