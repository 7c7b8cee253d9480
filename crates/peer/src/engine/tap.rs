//! Where RTP and RTCP pass between the engine's connection and this crate: the only interceptor the connection knows.
//!
//! Inside it is a chain of the engine's interceptors (reports and feedback on what arrives), to which the tap introduces
//! the streams that were negotiated. Coming in, retransmissions are unwrapped, what is missing is asked for again, and
//! frames' packets leave to their transceiver. Going out, carried packets are unpacked and pass the egress. It runs
//! on the connection's driver and never waits.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use super::counters::Counters;
use super::egress::{self, Egress};
use super::feedback;
use super::plan::{Plan, stream_info};
use super::receive::Input;
use super::reports::Reports;
use super::shares::shares;
use crate::rtp::bandwidth::Bandwidth;
use crate::rtp::missing::Missing;
use crate::rtp::wall::CaptureClock;
use crate::wire::TransceiverId;

/// Between two reports on what arrived, to a remote that controls its congestion.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(60);

/// What the tap tells the connection's owner; called on the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The remote wants a key frame.
    KeyFrame(TransceiverId),
    /// A key frame has been sent: the next request is a new one.
    KeyFrameSent(TransceiverId),
    /// An encoder's new bitrate, in bits per second.
    Target(TransceiverId, u32),
}

/// What the tap shares with the rest of the connection.
pub struct Shared {
    plan: Mutex<Plan>,
    version: AtomicU64,
    counters: Mutex<Counters>,
    pub bandwidth: Mutex<Bandwidth>,
    /// The page's clock.
    pub clock: Mutex<CaptureClock>,
    signal: Box<dyn Fn(Signal) + Send + Sync>,
}

impl Shared {
    pub fn new(signal: Box<dyn Fn(Signal) + Send + Sync>) -> Self {
        Self {
            plan: Mutex::default(),
            version: AtomicU64::new(1),
            counters: Mutex::default(),
            bandwidth: Mutex::default(),
            clock: Mutex::default(),
            signal,
        }
    }

    pub fn set_plan(&self, plan: Plan) {
        *lock(&self.plan) = plan;
        self.version.fetch_add(1, Ordering::Release);
    }

    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.plan)
    }

    pub fn counters(&self) -> MutexGuard<'_, Counters> {
        lock(&self.counters)
    }

    pub fn signal(&self, signal: Signal) {
        (self.signal)(signal);
    }

    /// More than so many bits per second are of no use to an encoder.
    pub fn want(&self, transceiver: TransceiverId, bitrate: u32) {
        self.counters().outbound.entry(transceiver).or_default().wanted = Some(bitrate);
        self.retarget();
    }

    /// Divides what the path takes among the encoders, and tells those for which that is news.
    pub fn retarget(&self) {
        let plan = self.plan();
        let mut counters = self.counters();
        let wanted = |transceiver| counters.outbound.get(&transceiver).and_then(|one| one.wanted);
        let senders: Vec<_> = plan
            .sending
            .iter()
            .map(|one| (one.transceiver, one.codecs.kind, wanted(one.transceiver)))
            .collect();
        drop(plan);
        let all = {
            let mut bandwidth = lock(&self.bandwidth);
            let all = shares(&senders, bandwidth.target(), bandwidth.loss());
            bandwidth.want(all.wanted);
            all
        };
        let mut news = Vec::new();
        for (transceiver, share) in all.shares {
            let told = &mut counters.outbound.entry(transceiver).or_default().target;
            if told.is_none_or(|told| share.abs_diff(told) > told / 20) {
                *told = Some(share);
                news.push(Signal::Target(transceiver, share));
            }
        }
        drop(counters);
        news.into_iter().for_each(|one| self.signal(one));
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    /// What the chain was told, by the media's SSRC.
    local: HashMap<u32, StreamInfo>,
    remote: HashMap<u32, StreamInfo>,
    routes: HashMap<u32, Route>,
}

