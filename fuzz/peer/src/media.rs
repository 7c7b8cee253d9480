//! RTP and RTCP of a remote, in time of our own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtp::{self, Header};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::marshal::{MarshalSize, Unmarshal};
use tokio::sync::mpsc;

use crate::audio::driver::Audio;
use crate::audio::{Arrived, BLOCK};
use crate::engine::carrier::carry;
use crate::engine::plan::{Plan, Receiving, Sending};
use crate::engine::receive::Input;
use crate::engine::show::Show;
use crate::engine::tap::{Shared, Tap};
use crate::heap;
use crate::jsep::codecs::Codecs;
use crate::rtp::format::VideoCodec;
use crate::rtp::pictures::Pictures;
use crate::wire::{EncodingId, Kind};

/// Bytes that may be held for all streams of this connection, whatever comes.
const MOST: usize = 24 << 20;
/// Packets and messages that may leave at once: what one message of the remote may cause.
const AT_ONCE: usize = 4_096;
/// Transceivers, and what they receive: a voice, a picture that was declared and one that was not.
const VOICE: u32 = 1;
const PICTURE: u32 = 2;
const SCREEN: u32 = 3;
/// Sources of ours.
const OURS: u32 = 100;

struct Scene {
    tap: Tap,
    shared: Arc<Shared>,
    audio: Arc<Audio>,
    queues: Vec<(u32, mpsc::Receiver<Input>)>,
    videos: Vec<(u32, Pictures, Show)>,
    now: Instant,
    signals: Arc<AtomicUsize>,
    sequence: u16,
}

/// Records: what happens and how much time goes by, then what it takes.
pub fn media(mut bytes: &[u8]) {
    let before = heap::held();
    let mut scene = Scene::new();
    let mut steps = 0_u32;
    while let [what, rest @ ..] = bytes {
        bytes = rest;
        steps += 1;
        scene.now += Duration::from_millis([0, 1, 5, 20, 60, 200, 1_000, 10_000][usize::from(what >> 5)]);
        match what & 7 {
            0 => {
                let datagram = take(&mut bytes);
                scene.rtp(datagram);
            }
            1 => {
                let datagram = take(&mut bytes);
                scene.rtcp(datagram.to_vec());
            }
            // With a head that fits: type and count, then the body.
            2 => {
                let [kind, count, of, rest @ ..] = bytes else { break };
                bytes = rest;
                let body = take(&mut bytes);
                scene.rtcp(report(*kind, *count, *of, body));
            }
            3 | 4 => {
                let Some((head, rest)) = bytes.split_first_chunk::<6>() else {
                    break;
                };
                bytes = rest;
                let payload = take(&mut bytes);
                scene.stream(head, payload);
            }
            5 => {
                let [count, rest @ ..] = bytes else { break };
                bytes = rest;
                scene.send(*count);
            }
            6 => scene.listen(),
            _ => {
                let [plan, rest @ ..] = bytes else { break };
                bytes = rest;
                scene.shared.set_plan(Scene::plan(*plan, &mut scene.queues));
            }
        }
        scene.settle();
    }
    let held = heap::held().saturating_sub(before);
    assert!(held < MOST, "{held} bytes are held after {steps} steps");
    assert!(scene.signals.load(Ordering::Relaxed) <= 10_000_000);
}

/// A length and so many bytes.
fn take<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = bytes.split_first() else {
        return &[];
    };
    let (own, rest) = rest.split_at(usize::from(*length).min(rest.len()));
    *bytes = rest;
    own
}

/// An RTCP packet of any kind whose length is right, about one of our sources.
fn report(kind: u8, count: u8, of: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80 | count & 0x1f, 200 + kind % 8, 0, 0];
    packet.extend(7_u32.to_be_bytes());
    packet.extend((OURS + u32::from(of % 4)).to_be_bytes());
    packet.extend(body);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let words = u16::try_from(packet.len() / 4 - 1).expect("a short packet");
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet
}

