//! Two taps and the link between them, in simulated time: nothing here waits, and every run is the same.

mod link;
mod loss;
mod sync;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtcp;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use tokio::sync::mpsc;

use super::carrier::{carry, picture_loss};
use super::plan::{Plan, Receiving, Sending};
use super::receive::Input;
use super::tap::{Shared, Signal, Tap, lock};
use crate::jsep::codecs::Codecs;
use crate::jsep::formats::Format;
use crate::rtp::Assembled;
use crate::rtp::format::{Payloader, VideoCodec};
use crate::rtp::pictures::Pictures;
use crate::wire::{EncodingId, Kind, TransceiverId};
use link::Link;

const SSRC: u32 = 1_000;
const REPAIR: u32 = 1_001;
/// Milliseconds from picture to picture.
const FRAME: u64 = 33;
/// An encoder makes no more key frames than one in so many milliseconds.
const KEYS: u64 = 300;

/// What an encoder has been told.
struct Told {
    key: bool,
    bitrate: u32,
}

/// A camera at one end, its pictures at the other.
struct Call {
    sender: Tap,
    sending: Arc<Shared>,
    receiver: Tap,
    receiving: Arc<Shared>,
    inputs: mpsc::Receiver<Input>,
    pictures: Pictures,
    there: Link,
    back: Link,
    told: Arc<Mutex<Told>>,
    codec: VideoCodec,
    payloader: Payloader,
    sequence: u16,
    frames: u64,
    key_at: Option<u64>,
    start: Instant,
    millis: u64,
    /// The pictures that came, by number, and the millisecond in which they did.
    seen: Vec<(u64, u64)>,
    plis: u64,
    /// Bits per second that an encoder has a use for.
    wanted: u32,
}

impl Call {
    fn new(there: Link, back: Link) -> Self {
        Self::of(VideoCodec::Vp8, there, back)
    }

