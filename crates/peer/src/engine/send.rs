//! One task per transceiver: the worker's frames in, packets out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rtc::rtp::{Header, Packet};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::carrier::carry;
use super::plan::Sending;
use super::tap::{Shared, Signal, lock};
use super::way::Way;
use crate::frame::Frame;
use crate::rtp::clock::SendClock;
use crate::rtp::codec::Codec;
use crate::rtp::format::Payloader;
use crate::rtp::tones::{STEP, Tone};
use crate::wire::{EncodingId, Kind};

/// Frames that may wait for the engine: a second of three layers of video, or more of audio.
pub const QUEUE: usize = 90;
/// Bytes of an audio packet that no voice has.
const AUDIO_LIMIT: usize = 1_275 * 2;

/// Tones that may wait for the one before them.
pub const TONES: usize = 4;

/// A DTMF tone, and how many milliseconds it lasts.
pub type Key = (char, u32);

/// A tone that is heard now, instead of the voice.
struct Playing {
    tone: Tone,
    payload_type: u8,
    /// The RTP time at which it began.
    began: u32,
    next: Instant,
}

/// What one encoding was sent up to.
struct Layer {
    clock: SendClock,
    payloader: Payloader,
    /// The number of the next packet. It goes on when the encoding pauses.
    sequence: u16,
    needs_key: bool,
    /// Whose packets the last ones were, and of what format.
    former: Option<(Sending, u8)>,
}

/// Everything a sending task needs.
pub struct Sender {
    pub kind: Kind,
    /// What was negotiated; empty while nothing is to be sent.
    pub streams: Arc<Mutex<Vec<Sending>>>,
    /// Frames were dropped since the task looked last.
    pub overflow: Arc<AtomicBool>,
    pub connected: Arc<AtomicBool>,
    pub shared: Arc<Shared>,
    pub way: Way,
    /// Random starts of the sequence numbers, the RTP time and the picture ids.
    pub starts: (u16, u32, u16),
}

impl Sender {
    /// Runs until the transceiver's queue is dropped.
    pub async fn run(self, mut frames: mpsc::Receiver<Frame>, mut tones: mpsc::Receiver<Key>) {
        let mut layers: HashMap<u8, Layer> = HashMap::new();
        let mut playing: Option<Playing> = None;
        loop {
            let next = playing.as_ref().map(|playing| playing.next);
            tokio::select! {
                frame = frames.recv() => match frame {
                    Some(frame) if playing.is_none() => self.send(&mut layers, frame).await,
                    Some(_) => {}
                    None => return,
                },
                Some((tone, millis)) = tones.recv(), if playing.is_none() => {
                    playing = self.play(&mut layers, tone, millis);
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    if let Some(now) = playing.take() {
                        playing = self.beat(&mut layers, now).await;
                    }
                }
            }
        }
    }

    /// The encoding of a layer, if it is sent now.
    fn stream(&self, layer: u8) -> Option<Sending> {
        if !self.connected.load(Ordering::Acquire) {
            return None;
        }
        let streams = lock(&self.streams);
        streams.iter().find(|one| one.encoding.layer == layer).cloned()
    }

