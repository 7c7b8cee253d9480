//! Two taps, a wire that loses packets, and a clock of our own.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::shared::TransportContext;
use tokio::sync::mpsc;

use super::*;
use crate::engine::carrier::{carry, picture_loss};
use crate::engine::plan::{Plan, Receiving, Sending};
use crate::jsep::codecs::Codecs;
use crate::wire::{EncodingId, Kind};

const SSRC: u32 = 1_000;
const REPAIR: u32 = 1_001;
const STEP: Duration = Duration::from_millis(5);

struct Wire {
    sender: Tap,
    receiver: Tap,
    packets: mpsc::Receiver<Input>,
    signals: Arc<Mutex<Vec<Signal>>>,
    now: Instant,
    sent: usize,
}

impl Wire {
    fn new(declared: bool) -> Self {
        let signals = Arc::<Mutex<Vec<Signal>>>::default();
        let heard = Arc::clone(&signals);
        let sender = Shared::new(Box::new(move |signal| lock(&heard).push(signal)));
        let receiver = Shared::new(Box::new(|_| {}));
        let codecs = Codecs::proposal(Kind::Video);
        let (sink, packets) = mpsc::channel(10_000);
        let sending = Sending {
            encoding: EncodingId::only(1),
            mid: "m".to_owned(),
            rid: None,
            codecs: codecs.clone(),
            ssrc: SSRC,
            repair_ssrc: REPAIR,
        };
        let (sources, repairs) = if declared {
            (vec![SSRC], vec![(SSRC, REPAIR)])
        } else {
            (vec![], vec![])
        };
        let receiving = Receiving {
            transceiver: 2,
            mid: "m".to_owned(),
            codecs,
            sources,
            repairs,
            streams: Vec::new(),
            sink,
        };
        sender.set_plan(Plan {
            sending: vec![sending],
            receiving: vec![],
        });
        receiver.set_plan(Plan {
            sending: vec![],
            receiving: vec![receiving],
        });
        Self {
            sender: Tap::new(Arc::new(sender)),
            receiver: Tap::new(Arc::new(receiver)),
            packets,
            signals,
            now: Instant::now(),
            sent: 0,
        }
    }

    fn message(&self, packets: Vec<Box<dyn rtc::rtcp::Packet>>) -> TaggedPacket {
        TaggedPacket {
            now: self.now,
            transport: TransportContext::default(),
            message: Packet::Rtcp(packets).into(),
        }
    }

    fn send(&mut self, sequence_number: u16) {
        let mut header = rtp::Header {
            version: 2,
            marker: true,
            payload_type: 96,
            sequence_number,
            timestamp: u32::from(sequence_number) * 3_000,
            ssrc: SSRC,
            ..Default::default()
        };
        header.set_extension(4, Bytes::from_static(b"m")).unwrap();
        let payload = Bytes::from(sequence_number.to_be_bytes().to_vec());
        let message = self.message(carry(vec![rtp::Packet { header, payload }]));
        self.sender.handle_write(message).unwrap();
    }

    /// Moves time and packets; `lose` says which packets of media do not arrive.
    fn step(&mut self, lose: impl Fn(usize) -> bool) {
        self.now += STEP;
        self.sender.handle_timeout(self.now).unwrap();
        self.receiver.handle_timeout(self.now).unwrap();
        while let Some(mut msg) = self.sender.poll_write() {
            self.sent += 1;
            msg.now = self.now;
            if !matches!(msg.message.packet, Packet::Rtp(_)) || !lose(self.sent) {
                self.receiver.handle_read(msg).unwrap();
            }
        }
        assert!(self.receiver.poll_read().is_none());
        while let Some(mut msg) = self.receiver.poll_write() {
            msg.now = self.now;
            self.sender.handle_read(msg).unwrap();
        }
        assert!(self.sender.poll_read().is_none());
    }

