//! One peer connection: negotiation, media and channels around the engine's connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Ports;
use super::channels::Channels;
use super::handler::{Handler, Ice};
use super::plan::{Plan, Receiving, Sending};
use super::receive::{self, Input, Receiver};
use super::send::{self, Sender};
use super::sockets::Alarm;
use super::states::{self, States};
use super::stats::{self, Reports};
use super::tap::{Shared, Signal, lock};
use super::tasks::Tasks;
use super::transport::Connection;
use super::voice::{self, Listener};
use super::way::Way;
use crate::error::{ExceptionName, PeerError, Result};
use crate::frame::{Frame, FrameKind};
use crate::jsep::{Jsep, SignalingState};
use crate::wire::{
    Candidate, ChannelId, Configuration, Description, Direction, Event, Kind, Op, PcId, Pipeline, Sctp, SdpType, Side,
    Snapshot, ToWorker, TransceiverId,
};

/// The worker is not asked again for a key frame that has not come yet, unless it takes longer than this.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(250);
/// Layers of a simulcast that media can send.
const LAYERS: usize = 1;
/// Transceivers a connection may have.
const TRANSCEIVERS: usize = 256;

/// A peer connection.
pub struct Peer {
    id: PcId,
    ports: Ports,
    /// One operation at a time.
    negotiation: tokio::sync::Mutex<Negotiation>,
    pipelines: Mutex<HashMap<TransceiverId, Pipelines>>,
    shared: Arc<Shared>,
    channels: Arc<Channels>,
    connected: Arc<AtomicBool>,
    ice: Arc<Ice>,
    tasks: Tasks,
    reports: Mutex<Reports>,
    closed: AtomicBool,
}

struct Negotiation {
    jsep: Jsep,
    connection: Connection,
}

/// A transceiver's two tasks, from outside.
struct Pipelines {
    frames: mpsc::Sender<Frame>,
    overflow: Arc<AtomicBool>,
    stream: Arc<Mutex<Option<Sending>>>,
    packets: Option<mpsc::Sender<Input>>,
}

impl Peer {
    pub async fn new(id: PcId, configuration: Configuration, ports: Ports) -> Result<Arc<Self>> {
        let shared = Arc::new(Shared::new(signals(id, &ports)));
        let (connected, ice, tasks) = (Arc::<AtomicBool>::default(), Arc::<Ice>::default(), Tasks::new());
        let channels = Channels::new(id, Arc::clone(&ports.outbox), tasks.clone());
        let states = Arc::<States>::default();
        let handler = Handler {
            pc: id,
            events: Arc::clone(&ports.events),
            connected: Arc::clone(&connected),
            ice: Arc::clone(&ice),
            channels: Arc::downgrade(&channels),
            states: Arc::clone(&states),
        };
        let ssrc = (random() >> 32) as u32 | 1;
        let (connection, keeper) = Connection::new(
            &configuration,
            ports.certificates.find(&configuration.certificates),
            &shared,
            Arc::new(handler),
            alarm(id, &states),
            ssrc,
        )
        .await?;
        tasks.spawn(states::pass(
            id,
            Arc::clone(&connection.pc),
            Arc::clone(&states),
            Arc::clone(&ports.events),
        ));
        channels.set_engine(Arc::clone(&connection.pc), connection.way.clone());
        channels.watch(keeper, move |state| {
            let both = [
                Some(Event::SctpState { pc: id, state }),
                (state == "closed").then_some(Event::DtlsState { pc: id, state }),
            ];
            both.into_iter().flatten().for_each(|event| states.push(event));
        });
        let mut jsep = Jsep::new(Box::new(random), configuration.cname.clone());
        jsep.allow_layers(LAYERS);
        let negotiation = Negotiation { jsep, connection };
        tracing::info!(pc = id, "created");
        Ok(Arc::new(Self {
            id,
            ports,
            negotiation: tokio::sync::Mutex::new(negotiation),
            pipelines: Mutex::default(),
            shared,
            channels,
            connected,
            ice,
            tasks,
            reports: Mutex::default(),
            closed: AtomicBool::new(false),
        }))
    }