impl Scene {
    fn new() -> Self {
        let signals = Arc::<AtomicUsize>::default();
        let heard = Arc::clone(&signals);
        let shared = Arc::new(Shared::new(Box::new(move |_| {
            heard.fetch_add(1, Ordering::Relaxed);
        })));
        let mut queues = Vec::new();
        shared.set_plan(Self::plan(0xff, &mut queues));
        let audio = Arc::<Audio>::default();
        audio.duplex().open((1, VOICE));
        let videos = [PICTURE, SCREEN].map(|id| {
            let show = Show::new(1, id, Arc::clone(&shared), Arc::clone(&audio));
            (id, Pictures::default(), show)
        });
        Self {
            tap: Tap::new(Arc::clone(&shared)),
            shared,
            audio,
            queues,
            videos: videos.into(),
            now: Instant::now(),
            signals,
            sequence: 0,
        }
    }

    /// What is negotiated, by the bits of `what`.
    fn plan(what: u8, queues: &mut Vec<(u32, mpsc::Receiver<Input>)>) -> Plan {
        let mut plan = Plan::default();
        queues.clear();
        for (bit, id, kind) in [
            (1, VOICE, Kind::Audio),
            (2, PICTURE, Kind::Video),
            (4, SCREEN, Kind::Video),
        ] {
            if what & bit == 0 {
                continue;
            }
            let (sink, queue) = mpsc::channel(1_024);
            queues.push((id, queue));
            let declared = id != SCREEN;
            let mut codecs = Codecs::proposal(kind);
            codecs.complete(&VideoCodec::ALL, std::iter::empty());
            let mid = id.to_string();
            plan.receiving.push(Receiving {
                transceiver: id,
                mid: mid.clone(),
                codecs: codecs.clone(),
                sources: if declared { vec![id * 10] } else { Vec::new() },
                repairs: if declared && kind == Kind::Video {
                    vec![(id * 10, id * 10 + 1)]
                } else {
                    Vec::new()
                },
                streams: vec!["stream".to_owned()],
                sink,
            });
            if what & 8 != 0 {
                plan.sending.push(Sending {
                    encoding: EncodingId::only(id),
                    mid,
                    rid: None,
                    codecs,
                    ssrc: OURS + 2 * (id % 2),
                    repair_ssrc: OURS + 2 * (id % 2) + 1,
                });
            }
        }
        plan
    }

    fn message(&self, packet: Packet) -> TaggedPacket {
        TaggedPacket {
            now: self.now,
            transport: TransportContext::default(),
            message: packet.into(),
        }
    }

    fn read(&mut self, packet: Packet) {
        let message = self.message(packet);
        // What a remote sends may be refused.
        drop(self.tap.handle_read(message));
        assert!(self.tap.poll_read().is_none());
    }

    fn rtp(&mut self, datagram: &[u8]) {
        if let Ok(packet) = rtp::Packet::unmarshal(&mut Bytes::copy_from_slice(datagram)) {
            self.read(Packet::Rtp(packet));
        }
    }

    fn rtcp(&mut self, datagram: Vec<u8>) {
        if let Ok(packets) = rtc::rtcp::packet::unmarshal(&mut Bytes::from(datagram)) {
            self.read(Packet::Rtcp(packets));
        }
    }

    /// Many packets of one stream, or of as many.
    fn stream(&mut self, head: &[u8; 6], payload: &[u8]) {
        let [source, number, more, count, step, times] = *head;
        for index in 0..u32::from(count) + 1 {
            let (payload_type, ssrc) = match source % 8 {
                0 => (111, VOICE * 10),
                1 => (96, PICTURE * 10),
                2 => (97, PICTURE * 10 + 1),
                3 => (96, 77),
                // One source after the other, known by its MID.
                4 => (96, 1_000 + u32::from(number) * 256 + index),
                5 => (111, 1_000_000 + u32::from(number) * 256 + index),
                6 => (97, 77),
                _ => (96, PICTURE * 10),
            };
            // VP8, VP9 and H.264, by the time that the packets bear.
            let payload_type = match payload_type {
                video @ (96 | 97) => video + [0, 2, 6][usize::from(times) % 3],
                other => other,
            };
            let steps = index * u32::from(step);
            let mut header = Header {
                version: 2,
                marker: more & 1 != 0 || index == u32::from(count),
                payload_type,
                sequence_number: (u16::from(number) << 8).wrapping_add(steps as u16),
                timestamp: u32::from(times) << 24 | (index / 4) * 3_000,
                ssrc,
                ..Header::default()
            };
            if source & 8 != 0 {
                let mid = [VOICE, PICTURE, SCREEN][usize::from(source >> 4) % 3].to_string();
                drop(header.set_extension(4, Bytes::from(mid)));
            }
            if source & 128 != 0 {
                drop(header.set_extension(3, Bytes::copy_from_slice(&(index as u16).to_be_bytes())));
            }
            let payload = Bytes::copy_from_slice(payload);
            self.read(Packet::Rtp(rtp::Packet { header, payload }));
            if more & 2 != 0 {
                self.now += Duration::from_millis(u64::from(more >> 2));
                self.settle();
            }
        }
    }