    fn layer<'a>(&self, layers: &'a mut HashMap<u8, Layer>, stream: &Sending) -> &'a mut Layer {
        layers.entry(stream.encoding.layer).or_insert_with(|| Layer {
            clock: SendClock::new(stream.codecs.clock_rate(None), self.starts.1),
            payloader: Payloader::new(self.starts.2),
            sequence: self.starts.0,
            needs_key: true,
            former: None,
        })
    }

    async fn send(&self, layers: &mut HashMap<u8, Layer>, frame: Frame) {
        let Some(stream) = self.stream(frame.layer) else {
            // Or of a layer that the remote has just rejected.
            if let Some(layer) = layers.get_mut(&frame.layer) {
                layer.needs_key = true;
            }
            return;
        };
        if self.overflow.swap(false, Ordering::AcqRel) {
            layers.values_mut().for_each(|layer| layer.needs_key = true);
        }
        let layer = self.layer(layers, &stream);
        let Some(codec) = frame.kind.to_packets() else { return };
        // The first one that was agreed on, or the one that the page has named.
        let format = stream.codecs.all().find(|format| format.codec == codec);
        let Some(payload_type) = format.map(|format| format.payload_type) else {
            // The worker has not heard yet what was agreed on.
            layer.needs_key = true;
            return;
        };
        if self.kind == Kind::Video && !self.may_follow(layer, &stream, payload_type, frame.key) {
            return;
        }
        let now = Instant::now().into_std();
        layer.clock.change(codec.clock_rate());
        let timestamp = layer.clock.ticks(frame.timestamp, now);
        lock(&self.shared.clock).came(frame.timestamp, now);
        let payloads = match codec {
            Codec::Video(codec) => layer.payloader.frame(codec, &frame.payload, frame.key),
            Codec::Audio(_) if frame.payload.len() <= AUDIO_LIMIT => vec![frame.payload.clone()],
            Codec::Audio(_) => return,
        };
        let last = payloads.len().saturating_sub(1);
        let mut packets = Vec::with_capacity(payloads.len());
        for (index, payload) in payloads.into_iter().enumerate() {
            // The last packet of a picture, the first one after a pause of speech (RFC 3551, 4.1).
            let marker = if self.kind == Kind::Video {
                index == last
            } else {
                frame.key
            };
            let mut packet = packet(&stream, layer.sequence, timestamp, marker, payload);
            packet.header.payload_type = payload_type;
            if let Some(level) = frame.level {
                extend(&mut packet.header, stream.codecs.audio_level_extension, &[level]);
            }
            packets.push(packet);
            layer.sequence = layer.sequence.wrapping_add(1);
        }
        self.count(&frame, stream.encoding, payload_type, timestamp);
        self.way.write(carry(packets)).await;
    }

    /// Begins a tone, if the remote takes any.
    fn play(&self, layers: &mut HashMap<u8, Layer>, tone: char, millis: u32) -> Option<Playing> {
        let stream = self.stream(0)?;
        let clock = &self.layer(layers, &stream).clock;
        let (payload_type, rate) = stream.codecs.tone(clock.rate())?;
        let now = Instant::now();
        Some(Playing {
            tone: Tone::new(tone, millis, rate)?,
            payload_type,
            began: clock.at(now.into_std()),
            next: now + STEP,
        })
    }

    /// Sends the next packets of a tone; gives it back unless it is over.
    async fn beat(&self, layers: &mut HashMap<u8, Layer>, mut playing: Playing) -> Option<Playing> {
        let stream = self.stream(0)?;
        let beats = playing.tone.advance();
        let layer = self.layer(layers, &stream);
        let mut packets = Vec::with_capacity(beats.len());
        for beat in beats {
            let timestamp = playing.began.wrapping_add(beat.offset);
            let mut packet = packet(&stream, layer.sequence, timestamp, beat.marker, beat.payload);
            packet.header.payload_type = playing.payload_type;
            packets.push(packet);
            layer.sequence = layer.sequence.wrapping_add(1);
        }
        self.way.write(carry(packets)).await;
        playing.next += STEP;
        (!playing.tone.is_over()).then_some(playing)
    }

    /// Whether a picture can be decoded after those sent before; if not, a key frame is asked for.
    fn may_follow(&self, layer: &mut Layer, stream: &Sending, payload_type: u8, key: bool) -> bool {
        let now = (stream.clone(), payload_type);
        layer.needs_key |= layer.former.as_ref() != Some(&now);
        layer.former = Some(now);
        if key {
            layer.needs_key = false;
            self.shared.signal(Signal::KeyFrameSent(stream.encoding));
        } else if layer.needs_key {
            self.shared.signal(Signal::KeyFrame(stream.encoding));
        }
        !layer.needs_key
    }

    fn count(&self, frame: &Frame, encoding: EncodingId, payload_type: u8, timestamp: u32) {
        let mut counters = self.shared.counters();
        let outbound = counters.outbound.entry(encoding).or_default();
        outbound.frames += 1;
        outbound.payload_type = Some(payload_type);
        outbound.captured = Some((frame.timestamp, timestamp));
        let Some(Codec::Video(codec)) = frame.kind.to_packets() else {
            return;
        };
        outbound.key_frames += u64::from(frame.key);
        if let Some((width, height)) = codec.dimensions(&frame.payload).filter(|_| frame.key) {
            (outbound.width, outbound.height) = (width, height);
        }
    }
}

/// A packet of an encoding, which says whose it is.
pub fn packet(stream: &Sending, sequence_number: u16, timestamp: u32, marker: bool, payload: Bytes) -> Packet {
    let mut header = Header {
        version: 2,
        marker,
        payload_type: stream.codecs.first.payload_type,
        sequence_number,
        timestamp,
        ssrc: stream.ssrc,
        ..Header::default()
    };
    extend(&mut header, stream.codecs.mid_extension, stream.mid.as_bytes());
    if let Some(rid) = &stream.rid {
        extend(&mut header, stream.codecs.rid_extension, rid.as_bytes());
    }
    Packet { header, payload }
}

/// Adds a header extension that was agreed on.
fn extend(header: &mut Header, id: Option<u8>, value: &[u8]) {
    if let Some(id) = id
        && let Err(error) = header.set_extension(id, Bytes::copy_from_slice(value))
    {
        tracing::debug!(%error, "a value does not fit a header extension");
    }
}