    /// Runs one operation; what it resolves to depends on the operation.
    pub async fn run(&self, op: Op) -> Result<Value> {
        if self.closed.load(Ordering::Acquire) {
            return Err(PeerError::invalid_state("the peer connection is closed"));
        }
        let mut negotiation = self.negotiation.lock().await;
        let one = &mut *negotiation;
        let description = |description: Description| value(&description);
        match op {
            Op::CreateOffer { ice_restart } => description(one.create_offer(ice_restart, &self.ice).await?),
            Op::CreateAnswer => description(one.create_answer(&self.ice).await?),
            Op::SetLocal { description } => {
                self.set_local(one, description).await?;
                value(&self.snapshot(one))
            }
            Op::SetRemote { description } => {
                self.set_remote(one, &description).await?;
                value(&self.snapshot(one))
            }
            Op::AddCandidate { candidate } => one.add_candidate(candidate).await,
            Op::AddTransceiver {
                kind,
                direction,
                streams,
                track_id,
                rids,
                by_add_track,
            } => {
                if one.jsep.transceivers().len() >= TRANSCEIVERS {
                    return Err(PeerError::operation("there are too many transceivers"));
                }
                if direction == Direction::Stopped {
                    return Err(PeerError::new(
                        ExceptionName::TypeError,
                        "a transceiver cannot begin stopped",
                    ));
                }
                let transceiver = one
                    .jsep
                    .add_transceiver(kind, direction, streams, track_id, by_add_track);
                one.jsep.set_layers(transceiver, &rids)?;
                Ok(json!({ "transceiver": transceiver }))
            }
            Op::PreferCodecs { transceiver, codecs } => {
                one.jsep.prefer_codecs(transceiver, codecs).map(|()| Value::Null)
            }
            Op::PlayTone {
                transceiver,
                tone,
                duration,
            } => {
                tracing::debug!(transceiver, duration, known = tone.is_ascii(), "tones are not sent yet");
                Ok(Value::Null)
            }
            Op::SetDirection { transceiver, direction } => {
                one.jsep.set_direction(transceiver, direction).map(|()| Value::Null)
            }
            Op::StopTransceiver { transceiver } => {
                one.jsep.stop(transceiver)?;
                self.refresh(one);
                Ok(Value::Null)
            }
            Op::SetSender {
                transceiver,
                track_id,
                streams,
                by_add_track,
            } => one
                .jsep
                .set_sender(transceiver, track_id, streams, by_add_track)
                .map(|()| Value::Null),
            Op::CreateChannel(init) => {
                let channel = self.channels.create(init)?;
                one.jsep.want_data();
                Ok(json!({ "channel": channel }))
            }
            Op::RestartIce => {
                one.jsep.want_restart();
                Ok(Value::Null)
            }
            Op::SetConfiguration { configuration } => {
                one.connection.configure(&configuration).await.map(|()| Value::Null)
            }
            Op::GetStats => {
                let pc = Arc::clone(&one.connection.pc);
                let transceivers = one.jsep.transceivers().to_vec();
                drop(negotiation);
                let report = pc
                    .get_stats(Instant::now(), webrtc::peer_connection::StatsSelector::None)
                    .await;
                let mut reports = lock(&self.reports).clone();
                {
                    let duplex = self.ports.audio.duplex();
                    for one in transceivers.iter().filter(|one| one.kind == Kind::Audio) {
                        let (address, id) = ((self.id, one.id), one.id);
                        let heard = duplex.heard(address).map(|heard| voice::heard(&heard));
                        let said = duplex.said(address).map(|said| voice::said(&said));
                        reports.extend(heard.map(|heard| ((id, Side::Receive), heard)));
                        reports.extend(said.map(|said| ((id, Side::Send), said)));
                    }
                }
                Ok(Value::Array(stats::collect(
                    &report,
                    &transceivers,
                    &self.shared,
                    &reports,
                )))
            }
        }
    }

    /// Takes a frame or a message from the worker. Media never waits; a data channel may make the worker wait.
    pub async fn send(&self, frame: Frame) {
        if frame.kind == FrameKind::DataToSend {
            return self.channels.send(frame).await;
        }
        self.send_media(frame);
    }

