//! A remote voice's packets on their way to the jitter buffer, and the page's voice on its way out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::receive::Input;
use super::tap::Shared;
use crate::audio::Arrived;
use crate::audio::driver::Audio;
use crate::audio::duplex::{Heard, Said, Spoken};
use crate::frame::{Frame, FrameKind};
use crate::outbox::Outbox;
use crate::rtp::Packet;
use crate::rtp::codec::AudioCodec;
use crate::wire::{PcId, Pipeline, TransceiverId};

/// The worker is told this often that something comes, and how loud it is.
const NOTICE: Duration = Duration::from_millis(100);

/// Everything a listening task needs.
pub struct Listener {
    pub pc: PcId,
    pub transceiver: TransceiverId,
    pub shared: Arc<Shared>,
    pub audio: Arc<Audio>,
    pub outbox: Arc<Outbox>,
}

impl Listener {
    /// Runs until the transceiver's queue is dropped.
    pub async fn run(self, mut inputs: mpsc::Receiver<Input>) {
        let voice = (self.pc, self.transceiver);
        self.audio.duplex().open(voice);
        let (mut ssrc, mut noticed) = (None, None::<Instant>);
        while let Some(input) = inputs.recv().await {
            let Input::Voice(packet, at, source, codec) = input else {
                continue;
            };
            if ssrc.replace(source).is_some_and(|former| former != source) {
                self.audio.duplex().restart(voice);
            }
            self.shared
                .counters()
                .inbound
                .entry(self.transceiver)
                .or_default()
                .frames += 1;
            let arrived = Arrived {
                codec,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                at,
            };
            let packet_time = packet.timestamp;
            let delay = self.shared.delay(self.transceiver);
            self.audio.duplex().hold(voice, delay);
            let number = self.audio.transforms().leave(voice, arrived);
            if let Some(number) = number {
                self.outbox
                    .put_media(to_transform(voice, codec, number, source, &packet));
            } else {
                self.audio.duplex().packet(voice, arrived, packet.payload);
            }
            if noticed.is_none_or(|before| at >= before + NOTICE) {
                noticed = Some(at);
                let notice = notice(source, self.audio.duplex().playing(voice), packet_time);
                self.outbox.put_media(frame(FrameKind::AudioReceived, voice, notice));
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.audio.duplex().close((self.pc, self.transceiver));
    }
}

/// The frames of one packet, one for each who gets it.
pub fn frames(spoken: &Spoken) -> impl Iterator<Item = Frame> {
    let speech = &spoken.speech;
    spoken.to.iter().map(|to| Frame {
        key: speech.first,
        level: Some(speech.level | if speech.voice { 0x80 } else { 0 }),
        timestamp: spoken.timestamp,
        ..frame(FrameKind::AudioToSend(spoken.codec), *to, speech.payload.clone())
    })
}

/// A received packet for the page to transform: for `timestamp` its number, for `duration` its RTP time, and in front
/// of the payload its SSRC u32, its sequence number u16 and a zero u16.
fn to_transform(voice: (PcId, TransceiverId), codec: AudioCodec, number: u32, source: u32, packet: &Packet) -> Frame {
    let mut payload = BytesMut::with_capacity(8 + packet.payload.len());
    payload.put_u32_le(source);
    payload.put_u16_le(packet.sequence);
    payload.put_u16_le(0);
    payload.put_slice(&packet.payload);
    Frame {
        timestamp: number.into(),
        duration: packet.timestamp,
        ..frame(FrameKind::VoiceReceived(codec), voice, payload.freeze())
    }
}

/// What a synchronization source tells: its SSRC u32, the RTP time of what is played u32, its level f32 from 0 to 1.
/// Before anything is played, the time is that of the packet that came.
fn notice(source: u32, playing: Option<(u32, f64)>, packet_time: u32) -> Bytes {
    let (time, level) = playing.unwrap_or((packet_time, 0.0));
    let mut payload = BytesMut::with_capacity(12);
    payload.put_u32_le(source);
    payload.put_u32_le(time);
    payload.put_f32_le(level as f32);
    payload.freeze()
}

fn frame(kind: FrameKind, (pc, target): (PcId, TransceiverId), payload: Bytes) -> Frame {
    Frame {
        kind,
        key: true,
        text: false,
        gap: false,
        level: None,
        layer: 0,
        pc,
        target,
        timestamp: 0,
        duration: 20_000,
        payload,
    }
}

/// What `inbound-rtp` says of a voice.
pub fn heard(of: &Heard) -> Pipeline {
    let counts = &of.counts;
    Pipeline {
        rtp: members(json!({
            "audioLevel": of.energy.level,
            "totalAudioEnergy": of.energy.total,
            "totalSamplesDuration": of.energy.duration,
            "totalSamplesReceived": counts.received,
            "concealedSamples": counts.concealed,
            "silentConcealedSamples": counts.silent_concealed,
            "concealmentEvents": counts.concealments,
            "insertedSamplesForDeceleration": counts.inserted,
            "removedSamplesForAcceleration": counts.removed,
            "jitterBufferDelay": counts.delay,
            "jitterBufferTargetDelay": counts.target_delay,
            "jitterBufferMinimumDelay": counts.least_delay,
            "jitterBufferEmittedCount": counts.emitted,
            "packetsDiscarded": counts.discarded,
            "fecPacketsReceived": counts.restored,
        })),
        ..Pipeline::default()
    }
}

/// What `outbound-rtp` and `media-source` say of the page's voice.
pub fn said(of: &Said) -> Pipeline {
    let mut source = json!({
        "audioLevel": of.energy.level,
        "totalAudioEnergy": of.energy.total,
        "totalSamplesDuration": of.energy.duration,
    });
    for (name, value) in [
        ("echoReturnLoss", of.echo.return_loss),
        ("echoReturnLossEnhancement", of.echo.enhancement),
    ] {
        if let Some(value) = value {
            source[name] = json!(value);
        }
    }
    Pipeline {
        rtp: members(json!({ "targetBitrate": of.bitrate })),
        source: Some(members(source)),
        ..Pipeline::default()
    }
}

fn members(of: Value) -> Map<String, Value> {
    match of {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
