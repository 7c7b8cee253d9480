//! One task per transceiver: the worker's frames in, packets out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use rtc::rtp::{Header, Packet};
use tokio::sync::mpsc;

use super::carrier::carry;
use super::plan::Sending;
use super::tap::{Shared, Signal, lock};
use super::way::Way;
use crate::frame::Frame;
use crate::rtp::clock::SendClock;
use crate::rtp::vp8::{Payloader, dimensions, is_key};
use crate::wire::{Kind, TransceiverId};

/// Frames that may wait for the engine: a second of video or half a second of audio.
pub const QUEUE: usize = 30;
/// Bytes of an audio packet that cannot be Opus any more.
const AUDIO_LIMIT: usize = 1_275 * 2;

/// Everything a sending task needs.
pub struct Sender {
    pub transceiver: TransceiverId,
    pub kind: Kind,
    /// What was negotiated; `None` while nothing is to be sent.
    pub stream: Arc<Mutex<Option<Sending>>>,
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
    pub async fn run(self, mut frames: mpsc::Receiver<Frame>) {
        let rate = match self.kind {
            Kind::Video => 90_000,
            Kind::Audio => 48_000,
        };
        let mut clock = SendClock::new(rate, self.starts.1);
        let mut payloader = Payloader::new(self.starts.2);
        let mut sequence = self.starts.0;
        let mut needs_key = true;
        let mut former = None;
        while let Some(frame) = frames.recv().await {
            let stream = lock(&self.stream).clone();
            let Some(stream) = stream.filter(|_| self.connected.load(Ordering::Acquire)) else {
                needs_key = true;
                continue;
            };
            if self.kind == Kind::Video {
                needs_key |= self.overflow.swap(false, Ordering::AcqRel) | (former.as_ref() != Some(&stream));
                if needs_key && !is_key(&frame.payload) {
                    self.shared.signal(Signal::KeyFrame(self.transceiver));
                    former = Some(stream);
                    continue;
                }
                needs_key = false;
                if is_key(&frame.payload) {
                    self.shared.signal(Signal::KeyFrameSent(self.transceiver));
                }
            }
            let now = Instant::now();
            let timestamp = clock.ticks(frame.timestamp, now);
            lock(&self.shared.clock).came(frame.timestamp, now);
            let payloads = match self.kind {
                Kind::Video => payloader.frame(&frame.payload),
                Kind::Audio if frame.payload.len() <= AUDIO_LIMIT => vec![frame.payload.clone()],
                Kind::Audio => continue,
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
                let mut packet = packet(&stream, sequence, timestamp, marker, payload);
                if let (Some(id), Some(level)) = (stream.codecs.audio_level_extension, frame.level)
                    && let Err(error) = packet.header.set_extension(id, Bytes::copy_from_slice(&[level]))
                {
                    tracing::debug!(%error, "a level does not fit a header extension");
                }
                packets.push(packet);
                sequence = sequence.wrapping_add(1);
            }
            self.count(&frame, timestamp);
            former = Some(stream);
            self.way.write(carry(packets)).await;
        }
    }

    fn count(&self, frame: &Frame, timestamp: u32) {
        let mut counters = self.shared.counters();
        let outbound = counters.outbound.entry(self.transceiver).or_default();
        outbound.frames += 1;
        outbound.captured = Some((frame.timestamp, timestamp));
        if self.kind == Kind::Video
            && let Some((width, height)) = dimensions(&frame.payload)
        {
            outbound.key_frames += 1;
            (outbound.width, outbound.height) = (width, height);
        }
    }
}

fn packet(stream: &Sending, sequence_number: u16, timestamp: u32, marker: bool, payload: Bytes) -> Packet {
    let mut header = Header {
        version: 2,
        marker,
        payload_type: stream.codecs.payload_type,
        sequence_number,
        timestamp,
        ssrc: stream.ssrc,
        ..Header::default()
    };
    if let Some(id) = stream.codecs.mid_extension
        && let Err(error) = header.set_extension(id, Bytes::copy_from_slice(stream.mid.as_bytes()))
    {
        tracing::debug!(%error, "a MID does not fit a header extension");
    }
    Packet { header, payload }
}
