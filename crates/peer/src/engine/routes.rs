//! Which stream goes to which transceiver, and what the chain of interceptors was told of the streams.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rtc::interceptor::{Interceptor, StreamInfo};
use rtc::rtp;

use super::plan::{Plan, Receiving, stream_info};
use super::receive::Input;
use super::rids::Rids;
use super::shared::Shared;
use crate::jsep::codecs::Codecs;
use crate::wire::TransceiverId;

/// Streams that nobody has declared and that are known at once: a remote could invent them without end.
const FOUND: usize = 64;
/// SSRCs whose way is remembered.
const ROUTES: usize = 256;

/// Where a received stream goes.
#[derive(Clone)]
pub struct Route {
    pub transceiver: TransceiverId,
    /// The stream that this one repairs.
    pub repairs: Option<u32>,
    /// What its payload types mean.
    pub codecs: Arc<Codecs>,
    /// What is missing may be asked for.
    pub nack: bool,
    pub sink: tokio::sync::mpsc::Sender<Input>,
}

/// The streams of a connection.
#[derive(Default)]
pub struct Routes {
    /// What the chain was told, by the media's SSRC.
    local: HashMap<u32, StreamInfo>,
    remote: HashMap<u32, StreamInfo>,
    /// Those among the remote's that were found by what their packets say, the oldest first.
    found: VecDeque<u32>,
    routes: HashMap<u32, Route>,
    pub rids: Rids,
}

impl Routes {
    /// Whether a stream is received.
    pub fn receives(&self, ssrc: u32) -> bool {
        self.remote.contains_key(&ssrc)
    }

    /// How many streams are received.
    pub fn streams(&self) -> usize {
        self.remote.len()
    }

    /// Whether a received stream has none that repairs it.
    pub fn unrepaired(&self, ssrc: u32) -> bool {
        self.remote.get(&ssrc).is_some_and(|info| info.ssrc_rtx.is_none())
    }

    /// Introduces the streams of a plan to the chain and takes leave of others.
    pub fn refresh(&mut self, plan: &Plan, chain: &mut dyn Interceptor) {
        self.routes.clear();
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
        let wanted = |info: &StreamInfo| {
            let mut receiving = plan.receiving.iter();
            receiving.any(|one| one.codecs.of_payload_type(info.payload_type).is_some())
        };
        let undeclared = plan.receiving.iter().any(|one| one.sources.is_empty());
        self.found.retain(|ssrc| {
            let Some(info) = self.remote.get(ssrc).filter(|info| undeclared && wanted(info)) else {
                return false;
            };
            let declared = remote.contains_key(ssrc);
            if !declared {
                remote.insert(*ssrc, info.clone());
            }
            !declared
        });
        let differs = |one: &StreamInfo, other: &StreamInfo| format!("{one:?}") != format!("{other:?}");
        for (ssrc, info) in &self.local {
            if local.get(ssrc).is_none_or(|now| differs(now, info)) {
                chain.unbind_local_stream(info);
            }
        }
        for (ssrc, info) in &local {
            if self.local.get(ssrc).is_none_or(|former| differs(former, info)) {
                chain.bind_local_stream(info);
            }
        }
        for (ssrc, info) in &self.remote {
            if remote.get(ssrc).is_none_or(|now| differs(now, info)) {
                chain.unbind_remote_stream(info);
            }
        }
        for (ssrc, info) in &remote {
            if self.remote.get(ssrc).is_none_or(|former| differs(former, info)) {
                chain.bind_remote_stream(info);
            }
        }
        self.local = local;
        self.remote = remote;
    }

    /// What comes has so many ticks a second: by them the chain judges its jitter.
    pub fn clock(&mut self, ssrc: u32, rate: u32, chain: &mut dyn Interceptor) {
        if let Some(info) = self.remote.get_mut(&ssrc).filter(|info| info.clock_rate != rate) {
            chain.unbind_remote_stream(info);
            info.clock_rate = rate;
            chain.bind_remote_stream(info);
        }
    }

    /// Where a packet goes.
    pub fn route(&mut self, header: &rtp::Header, shared: &Shared, chain: &mut dyn Interceptor) -> Option<Route> {
        if let Some(route) = self.routes.get(&header.ssrc) {
            return Some(route.clone());
        }
        let (route, info) = find(&shared.plan(), header, &mut self.rids)?;
        if let Some(info) = info
            && !self.receives(info.ssrc)
        {
            if self.found.len() >= FOUND
                && let Some(oldest) = self.found.pop_front()
            {
                self.routes.remove(&oldest);
                if let Some(info) = self.remote.remove(&oldest) {
                    chain.unbind_remote_stream(&info);
                }
            }
            chain.bind_remote_stream(&info);
            self.found.push_back(info.ssrc);
            self.remote.insert(info.ssrc, info);
        }
        if self.routes.len() >= ROUTES {
            self.routes.clear();
        }
        self.routes.insert(header.ssrc, route.clone());
        Some(route)
    }
}

/// A stream is known by its declared SSRC, by its MID, or by being the only one of its payload type.
fn find(plan: &Plan, header: &rtp::Header, rids: &mut Rids) -> Option<(Route, Option<StreamInfo>)> {
    let ssrc = header.ssrc;
    let route = |one: &Receiving, repairs| Route {
        transceiver: one.transceiver,
        repairs,
        codecs: Arc::new(one.codecs.clone()),
        nack: one.codecs.nack,
        sink: one.sink.clone(),
    };
    for one in &plan.receiving {
        if one.sources.contains(&ssrc) {
            return Some((route(one, None), None));
        }
        if let Some((media, _)) = one.repairs.iter().find(|(_, repair)| *repair == ssrc) {
            return Some((route(one, Some(*media)), None));
        }
    }
    let by_mid = |one: &&Receiving| {
        let extension = one.codecs.mid_extension.and_then(|id| header.get_extension(id));
        extension.is_some_and(|mid| mid == one.mid.as_bytes())
    };
    let mut same = plan
        .receiving
        .iter()
        .filter(|one| one.codecs.of_payload_type(header.payload_type).is_some());
    let found = plan
        .receiving
        .iter()
        .find(by_mid)
        .or_else(|| same.next().filter(|_| same.next().is_none()))?;
    if found.codecs.repaired_by(header.payload_type).is_some() {
        let name = found.codecs.repaired_rid_extension?;
        let media = rids.find(found.transceiver, &header.get_extension(name)?)?;
        return Some((route(found, Some(media)), None));
    }
    found.codecs.of_payload_type(header.payload_type)?;
    let name = found.codecs.rid_extension.and_then(|id| header.get_extension(id));
    if let Some(name) = name {
        rids.named(ssrc, found.transceiver, name);
    }
    Some((route(found, None), Some(stream_info(&found.codecs, ssrc, None))))
}

fn repair_of(repairs: &[(u32, u32)], ssrc: u32) -> Option<u32> {
    repairs
        .iter()
        .find(|(media, _)| *media == ssrc)
        .map(|(_, repair)| *repair)
}