    /// Takes a media frame, or drops it.
    pub fn send_media(&self, frame: Frame) {
        let pipelines = lock(&self.pipelines);
        if let Some(one) = pipelines.get(&frame.target)
            && one.frames.try_send(frame).is_err()
        {
            one.overflow.store(true, Ordering::Release);
        }
    }

    /// The share of a sender's packets that the remote has lost lately.
    pub fn loss(&self, transceiver: TransceiverId) -> Option<f64> {
        let counters = self.shared.counters();
        Some(counters.outbound.get(&transceiver)?.remote?.fraction_lost)
    }

    /// The decoder needs a key frame.
    pub fn key_frame_wanted(&self, transceiver: TransceiverId) {
        let pipelines = lock(&self.pipelines);
        if let Some(packets) = pipelines.get(&transceiver).and_then(|one| one.packets.as_ref())
            && packets.try_send(Input::KeyFrameWanted).is_err()
        {
            tracing::debug!(transceiver, "a request for a key frame found its queue full");
        }
    }

    /// What an encoder or a decoder counts.
    pub fn pipeline(&self, transceiver: TransceiverId, side: Side, stats: Pipeline) {
        if lock(&self.pipelines).contains_key(&transceiver) {
            if let Some(wanted) = stats.wanted.filter(|_| side == Side::Send) {
                self.shared.want(transceiver, wanted);
            }
            lock(&self.reports).insert((transceiver, side), stats);
        }
    }

    pub async fn close_channel(&self, channel: ChannelId) {
        self.channels.close(channel).await;
    }

    /// How many of its tasks are running.
    pub fn tasks(&self) -> usize {
        self.tasks.count()
    }

    /// How many data channels are open or opening.
    pub fn channels(&self) -> usize {
        self.channels.count()
    }