    fn of(codec: VideoCodec, there: Link, back: Link) -> Self {
        let told = Arc::new(Mutex::new(Told {
            key: true,
            bitrate: 700_000,
        }));
        let hears = Arc::clone(&told);
        let sending = Arc::new(Shared::new(Box::new(move |signal| match signal {
            Signal::KeyFrame(_) => lock(&hears).key = true,
            Signal::Target(_, bitrate) => lock(&hears).bitrate = bitrate,
            Signal::KeyFrameSent(_) => {}
        })));
        let receiving = Arc::new(Shared::new(Box::new(|_| {})));
        let mut codecs = Codecs::proposal(Kind::Video);
        codecs.first = Format::video(codec);
        let (sink, inputs) = mpsc::channel(1_024);
        sending.set_plan(Plan {
            sending: vec![Sending {
                encoding: EncodingId::only(1),
                mid: "m".to_owned(),
                rid: None,
                codecs: codecs.clone(),
                ssrc: SSRC,
                repair_ssrc: REPAIR,
            }],
            receiving: vec![],
        });
        receiving.set_plan(Plan {
            sending: vec![],
            receiving: vec![Receiving {
                transceiver: 2,
                mid: "m".to_owned(),
                codecs,
                sources: vec![SSRC],
                repairs: vec![(SSRC, REPAIR)],
                streams: Vec::new(),
                sink,
            }],
        });
        Self {
            sender: Tap::new(Arc::clone(&sending)),
            sending,
            receiver: Tap::new(Arc::clone(&receiving)),
            receiving,
            inputs,
            pictures: Pictures::default(),
            there,
            back,
            told,
            codec,
            payloader: Payloader::new(0),
            sequence: 65_000,
            frames: 0,
            key_at: None,
            start: Instant::now(),
            millis: 0,
            seen: Vec::new(),
            plis: 0,
            wanted: 1_500_000,
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.millis)
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.step();
        }
    }

    fn step(&mut self) {
        self.millis += 1;
        if self.millis.is_multiple_of(FRAME) {
            self.frame();
        }
        if self.millis.is_multiple_of(1_000) {
            self.sending.want(EncodingId::only(1), self.wanted);
        }
        let now = self.now();
        self.sender.handle_timeout(now).unwrap();
        while let Some(msg) = self.sender.poll_write() {
            self.there.send(msg, now);
        }
        self.there.deliver(&mut self.receiver, now);
        self.receiver.handle_timeout(now).unwrap();
        self.watch();
        while let Some(msg) = self.receiver.poll_write() {
            self.back.send(msg, now);
        }
        self.back.deliver(&mut self.sender, now);
    }

    /// A picture is taken, encoded and sent.
    fn frame(&mut self) {
        let (key, bitrate) = {
            let mut told = lock(&self.told);
            let due = self.key_at.is_none_or(|at| self.millis >= at + KEYS);
            let key = told.key && due;
            told.key &= !key;
            (key, told.bitrate.min(self.wanted))
        };
        if key {
            self.key_at = Some(self.millis);
        }
        let fair = u64::from(bitrate) * FRAME / 8_000;
        let sway = 80 + self.frames * 7 % 41;
        let size = fair * sway / 100 * if key { 4 } else { 1 };
        let bytes = picture(self.codec, key, self.frames, usize::try_from(size).unwrap());
        self.frames += 1;
        let payloads = self.payloader.frame(self.codec, &bytes, key);
        let last = payloads.len() - 1;
        let packets = payloads.into_iter().enumerate().map(|(index, payload)| {
            self.sequence = self.sequence.wrapping_add(1);
            let mut header = rtp::Header {
                version: 2,
                marker: index == last,
                payload_type: Format::video(self.codec).payload_type,
                sequence_number: self.sequence,
                timestamp: u32::try_from(self.millis * 90).unwrap(),
                ssrc: SSRC,
                ..Default::default()
            };
            header.set_extension(4, Bytes::from_static(b"m")).unwrap();
            rtp::Packet { header, payload }
        });
        let packets = packets.collect();
        self.sender.handle_write(message(carry(packets), self.now())).unwrap();
    }

    /// What the receiving task does.
    fn watch(&mut self) {
        let now = self.now();
        while let Ok(Input::Packet(packet, at, ssrc)) = self.inputs.try_recv() {
            self.pictures.push(packet, ssrc, at);
        }
        while let Some(frame) = self.pictures.poll(now) {
            self.seen.push((number(&frame), self.millis));
        }
        set_round_trip(&mut self.pictures, &self.receiving, 2);
        if let Some(ssrc) = self.pictures.ask(now) {
            self.plis += 1;
            self.receiver.handle_write(message(picture_loss(ssrc), now)).unwrap();
        }
    }

    /// The longest time without a picture, in milliseconds.
    fn freeze(&self) -> u64 {
        self.seen
            .windows(2)
            .map(|pair| pair[1].1 - pair[0].1)
            .max()
            .unwrap_or(0)
    }

    /// How often a picture came 150 ms later than usual, and after three times as long as usual (webrtc-stats, `freezeCount`).
    fn freezes(&self) -> u64 {
        let gaps = self.seen.windows(2).map(|pair| pair[1].1 - pair[0].1);
        gaps.filter(|gap| *gap > (FRAME * 3).max(FRAME + 150)).count() as u64
    }
}

/// What a task gives to a tap.
fn message(packets: Vec<Box<dyn rtcp::Packet>>, now: Instant) -> TaggedPacket {
    TaggedPacket {
        now,
        transport: TransportContext::default(),
        message: Packet::Rtcp(packets).into(),
    }
}

/// As the receiving task learns it.
fn set_round_trip(pictures: &mut Pictures, receiving: &Shared, transceiver: TransceiverId) {
    let counters = receiving.counters();
    if let Some(trip) = counters.inbound.get(&transceiver).and_then(|one| one.repair_trip) {
        pictures.set_round_trip(trip);
    }
}

/// A frame of about this size, which ends with its number.
fn picture(codec: VideoCodec, key: bool, number: u64, size: usize) -> Bytes {
    let head: &[u8] = match (codec, key) {
        (VideoCodec::Vp8, true) => &[0],
        (VideoCodec::Vp8, false) => &[1],
        (VideoCodec::Vp9, true) => &[0x82],
        (VideoCodec::Vp9, false) => &[0x86],
        (VideoCodec::H264, true) => &[0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65],
        (VideoCodec::H264, false) => &[0, 0, 0, 1, 0x41],
    };
    let mut bytes = head.to_vec();
    bytes.resize(size.max(40), 0x55);
    bytes.extend(format!("{number:08}").into_bytes());
    bytes.into()
}

fn number(frame: &Assembled) -> u64 {
    let (_, number) = frame.payload.split_last_chunk::<8>().unwrap();
    std::str::from_utf8(number).unwrap().parse().unwrap()
}
