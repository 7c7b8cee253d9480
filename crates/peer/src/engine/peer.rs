//! One peer connection: negotiation, media and channels around the engine's connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Ports;
use super::build::Surroundings;
use super::channels::Channels;
use super::handler::{Handler, Ice};
use super::negotiation::Negotiation;
use super::pipelines::{Pipelines, random};
use super::plan::Plan;
use super::servers::Servers;
use super::sockets::{Alarm, Trouble};
use super::states::{self, States};
use super::stats;
use super::tap::{Shared, Signal, lock};
use super::tasks::Tasks;
use super::transport::Connection;
use crate::error::{ExceptionName, PeerError, Result};
use crate::frame::{Frame, FrameKind};
use crate::jsep::{Jsep, SignalingState};
use crate::rtp::format::VideoCodec;
use crate::rtp::playout::MOST;
use crate::wire::{
    ChannelId, Configuration, Description, Direction, EncodingId, Event, Op, PcId, Sctp, SdpType, Snapshot, ToWorker,
};

/// The worker is not asked again for a key frame that has not come yet, unless it takes longer than this.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(250);
/// Layers of a simulcast that media can send.
const LAYERS: usize = 3;
/// Transceivers a connection may have.
const TRANSCEIVERS: usize = 256;

/// A peer connection.
pub struct Peer {
    id: PcId,
    ports: Ports,
    /// One operation at a time.
    negotiation: tokio::sync::Mutex<Negotiation>,
    media: Pipelines,
    shared: Arc<Shared>,
    channels: Arc<Channels>,
    ice: Arc<Ice>,
    tasks: Tasks,
    closed: AtomicBool,
}

impl Peer {
    pub async fn new(id: PcId, configuration: Configuration, ports: Ports) -> Result<Arc<Self>> {
        let shared = Arc::new(Shared::new(signals(id, &ports)));
        let (connected, ice, tasks) = (Arc::<AtomicBool>::default(), Arc::<Ice>::default(), Tasks::new());
        let channels = Channels::new(id, Arc::clone(&ports.data), tasks.clone());
        let states = Arc::<States>::default();
        let events = Arc::clone(&ports.events);
        let servers = Servers::new(move |error| events(Event::IceCandidateError { pc: id, error }));
        let handler = Handler {
            servers: Arc::clone(&servers),
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
            Surroundings {
                shared: &shared,
                handler: Arc::new(handler),
                alarm: alarm(id, &states),
                servers: &servers,
                names: &Arc::default(),
                heard: &Arc::default(),
                connected: Arc::clone(&connected),
            },
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
        let able = configuration.codecs.iter().take(VideoCodec::ALL.len());
        jsep.allow_codecs(&able.filter_map(|name| VideoCodec::of_name(name)).collect::<Vec<_>>());
        let negotiation = Negotiation { jsep, connection };
        let media = Pipelines::new(id, &ports, &shared, connected, &tasks);
        tracing::info!(pc = id, "created");
        Ok(Arc::new(Self {
            id,
            ports,
            negotiation: tokio::sync::Mutex::new(negotiation),
            media,
            shared,
            channels,
            ice,
            tasks,
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
                self.media.play(transceiver, tone, duration);
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
            Op::SetJitterBufferTarget { transceiver, target } => {
                if one.jsep.transceivers().iter().all(|known| known.id != transceiver) {
                    return Err(PeerError::invalid_access("there is no such transceiver"));
                }
                self.shared.set_delay(transceiver, target.map(delay).transpose()?);
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
                if one.connection.configure(&configuration).await? {
                    one.jsep.want_restart();
                }
                Ok(Value::Null)
            }
            Op::GetStats { .. } => {
                let pc = Arc::clone(&one.connection.pc);
                let transceivers = one.jsep.transceivers().to_vec();
                let described = one.jsep.described();
                drop(negotiation);
                let report = pc
                    .get_stats(Instant::now(), webrtc::peer_connection::StatsSelector::None)
                    .await;
                let reports = self.media.reports(&transceivers);
                Ok(Value::Array(stats::collect(
                    &report,
                    described.as_ref(),
                    &transceivers,
                    &self.shared,
                    &reports,
                )))
            }
        }
    }

    /// Takes a frame or a message from the page. Media never waits; a data channel may make its socket wait.
    pub async fn send(&self, frame: Frame) {
        if frame.kind == FrameKind::DataToSend {
            return self.channels.send(frame).await;
        }
        self.media.send(frame);
    }

    /// What becomes of media.
    pub fn media(&self) -> &Pipelines {
        &self.media
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
        self.media.clear();
        self.shared.set_plan(Plan::default());
        self.channels.clear();
        self.tasks.end().await;
        self.ports.outbox.forget(self.id);
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

    /// Brings the media in line with what is negotiated.
    fn refresh(&self, one: &Negotiation) {
        if !self.closed.load(Ordering::Acquire) {
            self.media.refresh(&one.jsep, &one.connection.way);
            if one.jsep.state() == SignalingState::Stable && one.jsep.max_message_size().is_some() {
                self.channels.negotiated();
            }
        }
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

/// Turns the tap's signals into texts for the worker.
fn signals(pc: PcId, ports: &Ports) -> Box<dyn Fn(Signal) + Send + Sync> {
    let outbox = Arc::clone(&ports.outbox);
    let asked: Mutex<HashMap<EncodingId, Instant>> = Mutex::default();
    Box::new(move |signal| match signal {
        Signal::KeyFrame(encoding) => {
            let now = Instant::now();
            let mut asked = lock(&asked);
            if asked
                .get(&encoding)
                .is_some_and(|last| now < *last + KEY_FRAME_INTERVAL)
            {
                return;
            }
            asked.insert(encoding, now);
            let EncodingId { transceiver, layer } = encoding;
            outbox.put_text(ToWorker::KeyFrame { pc, transceiver, layer });
        }
        Signal::KeyFrameSent(encoding) => {
            lock(&asked).remove(&encoding);
        }
        Signal::Target(EncodingId { transceiver, layer }, bitrate) => {
            outbox.put_text(ToWorker::Target {
                pc,
                transceiver,
                layer,
                bitrate,
            });
        }
    })
}

/// What the page is told of the engine's troubles.
fn alarm(pc: PcId, states: &Arc<States>) -> Alarm {
    let states = Arc::clone(states);
    let refused = AtomicBool::new(false);
    Alarm(Arc::new(move |trouble| {
        let state = "failed";
        match trouble {
            Trouble::Panic => states.push(Event::IceConnectionState { pc, state }),
            // It is repeated, by whoever likes.
            Trouble::Handshake if refused.swap(true, Ordering::AcqRel) => return,
            Trouble::Handshake => tracing::warn!(pc, "the DTLS handshake was refused"),
        }
        states.push(Event::DtlsState { pc, state });
        states.push(Event::ConnectionState { pc, state });
    }))
}

/// A `jitterBufferTarget` in milliseconds.
fn delay(millis: f64) -> Result<Duration> {
    let most = MOST.as_secs_f64() * 1_000.0;
    if !(0.0..=most).contains(&millis) {
        let message = format!("a jitter buffer holds 0 to {most} milliseconds");
        return Err(PeerError::new(ExceptionName::TypeError, message));
    }
    Ok(Duration::from_secs_f64(millis / 1_000.0))
}

fn value<T: serde::Serialize>(of: &T) -> Result<Value> {
    serde_json::to_value(of).map_err(|error| PeerError::operation(error.to_string()))
}
