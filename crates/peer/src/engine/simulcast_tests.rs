//! The layers of a simulcast on the wire, between two taps: what their packets say, how they are sent again and asked
//! for, and what becomes of them at an end that wanted none.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use tokio::sync::mpsc;

use super::carrier::{carry, picture_loss};
use super::plan::{Plan, Receiving, Sending};
use super::receive::Input;
use super::send::packet;
use super::tap::{Shared, Signal, Tap, lock};
use crate::jsep::codecs::Codecs;
use crate::wire::{EncodingId, Kind};

const RIDS: [&str; 3] = ["q", "h", "f"];

fn layers() -> Vec<Sending> {
    let layer = |(layer, rid): (u8, &str)| Sending {
        encoding: EncodingId { transceiver: 1, layer },
        mid: "m".to_owned(),
        rid: Some(rid.to_owned()),
        codecs: Codecs::proposal(Kind::Video),
        ssrc: 1_000 + u32::from(layer),
        repair_ssrc: 2_000 + u32::from(layer),
    };
    (0..).zip(RIDS).map(layer).collect()
}

fn message(packets: Vec<Box<dyn rtc::rtcp::Packet>>, now: Instant) -> TaggedPacket {
    TaggedPacket {
        now,
        transport: TransportContext::default(),
        message: Packet::Rtcp(packets).into(),
    }
}

/// Everything of media that leaves until `now`.
fn leaving(tap: &mut Tap, now: Instant) -> Vec<rtp::Packet> {
    tap.handle_timeout(now).unwrap();
    let all = std::iter::from_fn(|| tap.poll_write());
    let media = all.filter_map(|msg| match msg.message.packet {
        Packet::Rtp(packet) => Some(packet),
        _ => None,
    });
    media.collect()
}

fn says(packet: &rtp::Packet, id: Option<u8>) -> Option<Bytes> {
    packet.header.get_extension(id.unwrap())
}

#[test]
fn layers_have_names_and_are_sent_again_and_asked_for_one_by_one() {
    let signals = Arc::<Mutex<Vec<Signal>>>::default();
    let heard = Arc::clone(&signals);
    let shared = Shared::new(Box::new(move |signal| lock(&heard).push(signal)));
    let sending = layers();
    shared.set_plan(Plan {
        sending: sending.clone(),
        receiving: vec![],
    });
    let mut tap = Tap::new(Arc::new(shared));
    let mut now = Instant::now();
    for (layer, number) in sending.iter().zip([5, 6, 7]) {
        let one = packet(layer, number, 90, true, Bytes::from_static(b"picture"));
        tap.handle_write(message(carry(vec![one]), now)).unwrap();
    }
    now += Duration::from_millis(5);
    let sent = leaving(&mut tap, now);
    let codecs = &sending[0].codecs;
    assert_eq!(sent.len(), 3);
    for ((packet, layer), rid) in sent.iter().zip(&sending).zip(RIDS) {
        assert_eq!(packet.header.ssrc, layer.ssrc);
        assert_eq!(says(packet, codecs.mid_extension).as_deref(), Some(&b"m"[..]));
        assert_eq!(says(packet, codecs.rid_extension).as_deref(), Some(rid.as_bytes()));
        assert_eq!(says(packet, codecs.repaired_rid_extension), None);
    }

    now += Duration::from_millis(100);
    let nack = TransportLayerNack {
        sender_ssrc: 1,
        media_ssrc: sending[1].ssrc,
        nacks: nack_pairs_from_sequence_numbers(&[6]),
    };
    tap.handle_read(message(vec![Box::new(nack)], now)).unwrap();
    let again = leaving(&mut tap, now);
    let [again] = &again[..] else { panic!("{again:?}") };
    assert_eq!(again.header.ssrc, sending[1].repair_ssrc);
    assert_eq!(again.payload[..2], 6_u16.to_be_bytes());
    assert_eq!(says(again, codecs.mid_extension).as_deref(), Some(&b"m"[..]));
    assert_eq!(says(again, codecs.repaired_rid_extension).as_deref(), Some(&b"h"[..]));
    assert_eq!(says(again, codecs.rid_extension), None);

    tap.handle_read(message(picture_loss(sending[2].ssrc), now)).unwrap();
    let (transceiver, layer) = (1, 2);
    assert!(lock(&signals).contains(&Signal::KeyFrame(EncodingId { transceiver, layer })));
}

#[test]
fn layers_that_nobody_asked_for_are_not_mixed_and_still_repaired() {
    let shared = Shared::new(Box::new(|_| {}));
    let (sink, mut packets) = mpsc::channel(64);
    let codecs = Codecs::proposal(Kind::Video);
    shared.set_plan(Plan {
        sending: vec![],
        receiving: vec![Receiving {
            transceiver: 4,
            mid: "m".to_owned(),
            codecs: codecs.clone(),
            sources: vec![],
            repairs: vec![],
            streams: vec![],
            sink,
        }],
    });
    let mut tap = Tap::new(Arc::new(shared));
    let now = Instant::now();
    let mut arrive = |packet: rtp::Packet| {
        let message = TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: Packet::Rtp(packet).into(),
        };
        tap.handle_read(message).unwrap();
        assert!(tap.poll_read().is_none());
    };
    for number in [1, 3] {
        for layer in layers() {
            arrive(packet(
                &layer,
                number,
                90,
                true,
                Bytes::copy_from_slice(&[layer.encoding.layer]),
            ));
        }
    }
    // The second packet of each layer comes by its repair stream.
    for layer in layers() {
        let mut again = packet(
            &layer,
            1,
            90,
            true,
            Bytes::copy_from_slice(&[0, 2, layer.encoding.layer]),
        );
        again.header.ssrc = layer.repair_ssrc;
        again.header.payload_type = codecs.first.repair.unwrap();
        again.header.del_extension(codecs.rid_extension.unwrap()).unwrap();
        let name = Bytes::copy_from_slice(layer.rid.unwrap().as_bytes());
        again
            .header
            .set_extension(codecs.repaired_rid_extension.unwrap(), name)
            .unwrap();
        arrive(again);
    }
    let mut got = Vec::new();
    while let Ok(Input::Packet(packet, _, source)) = packets.try_recv() {
        got.push((packet.sequence, source.ssrc, packet.payload[0]));
    }
    assert_eq!(got, [(1, 1_000, 0), (3, 1_000, 0), (2, 1_000, 0)]);
}