/// Where a received stream goes.
#[derive(Clone)]
struct Route {
    transceiver: TransceiverId,
    /// The stream that this one repairs, with its payload type.
    repairs: Option<(u32, u8)>,
    /// What is missing may be asked for.
    nack: bool,
    rate: u32,
    sink: tokio::sync::mpsc::Sender<Input>,
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
            local: HashMap::new(),
            remote: HashMap::new(),
            routes: HashMap::new(),
        }
    }

    /// Introduces new streams to the chain and forgets old ones.
    fn refresh(&mut self) {
        let version = self.shared.version.load(Ordering::Acquire);
        if version == self.version {
            return;
        }
        self.version = version;
        self.routes.clear();
        let shared = Arc::clone(&self.shared);
        let plan = shared.plan();
        self.egress.refresh(&plan);
        let mut local = HashMap::new();
        for one in &plan.sending {
            local.insert(one.ssrc, stream_info(&one.codecs, one.ssrc, Some(one.repair_ssrc)));
        }
        let mut remote = HashMap::new();
        for one in &plan.receiving {
            for (ssrc, repair) in one.sources.iter().map(|ssrc| (*ssrc, repair_of(&one.repairs, *ssrc))) {
                remote.insert(ssrc, stream_info(&one.codecs, ssrc, repair));
            }
        }
        // Streams that were found by their MID stay as long as their transceiver receives.
        let mids = |info: &StreamInfo| {
            plan.receiving
                .iter()
                .any(|one| one.codecs.payload_type == info.payload_type)
        };
        for (ssrc, info) in &self.remote {
            if !remote.contains_key(ssrc) && plan.receiving.iter().any(|one| one.sources.is_empty()) && mids(info) {
                remote.insert(*ssrc, info.clone());
            }
        }
        let differs = |one: &StreamInfo, other: &StreamInfo| format!("{one:?}") != format!("{other:?}");
        for (ssrc, info) in &self.local {
            if local.get(ssrc).is_none_or(|now| differs(now, info)) {
                self.chain.unbind_local_stream(info);
            }
        }
        for (ssrc, info) in &local {
            if self.local.get(ssrc).is_none_or(|former| differs(former, info)) {
                self.chain.bind_local_stream(info);
            }
        }
        for (ssrc, info) in &self.remote {
            if remote.get(ssrc).is_none_or(|now| differs(now, info)) {
                self.chain.unbind_remote_stream(info);
            }
        }
        for (ssrc, info) in &remote {
            if self.remote.get(ssrc).is_none_or(|former| differs(former, info)) {
                self.chain.bind_remote_stream(info);
            }
        }
        drop(plan);
        self.local = local;
        self.remote = remote;
        self.missing.retain(|ssrc, _| self.remote.contains_key(ssrc));
    }

    fn route(&mut self, header: &rtp::Header) -> Option<Route> {
        if let Some(route) = self.routes.get(&header.ssrc) {
            return Some(route.clone());
        }
        let (route, info) = self.find(header)?;
        if let Some(info) = info
            && !self.remote.contains_key(&info.ssrc)
        {
            self.chain.bind_remote_stream(&info);
            self.remote.insert(info.ssrc, info);
        }
        // A remote could invent streams without end.
        if self.routes.len() >= 256 {
            self.routes.clear();
        }
        self.routes.insert(header.ssrc, route.clone());
        Some(route)
    }

    /// A stream is known by its declared SSRC, by its MID, or by being the only one of its payload type.
    fn find(&self, header: &rtp::Header) -> Option<(Route, Option<StreamInfo>)> {
        let plan = self.shared.plan();
        let ssrc = header.ssrc;
        let route = |one: &super::plan::Receiving, repairs| Route {
            transceiver: one.transceiver,
            repairs,
            nack: one.codecs.nack,
            rate: one.codecs.clock_rate(),
            sink: one.sink.clone(),
        };
        for one in &plan.receiving {
            if one.sources.contains(&ssrc) {
                return Some((route(one, None), None));
            }
            if let Some((media, _)) = one.repairs.iter().find(|(_, repair)| *repair == ssrc) {
                return Some((route(one, Some((*media, one.codecs.payload_type))), None));
            }
        }
        let by_mid = |one: &&super::plan::Receiving| {
            let extension = one.codecs.mid_extension.and_then(|id| header.get_extension(id));
            extension.is_some_and(|mid| mid == one.mid.as_bytes())
        };
        let mut same = plan
            .receiving
            .iter()
            .filter(|one| one.codecs.payload_type == header.payload_type);
        let found = plan
            .receiving
            .iter()
            .find(by_mid)
            .or_else(|| same.next().filter(|_| same.next().is_none()))?;
        if header.payload_type != found.codecs.payload_type {
            return None;
        }
        Some((route(found, None), Some(stream_info(&found.codecs, ssrc, None))))
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
        if let Some((ssrc, payload_type)) = route.repairs {
            // RFC 4588: the original number comes first. Without one it is padding.
            let Some(original) = packet.payload.first_chunk::<2>() else {
                return self.chain.handle_read(msg);
            };
            packet.header.sequence_number = u16::from_be_bytes(*original);
            packet.header.ssrc = ssrc;
            packet.header.payload_type = payload_type;
            packet.payload = packet.payload.slice(2..);
        } else if self
            .remote
            .get(&packet.header.ssrc)
            .is_some_and(|info| info.payload_type != packet.header.payload_type)
        {
            return Ok(());
        }
        let ssrc = packet.header.ssrc;
        // Without a repair stream nobody can tell.
        let again = repaired || self.remote.get(&ssrc).is_some_and(|info| info.ssrc_rtx.is_none());
        let fresh = !route.nack || {
            let missing = self.missing.entry(ssrc).or_default();
            missing.arrived(packet.header.sequence_number, again, msg.now)
        };
        {
            let mut counters = self.shared.counters();
            let inbound = counters.inbound.entry(route.transceiver).or_default();
            inbound.ssrc = ssrc;
            if !fresh {
                inbound.duplicates += 1;
                drop(counters);
                return self.chain.handle_read(msg);
            }
            let sizes = (header_size, packet.payload.len());
            let header = &packet.header;
            inbound.packet(
                header.sequence_number,
                header.timestamp,
                route.rate,
                sizes,
                repaired,
                msg.now,
            );
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
        let Some(route) = self.route(&packet.header).filter(|route| route.repairs.is_none()) else {
            return;
        };
        let input = Input::Packet(
            crate::rtp::Packet {
                sequence: packet.header.sequence_number,
                timestamp: packet.header.timestamp,
                marker: packet.header.marker,
                payload: packet.payload,
            },
            now,
            packet.header.ssrc,
        );
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

fn repair_of(repairs: &[(u32, u32)], ssrc: u32) -> Option<u32> {
    repairs
        .iter()
        .find(|(media, _)| *media == ssrc)
        .map(|(_, repair)| *repair)
}

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tests;
