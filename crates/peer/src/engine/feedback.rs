//! What RTCP says, in both directions, and the counting of what is sent.

use std::time::{Duration, Instant};

use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::shared::marshal::MarshalSize;

use super::counters::{Outbound, Sent};
use super::egress::Left;
use super::plan::Sending;
use super::tap::{Shared, Signal, lock};
use crate::rtp::wall::Mark;

/// Sender reports remembered to measure the round trip.
const REPORTS: usize = 8;

/// RTCP from the remote.
pub fn received(shared: &Shared, packets: &[Box<dyn rtcp::Packet>], now: Instant) {
    for packet in packets {
        let packet = packet.as_any();
        if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            key_frame(shared, pli.media_ssrc, |outbound| outbound.plis += 1);
        } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            for entry in &fir.fir {
                key_frame(shared, entry.ssrc, |outbound| outbound.firs += 1);
            }
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            with_outbound(shared, nack.media_ssrc, |outbound, _| outbound.nacks += 1);
        } else if let Some(remb) = packet.downcast_ref::<ReceiverEstimatedMaximumBitrate>() {
            lock(&shared.bandwidth).remb(f64::from(remb.bitrate));
            shared.retarget();
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            report.reports.iter().for_each(|report| reception(shared, report, now));
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            mark(shared, report);
            report.reports.iter().for_each(|report| reception(shared, report, now));
        }
    }
}

/// RTCP to the remote.
pub fn reported(shared: &Shared, packets: &[Box<dyn rtcp::Packet>], now: Instant) {
    for packet in packets {
        let packet = packet.as_any();
        if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            let mut counters = shared.counters();
            if let Some(inbound) = counters.inbound.values_mut().find(|one| one.ssrc == nack.media_ssrc) {
                inbound.nacks += 1;
            }
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            // The middle bits, which the remote echoes (RFC 3550, 6.4.1).
            let middle = (report.ntp_time >> 16) as u32;
            with_outbound(shared, report.ssrc, |outbound, _| {
                if outbound.reports.len() == REPORTS {
                    outbound.reports.remove(0);
                }
                outbound.reports.push((middle, now));
            });
        }
    }
}

/// A packet that leaves.
pub fn sent(shared: &Shared, packet: &rtp::Packet, left: Left) {
    let header = &packet.header;
    with_outbound(shared, header.ssrc, |outbound, stream| {
        let bytes = packet.payload.len() as u64;
        match left {
            Left::Media => {}
            Left::Again => {
                outbound.retransmitted_packets += 1;
                outbound.retransmitted_bytes += bytes;
            }
            // A probe is no part of the stream.
            Left::Filler => return,
        }
        outbound.ssrc = stream.ssrc;
        outbound.packets += 1;
        outbound.bytes += bytes;
        outbound.header_bytes += header.marshal_size() as u64;
    });
}

fn key_frame(shared: &Shared, ssrc: u32, count: impl FnOnce(&mut Outbound)) {
    let found = with_outbound(shared, ssrc, |outbound, stream| {
        count(outbound);
        stream.encoding
    });
    if let Some(encoding) = found {
        shared.signal(Signal::KeyFrame(encoding));
    }
}

fn mark(shared: &Shared, report: &SenderReport) {
    let mut counters = shared.counters();
    if let Some(inbound) = counters.inbound.values_mut().find(|one| one.ssrc == report.ssrc) {
        inbound.mark = Some(Mark {
            ntp: report.ntp_time,
            rtp: report.rtp_time,
        });
        inbound.sent = Some(Sent {
            packets: report.packet_count,
            bytes: report.octet_count,
            reports: inbound.sent.map_or(0, |sent| sent.reports) + 1,
            ntp: report.ntp_time,
        });
    }
}

fn reception(shared: &Shared, report: &ReceptionReport, now: Instant) {
    let fraction_lost = f64::from(report.fraction_lost) / 256.0;
    let tracked = with_outbound(shared, report.ssrc, |outbound, stream| {
        if report.ssrc == stream.repair_ssrc {
            return true;
        }
        let mut remote = outbound.remote.unwrap_or_default();
        remote.fraction_lost = fraction_lost;
        remote.lost = report.total_lost;
        remote.jitter = f64::from(report.jitter) / f64::from(stream.codecs.clock_rate(outbound.payload_type));
        let echoed = outbound
            .reports
            .iter()
            .find(|(middle, _)| *middle == report.last_sender_report);
        if let Some((_, sent)) = echoed {
            let held = Duration::from_secs_f64(f64::from(report.delay) / 65_536.0);
            let trip = now.saturating_duration_since(*sent).saturating_sub(held);
            remote.round_trip = Some(trip);
            remote.total_round_trip += trip;
            remote.measurements += 1;
        }
        outbound.remote = Some(remote);
        stream.codecs.transport_cc
    });
    // What the remote says of each packet of another stream says more of the path.
    let other = || shared.plan().sending.iter().any(|one| one.codecs.transport_cc);
    if tracked == Some(false) && !other() {
        lock(&shared.bandwidth).report(fraction_lost, now);
        shared.retarget();
    }
}

/// Finds what is sent under an SSRC, be it the media's or the repair's.
fn with_outbound<T>(shared: &Shared, ssrc: u32, f: impl FnOnce(&mut Outbound, &Sending) -> T) -> Option<T> {
    let plan = shared.plan();
    let stream = plan
        .sending
        .iter()
        .find(|one| one.ssrc == ssrc || one.repair_ssrc == ssrc)?;
    let mut counters = shared.counters();
    Some(f(counters.outbound.entry(stream.encoding).or_default(), stream))
}