    /// Frees everything; closing twice is no error.
    pub async fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        lock(&self.pipelines).clear();
        self.shared.set_plan(Plan::default());
        self.channels.clear();
        self.tasks.end().await;
        let pc = Arc::clone(&self.negotiation.lock().await.connection.pc);
        if let Err(error) = pc.close().await {
            tracing::debug!(%error, "closing");
        }
        tracing::info!(pc = self.id, "closed");
    }

    async fn set_local(&self, one: &mut Negotiation, description: Option<Description>) -> Result<()> {
        let (kind, sdp) = match description {
            Some(description) => (description.kind, description.sdp),
            None => (one.jsep.implicit(), String::new()),
        };
        let fresh = sdp.is_empty();
        match kind {
            SdpType::Offer if fresh => drop(one.create_offer(false, &self.ice).await?),
            SdpType::Answer | SdpType::Pranswer if fresh => drop(one.create_answer(&self.ice).await?),
            SdpType::Offer | SdpType::Answer | SdpType::Pranswer | SdpType::Rollback => {}
        }
        one.jsep.set_local(kind, &sdp)?;
        match kind {
            SdpType::Offer | SdpType::Answer => {
                let ufrag = one.jsep.fragment().unwrap_or_default();
                self.ice.begin(one.jsep.first_mid(), &ufrag);
                if let Err(error) = one.connection.apply_local(kind, one.jsep.carries(), &ufrag).await {
                    if kind == SdpType::Offer {
                        one.jsep.set_local(SdpType::Rollback, "")?;
                    }
                    return Err(error);
                }
                self.ice.tell_again(self.id, &*self.ports.events);
            }
            SdpType::Rollback => one.connection.roll_back().await?,
            SdpType::Pranswer => {}
        }
        self.ungathered(one);
        self.refresh(one);
        Ok(())
    }

    async fn set_remote(&self, one: &mut Negotiation, description: &Description) -> Result<()> {
        let transport = one.jsep.set_remote(description)?;
        match description.kind {
            SdpType::Rollback => one.connection.roll_back().await?,
            SdpType::Pranswer => {}
            SdpType::Offer => {
                if let Err(error) = one.connection.apply_remote(SdpType::Offer, transport).await {
                    // The page must not see an offer the engine has refused.
                    let rollback = Description {
                        kind: SdpType::Rollback,
                        sdp: String::new(),
                    };
                    one.jsep.set_remote(&rollback)?;
                    return Err(error);
                }
            }
            SdpType::Answer => one.connection.apply_remote(SdpType::Answer, transport).await?,
        }
        self.ungathered(one);
        self.refresh(one);
        Ok(())
    }

    /// Where no description needs a transport any more, nothing is gathered.
    fn ungathered(&self, one: &Negotiation) {
        if one.jsep.state() == SignalingState::Stable && !one.jsep.carries() && self.ice.undone() {
            (self.ports.events)(Event::IceGatheringState {
                pc: self.id,
                state: "new",
            });
        }
    }

    /// Brings the media tasks and the tap's plan in line with what is negotiated.
    fn refresh(&self, one: &Negotiation) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        let mut pipelines = lock(&self.pipelines);
        let mut plan = Plan::default();
        for transceiver in one.jsep.transceivers() {
            let id = transceiver.id;
            let pipes = pipelines
                .entry(id)
                .or_insert_with(|| self.start_sender(id, transceiver.kind, one.connection.way.clone()));
            let sending = Sending::of(transceiver);
            plan.sending.extend(sending.clone());
            *lock(&pipes.stream) = sending;
            if transceiver.receives_now() {
                let packets = pipes
                    .packets
                    .get_or_insert_with(|| self.start_receiver(id, transceiver.kind, one.connection.way.clone()));
                plan.receiving.extend(Receiving::of(transceiver, packets.clone()));
            } else {
                pipes.packets = None;
            }
        }
        pipelines.retain(|id, _| {
            one.jsep
                .transceivers()
                .iter()
                .any(|transceiver| transceiver.id == *id && !transceiver.stopped)
        });
        lock(&self.reports).retain(|(id, _), _| pipelines.contains_key(id));
        let known = |id: &TransceiverId| pipelines.contains_key(id);
        {
            let mut counters = self.shared.counters();
            counters.inbound.retain(|id, _| known(id));
            counters.outbound.retain(|id, _| known(id));
        }
        drop(pipelines);
        self.shared.set_plan(plan);
        self.shared.retarget();
    }

    fn start_sender(&self, transceiver: TransceiverId, kind: Kind, way: Way) -> Pipelines {
        let (frames, queue) = mpsc::channel(send::QUEUE);
        let (overflow, stream) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Option<Sending>>>::default());
        let starts = random();
        let sender = Sender {
            transceiver,
            kind,
            stream: Arc::clone(&stream),
            overflow: Arc::clone(&overflow),
            connected: Arc::clone(&self.connected),
            shared: Arc::clone(&self.shared),
            way,
            // A start in the lower half keeps SRTP's rollover unambiguous (RFC 3711, 3.3.1).
            starts: (starts as u16 & 0x7fff, (starts >> 16) as u32, (starts >> 48) as u16),
        };
        self.tasks.spawn(sender.run(queue));
        Pipelines {
            frames,
            overflow,
            stream,
            packets: None,
        }
    }

    fn start_receiver(&self, transceiver: TransceiverId, kind: Kind, way: Way) -> mpsc::Sender<Input> {
        let (packets, queue) = mpsc::channel(receive::QUEUE);
        if kind == Kind::Audio {
            let listener = Listener {
                pc: self.id,
                transceiver,
                shared: Arc::clone(&self.shared),
                audio: Arc::clone(&self.ports.audio),
                outbox: Arc::clone(&self.ports.outbox),
            };
            self.tasks.spawn(listener.run(queue));
            return packets;
        }
        let receiver = Receiver {
            pc: self.id,
            transceiver,
            shared: Arc::clone(&self.shared),
            audio: Arc::clone(&self.ports.audio),
            outbox: Arc::clone(&self.ports.outbox),
            way,
        };
        self.tasks.spawn(receiver.run(queue));
        packets
    }

    fn snapshot(&self, one: &mut Negotiation) -> Snapshot {
        let descriptions = one.jsep.descriptions().clone();
        let transceivers = one.jsep.snapshots();
        one.jsep.forget_stopped();
        Snapshot {
            signaling_state: one.jsep.state().name(),
            current_local: descriptions.current_local,
            pending_local: descriptions.pending_local,
            current_remote: descriptions.current_remote,
            pending_remote: descriptions.pending_remote,
            ice_gathering_state: self.ice.gathering(),
            sctp: one.jsep.max_message_size().map(|max_message_size| Sctp {
                max_message_size,
                role: one.jsep.role(),
            }),
            transceivers,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Tasks hold on to what they work with, and so would live for ever.
        self.tasks.abort();
    }
}

