//! The media tasks of a connection: two for each transceiver, in line with what is negotiated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::mpsc;

use super::Ports;
use super::plan::{Plan, Receiving, Sending};
use super::receive::{self, Input, Receiver};
use super::send::{self, Sender};
use super::stats::Reports;
use super::tap::{Shared, lock};
use super::tasks::Tasks;
use super::voice::{self, Listener};
use super::way::Way;
use crate::audio::driver::Audio;
use crate::frame::Frame;
use crate::jsep::Jsep;
use crate::jsep::transceiver::Transceiver;
use crate::outbox::Outbox;
use crate::wire::{EncodingId, Kind, PcId, Pipeline, Side, TransceiverId};

/// What becomes of a connection's media.
pub struct Pipelines {
    pc: PcId,
    outbox: Arc<Outbox>,
    audio: Arc<Audio>,
    shared: Arc<Shared>,
    connected: Arc<AtomicBool>,
    tasks: Tasks,
    all: Mutex<HashMap<TransceiverId, Pipes>>,
    reports: Mutex<Reports>,
}

/// A transceiver's two tasks, from outside.
struct Pipes {
    frames: mpsc::Sender<Frame>,
    tones: mpsc::Sender<send::Key>,
    overflow: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<Sending>>>,
    packets: Option<mpsc::Sender<Input>>,
}

impl Pipelines {
    pub fn new(pc: PcId, ports: &Ports, shared: &Arc<Shared>, connected: Arc<AtomicBool>, tasks: &Tasks) -> Self {
        Self {
            pc,
            outbox: Arc::clone(&ports.outbox),
            audio: Arc::clone(&ports.audio),
            shared: Arc::clone(shared),
            connected,
            tasks: tasks.clone(),
            all: Mutex::default(),
            reports: Mutex::default(),
        }
    }

    /// Takes a media frame, or drops it.
    pub fn send(&self, frame: Frame) {
        let pipelines = lock(&self.all);
        if let Some(one) = pipelines.get(&frame.target)
            && one.frames.try_send(frame).is_err()
        {
            one.overflow.store(true, Ordering::Release);
        }
    }

    /// Has a tone played in a voice's stead.
    pub fn play(&self, transceiver: TransceiverId, tone: char, millis: u32) {
        let pipelines = lock(&self.all);
        if let Some(one) = pipelines.get(&transceiver)
            && one.tones.try_send((tone, millis)).is_err()
        {
            tracing::warn!(transceiver, "a tone is left out: too many wait");
        }
    }

    /// The share of a sender's packets that the remote has lost lately.
    pub fn loss(&self, transceiver: TransceiverId) -> Option<f64> {
        let counters = self.shared.counters();
        Some(
            counters
                .outbound
                .get(&EncodingId::only(transceiver))?
                .remote?
                .fraction_lost,
        )
    }

    /// The decoder needs a key frame.
    pub fn key_frame_wanted(&self, transceiver: TransceiverId) {
        let pipelines = lock(&self.all);
        if let Some(packets) = pipelines.get(&transceiver).and_then(|one| one.packets.as_ref())
            && packets.try_send(Input::KeyFrameWanted).is_err()
        {
            tracing::debug!(transceiver, "a request for a key frame found its queue full");
        }
    }

    /// What an encoder or a decoder counts.
    pub fn report(&self, transceiver: TransceiverId, side: Side, stats: Pipeline) {
        if lock(&self.all).contains_key(&transceiver) {
            if let Some(wanted) = stats.wanted.filter(|_| side == Side::Send) {
                let layer = stats.layer;
                self.shared.want(EncodingId { transceiver, layer }, wanted);
            }
            lock(&self.reports).insert((transceiver, side, stats.layer), stats);
        }
    }