    /// We send pictures, so that there is something to report on.
    fn send(&mut self, count: u8) {
        let sending = self.shared.plan().sending.first().cloned();
        let Some(one) = sending else { return };
        for _ in 0..count % 32 {
            self.sequence = self.sequence.wrapping_add(1);
            let header = Header {
                version: 2,
                payload_type: one.codecs.first.payload_type,
                sequence_number: self.sequence,
                ssrc: one.ssrc,
                ..Header::default()
            };
            let payload = Bytes::from(vec![0; 1_000]);
            let message = self.message(Packet::Rtcp(carry(vec![rtp::Packet { header, payload }])));
            self.tap.handle_write(message).expect("our own packet");
        }
    }

    /// 10 ms of the voice are played.
    fn listen(&mut self) {
        let mut payload = vec![0, 1, 0, 0];
        payload.extend(1_u32.to_le_bytes());
        payload.extend(VOICE.to_le_bytes());
        payload.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        let tick = crate::audio::message::Tick::parse(payload.into()).expect("a tick");
        let (_, voices) = self.audio.duplex().tick(&tick, 0);
        assert_eq!(voices.expect("what was wanted").len(), 16 + 2 * 2 * BLOCK);
    }

    /// Lets everything happen that is due.
    fn settle(&mut self) {
        drop(self.tap.handle_timeout(self.now));
        let mut bytes = 0;
        for sent in 0.. {
            assert!(sent < AT_ONCE, "there is no end to what leaves");
            let Some(message) = self.tap.poll_write() else { break };
            bytes += match &message.message.packet {
                Packet::Rtp(packet) => packet.marshal_size(),
                Packet::Rtcp(packets) => packets.iter().map(|one| one.marshal_size()).sum(),
                _ => 0,
            };
        }
        assert!(bytes < 8 << 20, "{bytes} bytes leave at once");
        let due = self.tap.poll_timeout();
        assert!(
            due.is_none_or(|at| at + Duration::from_secs(5) > self.now),
            "a deadline that has passed"
        );
        let now = self.now;
        for (id, queue) in &mut self.queues {
            while let Ok(input) = queue.try_recv() {
                match input {
                    Input::Packet(packet, at, source) => {
                        let Some((_, order, show)) = self.videos.iter_mut().find(|(of, ..)| of == id) else {
                            continue;
                        };
                        // Whatever the codec, what is read of a payload is part of it.
                        for codec in VideoCodec::ALL {
                            let joined = codec.join(std::iter::once(&packet.payload));
                            assert!(joined.len() <= 3 * packet.payload.len() + 4, "{codec:?}");
                        }
                        if order.push(packet, source, at) {
                            show.restart();
                        }
                    }
                    Input::Voice(packet, at, _, codec) => {
                        let arrived = Arrived {
                            codec,
                            sequence: packet.sequence,
                            timestamp: packet.timestamp,
                            at,
                        };
                        self.audio.duplex().packet((1, *id), arrived, packet.payload);
                    }
                    Input::KeyFrameWanted => {}
                }
            }
        }
        for (_, order, show) in &mut self.videos {
            while let Some(frame) = order.poll(now) {
                frame.source.codec.dimensions(&frame.payload);
                show.take(frame, now);
            }
            while show.due(now).is_some() {}
            order.ask(now);
            assert!(
                order.deadline(now).is_none_or(|at| at > now),
                "a frame's deadline that has passed"
            );
        }
    }
}
