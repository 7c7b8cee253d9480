//! What the tap shares with the rest of its connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counters::Counters;
use super::plan::{Plan, Sending};
use super::shares::{Demand, shares};
use crate::audio::narrow;
use crate::rtp::bandwidth::Bandwidth;
use crate::rtp::codec::{AudioCodec, Codec};
use crate::rtp::wall::CaptureClock;
use crate::wire::{EncodingId, TransceiverId};

/// What the tap tells the connection's owner; called on the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The remote wants a key frame.
    KeyFrame(EncodingId),
    /// A key frame has been sent: the next request is a new one.
    KeyFrameSent(EncodingId),
    /// An encoder's new bitrate, in bits per second; 0 for a layer that has to pause.
    Target(EncodingId, u32),
}

/// What the tap shares with the rest of the connection.
pub struct Shared {
    plan: Mutex<Plan>,
    version: AtomicU64,
    counters: Mutex<Counters>,
    pub bandwidth: Mutex<Bandwidth>,
    /// The page's clock.
    pub clock: Mutex<CaptureClock>,
    /// How long the page wants what is received to be held at least.
    delays: Mutex<HashMap<TransceiverId, Duration>>,
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
            delays: Mutex::default(),
            signal,
        }
    }

    pub fn set_plan(&self, plan: Plan) {
        *lock(&self.plan) = plan;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Another number with each plan.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.plan)
    }

    pub fn counters(&self) -> MutexGuard<'_, Counters> {
        lock(&self.counters)
    }

    /// What a transceiver receives is to be held at least so long; `None` for no longer than the network makes it.
    pub fn set_delay(&self, transceiver: TransceiverId, delay: Option<Duration>) {
        let mut delays = lock(&self.delays);
        match delay {
            Some(delay) => delays.insert(transceiver, delay),
            None => delays.remove(&transceiver),
        };
    }

    pub fn retain_delays(&self, known: impl Fn(&TransceiverId) -> bool) {
        lock(&self.delays).retain(|id, _| known(id));
    }

    /// How long what a transceiver receives is to be held at least: what is in step with it is held as long
    /// (webrtc-extensions, `jitterBufferTarget`).
    pub fn delay(&self, transceiver: TransceiverId) -> Duration {
        let delays = lock(&self.delays);
        if delays.is_empty() {
            return Duration::ZERO;
        }
        let plan = self.plan();
        let own = plan.receiving.iter().find(|one| one.transceiver == transceiver);
        let beside = plan.receiving.iter().filter(|one| {
            let streams = own.map_or(&[][..], |own| &own.streams);
            one.streams.iter().any(|stream| streams.contains(stream))
        });
        let all = beside.map(|one| one.transceiver).chain([transceiver]);
        all.filter_map(|id| delays.get(&id).copied()).max().unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        (self.signal)(signal);
    }

    /// More than so many bits per second are of no use to an encoder.
    pub fn want(&self, encoding: EncodingId, bitrate: u32) {
        self.counters().outbound.entry(encoding).or_default().wanted = Some(bitrate);
        self.retarget();
    }

    /// Divides what the path takes among the encoders, and tells those for which that is news.
    pub fn retarget(&self) {
        let plan = self.plan();
        let mut counters = self.counters();
        let demand = |one: &Sending| {
            let known = counters.outbound.get(&one.encoding);
            let codec = one.codecs.sent(known.and_then(|known| known.payload_type)).codec;
            let fixed = matches!(codec, Codec::Audio(AudioCodec::G711(_))).then_some(narrow::BITRATE);
            Demand {
                encoding: one.encoding,
                kind: one.codecs.kind,
                wanted: fixed.or_else(|| known.and_then(|known| known.wanted)),
                paused: known.is_some_and(|known| known.target == Some(0)),
                probed: one.codecs.first.repair.is_some() && one.codecs.transport_cc,
            }
        };
        let demands: Vec<_> = plan.sending.iter().map(demand).collect();
        drop(plan);
        let all = {
            let mut bandwidth = lock(&self.bandwidth);
            let all = shares(&demands, bandwidth.target(), bandwidth.loss());
            bandwidth.want(all.wanted);
            all
        };
        let mut news = Vec::new();
        for (encoding, share) in all.shares {
            let told = &mut counters.outbound.entry(encoding).or_default().target;
            if told.is_none_or(|told| share.abs_diff(told) > told / 20) {
                *told = Some(share);
                news.push(Signal::Target(encoding, share));
            }
        }
        drop(counters);
        news.into_iter().for_each(|one| self.signal(one));
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