    /// What the worker reported last, and what is counted of voices.
    pub fn reports(&self, transceivers: &[Transceiver]) -> Reports {
        let mut reports = lock(&self.reports).clone();
        {
            let duplex = self.audio.duplex();
            for one in transceivers.iter().filter(|one| one.kind == Kind::Audio) {
                let (address, id) = ((self.pc, one.id), one.id);
                let heard = duplex.heard(address).map(|heard| voice::heard(&heard));
                let said = duplex.said(address).map(|said| voice::said(&said));
                reports.extend(heard.map(|heard| ((id, Side::Receive, 0), heard)));
                reports.extend(said.map(|said| ((id, Side::Send, 0), said)));
            }
        }
        reports
    }

    /// Ends all of it.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *lock(&self.all));
        for transceiver in all.into_keys() {
            // A worker that has ended said nothing of it.
            self.audio.duplex().detach((self.pc, transceiver));
        }
    }

    /// Brings the media tasks and the tap's plan in line with what is negotiated.
    pub fn refresh(&self, jsep: &Jsep, way: &Way) {
        let mut pipelines = lock(&self.all);
        let mut plan = Plan::default();
        for transceiver in jsep.transceivers() {
            let id = transceiver.id;
            let pipes = pipelines
                .entry(id)
                .or_insert_with(|| self.start_sender(transceiver.kind, way.clone()));
            let sending = Sending::all(transceiver);
            plan.sending.extend(sending.iter().cloned());
            *lock(&pipes.streams) = sending;
            if transceiver.receives_now() {
                let packets = pipes
                    .packets
                    .get_or_insert_with(|| self.start_receiver(id, transceiver.kind, way.clone()));
                plan.receiving.extend(Receiving::of(transceiver, packets.clone()));
            } else {
                pipes.packets = None;
            }
        }
        pipelines.retain(|id, _| {
            jsep.transceivers()
                .iter()
                .any(|transceiver| transceiver.id == *id && !transceiver.stopped)
        });
        lock(&self.reports).retain(|(id, ..), _| pipelines.contains_key(id));
        let known = |id: &TransceiverId| pipelines.contains_key(id);
        {
            let mut counters = self.shared.counters();
            counters.inbound.retain(|id, _| known(id));
            counters.outbound.retain(|id, _| known(&id.transceiver));
        }
        self.shared.retain_delays(known);
        drop(pipelines);
        self.shared.set_plan(plan);
        self.shared.retarget();
    }

    fn start_sender(&self, kind: Kind, way: Way) -> Pipes {
        let (frames, queue) = mpsc::channel(send::QUEUE);
        let (tones, keys) = mpsc::channel(send::TONES);
        let (overflow, streams) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Sending>>>::default());
        let starts = random();
        let sender = Sender {
            kind,
            streams: Arc::clone(&streams),
            overflow: Arc::clone(&overflow),
            connected: Arc::clone(&self.connected),
            shared: Arc::clone(&self.shared),
            way,
            // A start in the lower half keeps SRTP's rollover unambiguous (RFC 3711, 3.3.1).
            starts: (starts as u16 & 0x7fff, (starts >> 16) as u32, (starts >> 48) as u16),
        };
        self.tasks.spawn(sender.run(queue, keys));
        Pipes {
            frames,
            tones,
            overflow,
            streams,
            packets: None,
        }
    }

    fn start_receiver(&self, transceiver: TransceiverId, kind: Kind, way: Way) -> mpsc::Sender<Input> {
        let (packets, queue) = mpsc::channel(receive::QUEUE);
        if kind == Kind::Audio {
            let listener = Listener {
                pc: self.pc,
                transceiver,
                shared: Arc::clone(&self.shared),
                audio: Arc::clone(&self.audio),
                outbox: Arc::clone(&self.outbox),
            };
            self.tasks.spawn(listener.run(queue));
            return packets;
        }
        let receiver = Receiver {
            pc: self.pc,
            transceiver,
            shared: Arc::clone(&self.shared),
            audio: Arc::clone(&self.audio),
            outbox: Arc::clone(&self.outbox),
            way,
        };
        self.tasks.spawn(receiver.run(queue));
        packets
    }
}

/// Ids that need only be distinct.
pub fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|error| {
        // The ids need only be distinct; what must be secret is made elsewhere.
        tracing::error!(%error, "no randomness");
        Instant::now().elapsed().as_nanos() as u64
    })
}