impl Negotiation {
    async fn create_offer(&mut self, restart: bool, ice: &Ice) -> Result<Description> {
        let restart = restart || self.jsep.restart_wanted();
        let mut transport = self.connection.offer(restart).await?;
        (transport.candidates, transport.complete) = ice.known(&transport.ufrag);
        self.jsep.create_offer(&transport)
    }

    async fn create_answer(&mut self, ice: &Ice) -> Result<Description> {
        if !matches!(
            self.jsep.state(),
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer
        ) {
            return Err(PeerError::invalid_state("there is no remote offer to answer"));
        }
        let mut transport = self.connection.answer().await?;
        (transport.candidates, transport.complete) = ice.known(&transport.ufrag);
        self.jsep.create_answer(&transport)
    }

    async fn add_candidate(&mut self, candidate: Option<Candidate>) -> Result<Value> {
        let descriptions = self.jsep.descriptions();
        if descriptions.current_remote.is_none() && descriptions.pending_remote.is_none() {
            return Err(PeerError::invalid_state("there is no remote description"));
        }
        let Some(candidate) = candidate.filter(|candidate| !candidate.candidate.is_empty()) else {
            return Ok(Value::Null);
        };
        if candidate.sdp_mid.is_none() && candidate.sdp_m_line_index.is_none() {
            return Err(PeerError::new(
                ExceptionName::TypeError,
                "a candidate needs sdpMid or sdpMLineIndex",
            ));
        }
        if !self
            .jsep
            .has_section(candidate.sdp_mid.as_deref(), candidate.sdp_m_line_index)
        {
            return Err(PeerError::operation("a candidate belongs to no section"));
        }
        self.connection.add_candidate(&candidate).await.map(|()| Value::Null)
    }
}

/// Turns the tap's signals into texts for the worker.
fn signals(pc: PcId, ports: &Ports) -> Box<dyn Fn(Signal) + Send + Sync> {
    let outbox = Arc::clone(&ports.outbox);
    let asked: Mutex<HashMap<TransceiverId, Instant>> = Mutex::default();
    Box::new(move |signal| match signal {
        Signal::KeyFrame(transceiver) => {
            let now = Instant::now();
            let mut asked = lock(&asked);
            if asked
                .get(&transceiver)
                .is_some_and(|last| now < *last + KEY_FRAME_INTERVAL)
            {
                return;
            }
            asked.insert(transceiver, now);
            outbox.put_text(ToWorker::KeyFrame { pc, transceiver });
        }
        Signal::KeyFrameSent(transceiver) => {
            lock(&asked).remove(&transceiver);
        }
        Signal::Target(transceiver, bitrate) => {
            outbox.put_text(ToWorker::Target {
                pc,
                transceiver,
                bitrate,
            });
        }
    })
}

/// What the page is told when the engine has panicked.
fn alarm(pc: PcId, states: &Arc<States>) -> Alarm {
    let states = Arc::clone(states);
    Alarm(Arc::new(move || {
        let state = "failed";
        states.push(Event::IceConnectionState { pc, state });
        states.push(Event::DtlsState { pc, state });
        states.push(Event::ConnectionState { pc, state });
    }))
}

fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|error| {
        // The ids need only be distinct; what must be secret is made elsewhere.
        tracing::error!(%error, "no randomness");
        Instant::now().elapsed().as_nanos() as u64
    })
}

fn value<T: serde::Serialize>(of: &T) -> Result<Value> {
    serde_json::to_value(of).map_err(|error| PeerError::operation(error.to_string()))
}