    fn arrived(&mut self) -> Vec<u16> {
        let mut all: Vec<u16> = std::iter::from_fn(|| self.packets.try_recv().ok())
            .map(|input| match input {
                Input::Packet(packet, ..) => {
                    assert_eq!(&packet.payload[..], packet.sequence.to_be_bytes());
                    packet.sequence
                }
                Input::Voice(..) | Input::KeyFrameWanted => unreachable!(),
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[test]
fn what_is_lost_is_sent_again() {
    let mut wire = Wire::new(true);
    let all: Vec<u16> = (65_400..=65_535).chain(0..=300).collect();
    for number in &all {
        wire.send(*number);
        // Nobody misses the last one before something follows it.
        wire.step(|sent| *number != 300 && sent % 7 == 3);
    }
    (0..100).for_each(|_| wire.step(|_| false));
    let mut expected = all.clone();
    expected.sort_unstable();
    assert_eq!(wire.arrived(), expected);
    let lost = all.len() / 6;
    let shared = Arc::clone(&wire.receiver.shared);
    let counters = shared.counters();
    let inbound = &counters.inbound[&2];
    assert!(
        inbound.nacks > 0 && inbound.lost() == 0,
        "{} {}",
        inbound.nacks,
        inbound.lost()
    );
    // Each is sent again about once, not over and over.
    assert!(wire.sent < all.len() + 2 * lost, "{}", wire.sent);
    drop(counters);
    let counters = wire.sender.shared.counters();
    assert!(
        counters.outbound[&EncodingId::only(1)].retransmitted_packets > 0
            && counters.outbound[&EncodingId::only(1)].nacks > 0
    );
}

#[test]
fn a_stream_that_was_not_declared_is_known_by_its_mid() {
    let mut wire = Wire::new(false);
    for number in 0..20 {
        wire.send(number);
        wire.step(|_| false);
    }
    assert_eq!(wire.arrived().len(), 20);
}

#[test]
fn a_request_for_a_key_frame_reaches_the_sender() {
    let mut wire = Wire::new(true);
    wire.send(1);
    wire.step(|_| false);
    let message = wire.message(picture_loss(SSRC));
    assert!(
        matches!(&message.message.packet, Packet::Rtcp(packets) if packets[0].as_any().is::<PictureLossIndication>())
    );
    wire.receiver.handle_write(message).unwrap();
    wire.step(|_| false);
    assert!(lock(&wire.signals).contains(&Signal::KeyFrame(EncodingId::only(1))));
}

#[test]
fn heavy_loss_lowers_the_target() {
    let mut wire = Wire::new(true);
    for number in 0..1_000 {
        wire.send(number);
        wire.step(|sent| sent % 3 == 0);
    }
    let target = lock(&wire.sender.shared.bandwidth).target();
    assert!(target < crate::rtp::bandwidth::START, "{target}");
    assert!(lock(&wire.signals).iter().any(
        |signal| matches!(signal, Signal::Target(EncodingId { transceiver: 1, .. }, bitrate) if *bitrate < 700_000)
    ));
}

#[test]
fn streams_of_nobody_are_dropped_and_forgotten_plans_deliver_nothing() {
    let mut wire = Wire::new(true);
    wire.send(1);
    wire.step(|_| false);
    assert_eq!(wire.arrived().len(), 1);
    wire.receiver.shared.set_plan(Plan::default());
    wire.send(2);
    wire.step(|_| false);
    assert!(wire.arrived().is_empty());
}

#[test]
fn a_remote_that_invents_streams_does_not_fill_the_memory() {
    let mut wire = Wire::new(false);
    for ssrc in 0..5_000 {
        wire.now += STEP;
        let mut header = rtp::Header {
            version: 2,
            payload_type: 96,
            sequence_number: ssrc as u16,
            ssrc: 10_000 + ssrc,
            ..Default::default()
        };
        header.set_extension(4, Bytes::from_static(b"m")).unwrap();
        let payload = Bytes::from_static(&[0, 0]);
        let message = Packet::Rtp(rtp::Packet { header, payload }).into();
        let message = TaggedPacket {
            now: wire.now,
            transport: TransportContext::default(),
            message,
        };
        wire.receiver.handle_read(message).unwrap();
        assert!(wire.receiver.poll_read().is_none());
    }
    assert!(
        wire.receiver.routes.streams() <= 64,
        "{}",
        wire.receiver.routes.streams()
    );
    assert!(wire.receiver.missing.len() <= 128, "{}", wire.receiver.missing.len());
    // The one that goes on is heard.
    while wire.packets.try_recv().is_ok() {}
    for number in 0..20 {
        wire.send(number);
        wire.step(|_| false);
    }
    assert_eq!(wire.arrived().len(), 20);
}
