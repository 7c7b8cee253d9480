//! Where RTP and RTCP pass between the engine's connection and this crate: the only interceptor the connection knows.
//!
//! Inside it is a chain of the engine's interceptors (reports and feedback on what arrives), to which the tap introduces
//! the streams that were negotiated. Coming in, retransmissions are unwrapped, what is missing is asked for again, and
//! frames' packets leave to their transceiver. Going out, carried packets are unpacked and pass the egress. It runs
//! on the connection's driver and never waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{
    Interceptor, Packet, ReceiverReportBuilder, Registry, Slot, StreamInfo, TaggedPacket, TwccReceiverBuilder,
};
use rtc::rtcp;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;

use super::carrier::Carried;
use super::egress::{self, Egress};
use super::feedback;
use super::receive::Input;
use super::reports::Reports;
use super::routes::{Route, Routes};
pub use super::shared::{Shared, Signal, lock};
use crate::rtp::Source;
use crate::rtp::codec::Codec;
use crate::rtp::missing::Missing;

/// Between two reports on what arrived, to a remote that controls its congestion.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(60);
/// Streams that are forgotten late.
const MISSING: usize = 64;

/// The interceptor.
pub struct Tap {
    chain: Box<dyn Interceptor>,
    shared: Arc<Shared>,
    version: u64,
    egress: Egress,
    reports: Reports,
    /// What is missing of the received streams, by SSRC.
    missing: HashMap<u32, Missing>,
    /// RTCP of ours that waits to leave.
    requests: VecDeque<TaggedPacket>,
    /// The time as it was last told.
    now: Instant,
    routes: Routes,
}

impl Tap {
    pub fn new(shared: Arc<Shared>) -> Self {
        let feedback = TwccReceiverBuilder::new().with_interval(FEEDBACK_INTERVAL).build();
        let chain = Registry::new()
            .with(Slot::TwccReceiver, feedback)
            .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
            .build();
        Self {
            chain: Box::new(chain),
            egress: Egress::new(Arc::clone(&shared)),
            reports: Reports::default(),
            shared,
            version: 0,
            missing: HashMap::new(),
            requests: VecDeque::new(),
            now: Instant::now(),
            routes: Routes::default(),
        }
    }

    /// Takes over a new plan.
    fn refresh(&mut self) {
        let version = self.shared.version();
        if version == self.version {
            return;
        }
        self.version = version;
        let shared = Arc::clone(&self.shared);
        let plan = shared.plan();
        self.egress.refresh(&plan);
        self.routes.refresh(&plan, &mut *self.chain);
        self.missing.retain(|ssrc, _| self.routes.receives(*ssrc));
    }

    fn route(&mut self, header: &rtp::Header) -> Option<Route> {
        let route = self.routes.route(header, &self.shared, &mut *self.chain);
        if self.missing.len() > self.routes.streams() + MISSING {
            self.missing.retain(|ssrc, _| self.routes.receives(*ssrc));
        }
        route
    }

    fn received(&mut self, mut msg: TaggedPacket) -> Result<(), Error> {
        let Packet::Rtp(packet) = &mut msg.message.packet else {
            return Ok(());
        };
        // Transport-wide feedback covers every packet: one left out would look lost, and the remote would slow down.
        let Some(route) = self.route(&packet.header) else {
            return self.chain.handle_read(msg);
        };
        let header_size = packet.header.marshal_size();
        let repaired = route.repairs.is_some();
        if let Some(ssrc) = route.repairs {
            // RFC 4588: the original number comes first. Without one it is padding.
            let format = route.codecs.repaired_by(packet.header.payload_type);
            let Some((original, format)) = packet.payload.first_chunk::<2>().zip(format) else {
                return self.chain.handle_read(msg);
            };
            packet.header.sequence_number = u16::from_be_bytes(*original);
            packet.header.ssrc = ssrc;
            packet.header.payload_type = format.payload_type;
            packet.payload = packet.payload.slice(2..);
        } else if route.codecs.of_payload_type(packet.header.payload_type).is_none() {
            return Ok(());
        }
        let ssrc = packet.header.ssrc;
        let rate = route.codecs.clock_rate(Some(packet.header.payload_type));
        self.routes.clock(ssrc, rate, &mut *self.chain);
        if !self.routes.rids.came(ssrc, route.transceiver, msg.now) {
            return self.chain.handle_read(msg);
        }
        // Without a repair stream nobody can tell.
        let again = repaired || self.routes.unrepaired(ssrc);
        let fresh = !route.nack || {
            let missing = self.missing.entry(ssrc).or_default();
            missing.arrived(packet.header.sequence_number, again, msg.now)
        };
        {
            let mut counters = self.shared.counters();
            let inbound = counters.inbound.entry(route.transceiver).or_default();
            inbound.ssrc = ssrc;
            inbound.payload_type = packet.header.payload_type;
            if !fresh {
                inbound.duplicates += 1;
                drop(counters);
                return self.chain.handle_read(msg);
            }
            let sizes = (header_size, packet.payload.len());
            let header = &packet.header;
            inbound.packet(header.sequence_number, header.timestamp, rate, sizes, repaired, msg.now);
        }
        self.chain.handle_read(msg)
    }

    /// Answers what the remote says of what was sent.
    fn answer(&mut self, packets: &[Box<dyn rtcp::Packet>], now: Instant) {
        for packet in packets {
            if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() {
                self.egress.asked(nack, now);
            } else if let Some(feedback) = packet.as_any().downcast_ref::<TransportLayerCc>() {
                lock(&self.shared.bandwidth).feedback(&egress::feedback(feedback), now);
                self.shared.retarget();
            }
        }
    }

    /// Asks for what is missing.
    fn request(&mut self, now: Instant) {
        let mut nacks = Vec::new();
        for (ssrc, missing) in &mut self.missing {
            let due = missing.due(now);
            if due.is_empty() {
                continue;
            }
            let mut counters = self.shared.counters();
            if let Some(inbound) = counters.inbound.values_mut().find(|one| one.ssrc == *ssrc) {
                inbound.repair_trip = Some(missing.round_trip());
            }
            drop(counters);
            nacks.push(TransportLayerNack {
                sender_ssrc: 1,
                media_ssrc: *ssrc,
                nacks: nack_pairs_from_sequence_numbers(&due),
            });
        }
        nacks.into_iter().for_each(|nack| self.ask(Box::new(nack), now));
    }

    fn ask(&mut self, packet: Box<dyn rtcp::Packet>, now: Instant) {
        self.requests.push_back(TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: Packet::Rtcp(vec![packet]).into(),
        });
    }

    /// Hands a packet that has passed the chain to its transceiver.
    fn deliver(&mut self, packet: rtp::Packet, now: Instant) {
        let ssrc = packet.header.ssrc;
        let Some(route) = self.route(&packet.header).filter(|route| route.repairs.is_none()) else {
            return;
        };
        if !self.routes.rids.shows(ssrc, route.transceiver) {
            return;
        }
        let Some(format) = route.codecs.of_payload_type(packet.header.payload_type) else {
            return;
        };
        let packet = crate::rtp::Packet {
            sequence: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: packet.payload,
        };
        let input = match format.codec {
            Codec::Audio(codec) => Input::Voice(packet, now, ssrc, codec),
            Codec::Video(codec) => Input::Packet(packet, now, Source { ssrc, codec }),
        };
        if route.sink.try_send(input).is_err() {
            tracing::debug!(transceiver = route.transceiver, "a packet found its queue full");
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        self.now = self.now.max(msg.now);
        self.refresh();
        if let Packet::Rtcp(packets) = &msg.message.packet {
            feedback::received(&self.shared, packets, msg.now);
            self.answer(packets, msg.now);
            return self.chain.handle_read(msg);
        }
        self.received(msg)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        while let Some(msg) = self.chain.poll_read() {
            if let Packet::Rtp(packet) = msg.message.packet {
                self.deliver(packet, msg.now);
            }
        }
        None
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        self.now = self.now.max(msg.now);
        self.refresh();
        let Packet::Rtcp(packets) = &msg.message.packet else {
            return self.chain.handle_write(msg);
        };
        if packets.is_empty() {
            return Ok(());
        }
        if !packets.iter().any(|packet| packet.as_any().is::<Carried>()) {
            return self.chain.handle_write(msg);
        }
        for packet in packets {
            if let Some(Carried(packet)) = packet.as_any().downcast_ref() {
                let message = Packet::Rtp(packet.clone()).into();
                self.chain.handle_write(TaggedPacket {
                    now: msg.now,
                    transport: msg.transport,
                    message,
                })?;
            }
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        while let Some(msg) = self.requests.pop_front().or_else(|| self.chain.poll_write()) {
            match msg.message.packet {
                Packet::Rtp(packet) => {
                    self.reports.sending(self.now);
                    self.egress.push(packet);
                }
                Packet::Rtcp(ref packets) => {
                    feedback::reported(&self.shared, packets, msg.now);
                    return Some(msg);
                }
                _ => return Some(msg),
            }
        }
        let (msg, left) = self.egress.pop(self.now)?;
        if let Packet::Rtp(packet) = &msg.message.packet {
            feedback::sent(&self.shared, packet, left);
        }
        Some(msg)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.now = self.now.max(now);
        self.refresh();
        self.request(now);
        for report in self.reports.due(&self.shared, now) {
            self.ask(Box::new(report), now);
        }
        self.chain.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let missing = self.missing.values().filter_map(Missing::deadline).min();
        let ours = [self.egress.deadline(), self.reports.deadline(), missing];
        ours.into_iter().chain([self.chain.poll_timeout()]).flatten().min()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.chain.close()
    }
}

/// The engine's own streams carry nothing; the negotiated ones come by the plan.
impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tests;
