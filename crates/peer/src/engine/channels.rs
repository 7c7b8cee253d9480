//! The data channels of a connection: two tasks each, one for either direction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::statistics::report::RTCStatsReportEntry;
use tokio::sync::{Semaphore, mpsc, watch};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit, RTCDataChannelState};
use webrtc::peer_connection::{PeerConnection, StatsSelector};

use super::tap::lock;
use super::tasks::Tasks;
use super::way::Way;
use crate::error::{ExceptionName, PeerError, Result};
use crate::frame::{Frame, FrameKind};
use crate::jsep::compose::MAX_MESSAGE_SIZE;
use crate::outbox::Outbox;
use crate::wire::{ChannelId, ChannelInit, PcId, ToWorker};

/// Bytes of a channel that may wait for the engine; the page holds back what goes beyond.
const WAITING: usize = 16 << 20;
/// Messages that may wait.
const MESSAGES: usize = 65_536;
/// Channels a connection may have.
const CHANNELS: usize = 1_024;
/// How often a closing channel looks whether the remote has acknowledged everything.
const DRAIN: Duration = Duration::from_millis(20);

pub struct Channels {
    pc: PcId,
    outbox: Arc<Outbox>,
    tasks: Tasks,
    state: Mutex<State>,
    /// SCTP is up, which it may be before channels are negotiated.
    up: watch::Sender<bool>,
    negotiated: watch::Sender<bool>,
    /// Channels to be made, in the page's order: the engine numbers them as they come.
    planned: mpsc::Sender<Planned>,
}

/// A channel of the page's that the engine does not know yet.
struct Planned {
    channel: ChannelId,
    label: String,
    options: RTCDataChannelInit,
    outgoing: mpsc::Receiver<Outgoing>,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    next: ChannelId,
    open: HashMap<ChannelId, Writer>,
    way: Option<Way>,
    pc: Option<Arc<dyn PeerConnection>>,
    /// The engine's own channel: it ends only with the transport.
    keeper: Option<Arc<dyn DataChannel>>,
}

#[derive(Clone)]
struct Writer {
    queue: mpsc::Sender<Outgoing>,
    room: Arc<Semaphore>,
}

enum Outgoing {
    Message(Frame, u32),
    Close,
}

impl Channels {
    pub fn new(pc: PcId, outbox: Arc<Outbox>, tasks: Tasks) -> Arc<Self> {
        let (planned, plans) = mpsc::channel(CHANNELS);
        let this = Arc::new(Self {
            pc,
            outbox,
            tasks,
            state: Mutex::default(),
            up: watch::Sender::new(false),
            negotiated: watch::Sender::new(false),
            planned,
        });
        let ready = [this.up.subscribe(), this.negotiated.subscribe()];
        this.tasks.spawn(make(Arc::downgrade(&this), ready, plans));
        this
    }

    /// Makes a channel. The engine's one follows when SCTP is up: one made while it is coming up would be lost.
    pub fn create(self: &Arc<Self>, init: ChannelInit) -> Result<ChannelId> {
        let type_error = |message: &str| PeerError::new(ExceptionName::TypeError, message);
        if init.max_retransmits.is_some() && init.max_packet_life_time.is_some() {
            return Err(type_error("maxRetransmits and maxPacketLifeTime exclude each other"));
        }
        if init.negotiated && init.id.is_none() {
            return Err(type_error("a negotiated channel needs an id"));
        }
        if init.label.len() > 65_535 || init.protocol.len() > 65_535 {
            return Err(type_error("the label or the protocol is too long"));
        }
        if lock(&self.state).open.len() >= CHANNELS {
            return Err(PeerError::operation("there are too many channels"));
        }
        let id = init.id.filter(|_| init.negotiated);
        let options = RTCDataChannelInit {
            ordered: init.ordered,
            max_packet_life_time: init.max_packet_life_time,
            max_retransmits: init.max_retransmits,
            protocol: init.protocol,
            negotiated: id,
        };
        let (channel, outgoing, room) = self.enter();
        let planned = Planned {
            channel,
            label: init.label,
            options,
            outgoing,
            room,
        };
        if self.planned.try_send(planned).is_err() {
            lock(&self.state).open.remove(&channel);
            return Err(PeerError::operation("there are too many channels"));
        }
        Ok(channel)
    }

    /// Tells how to reach the engine.
    pub fn set_engine(&self, pc: Arc<dyn PeerConnection>, way: Way) {
        let mut state = lock(&self.state);
        state.way = Some(way);
        state.pc = Some(pc);
    }

    /// Both ends have agreed on channels, and on how large their messages may be.
    pub fn negotiated(&self) {
        self.negotiated.send_replace(true);
    }

    /// Watches for SCTP by the engine's own channel. `tell` hears `connected` when channels can be used, and `closed`
    /// when the remote ends the transport under them.
    pub fn watch(self: &Arc<Self>, keeper: Arc<dyn DataChannel>, tell: impl Fn(&'static str) + Send + 'static) {
        let this = Arc::clone(self);
        lock(&self.state).keeper = Some(Arc::clone(&keeper));
        self.tasks.spawn(async move {
            while let Some(event) = keeper.poll().await {
                match event {
                    DataChannelEvent::OnOpen => {
                        tell("connected");
                        this.up.send_replace(true);
                    }
                    DataChannelEvent::OnClose => return tell("closed"),
                    _ => {}
                }
            }
        });
    }

    /// Takes a channel that the remote made.
    pub fn accept(self: &Arc<Self>, dc: Arc<dyn DataChannel>) {
        let pc = {
            let state = lock(&self.state);
            if state.open.len() >= CHANNELS {
                drop(state);
                tracing::warn!("the remote opens too many channels");
                return self.tasks.spawn(async move {
                    if let Err(error) = dc.close().await {
                        tracing::debug!(%error, "a channel was closed already");
                    }
                });
            }
            state.pc.clone()
        };
        let (channel, outgoing, room) = self.enter();
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            let id = match &pc {
                Some(pc) => stream_of(&**pc, &*dc).await,
                None => None,
            };
            this.announce(channel, &*dc, id).await;
            this.run(channel, dc, pc, id, outgoing, room).await;
        });
    }

    /// Sends a message once there is room for it.
    pub async fn send(&self, frame: Frame) {
        let Some(writer) = self.writer(frame.target) else {
            return;
        };
        let size = u32::try_from(frame.payload.len()).unwrap_or(u32::MAX);
        if size > MAX_MESSAGE_SIZE {
            tracing::warn!("a message larger than maxMessageSize was dropped");
            return;
        }
        // An empty message takes room too, or there could be any number of them.
        let weight = size.max(64);
        let Ok(permit) = writer.room.acquire_many(weight).await else {
            return;
        };
        permit.forget();
        if writer.queue.send(Outgoing::Message(frame, weight)).await.is_err() {
            tracing::debug!("a message came after its channel's end");
        }
    }

    /// Closes a channel after the messages before it.
    pub async fn close(&self, channel: ChannelId) {
        if let Some(writer) = self.writer(channel)
            && writer.queue.send(Outgoing::Close).await.is_err()
        {
            tracing::debug!(channel, "closed already");
        }
    }

    /// How many channels are open or opening.
    pub fn count(&self) -> usize {
        lock(&self.state).open.len()
    }

    pub fn clear(&self) {
        let mut state = lock(&self.state);
        state.open.clear();
        state.pc = None;
        state.keeper = None;
    }

    fn writer(&self, channel: ChannelId) -> Option<Writer> {
        lock(&self.state).open.get(&channel).cloned()
    }

    fn enter(&self) -> (ChannelId, mpsc::Receiver<Outgoing>, Arc<Semaphore>) {
        let (queue, outgoing) = mpsc::channel(MESSAGES);
        let room = Arc::new(Semaphore::new(WAITING));
        let mut state = lock(&self.state);
        state.next += 1;
        let channel = state.next;
        state.open.insert(
            channel,
            Writer {
                queue,
                room: Arc::clone(&room),
            },
        );
        (channel, outgoing, room)
    }

    /// Whether the transport under the channels is gone.
    async fn aborted(&self) -> bool {
        let keeper = lock(&self.state).keeper.clone();
        match keeper {
            Some(keeper) => !matches!(
                keeper.ready_state().await,
                Ok(RTCDataChannelState::Open | RTCDataChannelState::Connecting)
            ),
            None => false,
        }
    }

    async fn leave(&self, channel: ChannelId, id: Option<u16>, aborted: bool) {
        lock(&self.state).open.remove(&channel);
        self.tell(channel, "closed", id, aborted).await;
    }

    async fn tell(&self, channel: ChannelId, state: &'static str, id: Option<u16>, aborted: bool) {
        let state = ToWorker::ChannelState {
            pc: self.pc,
            channel,
            state,
            id,
            aborted,
        };
        if !self.outbox.put_channel(state).await {
            tracing::debug!(channel, "nobody hears of a channel any more");
        }
    }

    async fn run(
        &self,
        channel: ChannelId,
        dc: Arc<dyn DataChannel>,
        pc: Option<Arc<dyn PeerConnection>>,
        id: Option<u16>,
        outgoing: mpsc::Receiver<Outgoing>,
        room: Arc<Semaphore>,
    ) {
        let way = lock(&self.state).way.clone();
        self.tasks.spawn(write(
            self.pc,
            channel,
            Arc::clone(&dc),
            outgoing,
            room,
            Arc::clone(&self.outbox),
            way,
        ));
        let id = self.read(channel, &*dc, pc, id).await;
        let aborted = self.aborted().await;
        self.leave(channel, id, aborted).await;
    }

    async fn announce(&self, channel: ChannelId, dc: &dyn DataChannel, id: Option<u16>) {
        let opened = ToWorker::Channel {
            pc: self.pc,
            channel,
            label: dc.label().await.unwrap_or_default(),
            ordered: dc.ordered().await.unwrap_or(true),
            max_retransmits: dc.max_retransmits().await.unwrap_or_default(),
            max_packet_life_time: dc.max_packet_life_time().await.unwrap_or_default(),
            protocol: dc.protocol().await.unwrap_or_default(),
            id,
        };
        if !self.outbox.put_channel(opened).await {
            tracing::debug!(channel, "nobody hears of a channel any more");
        }
    }

    /// Passes on what comes, until the channel's end. Gives its SCTP stream, which may be known only when it opens.
    async fn read(
        &self,
        channel: ChannelId,
        dc: &dyn DataChannel,
        pc: Option<Arc<dyn PeerConnection>>,
        mut stream: Option<u16>,
    ) -> Option<u16> {
        let tell = |state, id| self.tell(channel, state, id, false);
        // A negotiated channel needs no word from the remote, and is open without an event.
        let negotiated = dc.negotiated().await.unwrap_or(false);
        let mut open = negotiated && matches!(dc.ready_state().await, Ok(RTCDataChannelState::Open));
        if open {
            tell("open", stream).await;
        }
        while let Some(event) = dc.poll().await {
            match event {
                DataChannelEvent::OnOpen if open => {}
                DataChannelEvent::OnOpen => {
                    open = true;
                    if let (None, Some(pc)) = (stream, &pc) {
                        stream = stream_of(&**pc, dc).await;
                    }
                    tell("open", stream).await;
                }
                DataChannelEvent::OnMessage(message) => {
                    let frame = Frame {
                        kind: FrameKind::DataReceived,
                        key: false,
                        text: message.is_string,
                        gap: false,
                        level: None,
                        layer: 0,
                        pc: self.pc,
                        target: channel,
                        timestamp: 0,
                        duration: 0,
                        payload: message.data.freeze(),
                    };
                    if !self.outbox.put_data(frame).await {
                        return stream;
                    }
                }
                DataChannelEvent::OnClosing => tell("closing", stream).await,
                DataChannelEvent::OnClose | DataChannelEvent::OnError => break,
                _ => {}
            }
        }
        stream
    }
}

/// Makes the planned channels once SCTP is up and negotiated: one made while it is coming up would be lost.
async fn make(channels: Weak<Channels>, ready: [watch::Receiver<bool>; 2], mut plans: mpsc::Receiver<Planned>) {
    for mut one in ready {
        if one.wait_for(|is| *is).await.is_err() {
            return;
        }
    }
    while let Some(planned) = plans.recv().await {
        let Planned {
            channel,
            label,
            options,
            outgoing,
            room,
        } = planned;
        let Some(this) = channels.upgrade() else { return };
        let Some(pc) = lock(&this.state).pc.clone() else { return };
        let id = options.negotiated;
        match pc.create_data_channel(&label, Some(options)).await {
            Ok(dc) => {
                let tasks = this.tasks.clone();
                tasks.spawn(async move { this.run(channel, dc, Some(pc), id, outgoing, room).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a channel could not be made");
                this.leave(channel, id, false).await;
            }
        }
    }
}

/// The SCTP stream of a channel. Only the engine's statistics tell it, by the channel's handle.
async fn stream_of(pc: &dyn PeerConnection, dc: &dyn DataChannel) -> Option<u16> {
    let report = pc.get_stats(Instant::now(), StatsSelector::None).await;
    let handle = dc.id().to_string();
    report.iter().find_map(|entry| match entry {
        RTCStatsReportEntry::DataChannel(stats) => {
            let of = stats.stats.id.rsplit('_').next()?;
            (of == handle).then_some(stats.data_channel_identifier)
        }
        _ => None,
    })
}

async fn write(
    pc: PcId,
    channel: ChannelId,
    dc: Arc<dyn DataChannel>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    room: Arc<Semaphore>,
    outbox: Arc<Outbox>,
    way: Option<Way>,
) {
    while let Some(next) = outgoing.recv().await {
        match next {
            Outgoing::Message(frame, weight) => {
                // Handing over waits while the engine has too much: what waits here is what the page sees as buffered.
                if dc.writable().await.is_err() {
                    tracing::debug!("a message came after its channel's end");
                }
                outbox.put_text(ToWorker::Flow {
                    pc,
                    channel,
                    amount: frame.payload.len() as u64,
                });
                let result = if frame.text {
                    match std::str::from_utf8(&frame.payload) {
                        Ok(text) => dc.send_text(text).await,
                        Err(_) => {
                            tracing::warn!("a text message that is not UTF-8 was dropped");
                            Ok(())
                        }
                    }
                } else {
                    dc.send(BytesMut::from(&frame.payload[..])).await
                };
                room.add_permits(weight as usize);
                if let Some(way) = &way {
                    way.nudge().await;
                }
                if let Err(error) = result {
                    tracing::debug!(%error, "a message could not be sent");
                }
            }
            Outgoing::Close => {
                // Closing at once would reset the stream under what is not yet acknowledged.
                let drained = async {
                    while dc.outstanding_bytes().await.unwrap_or(0) > 0 {
                        tokio::time::sleep(DRAIN).await;
                    }
                };
                if tokio::time::timeout(Duration::from_secs(10), drained).await.is_err() {
                    tracing::debug!(channel, "closing with messages unacknowledged");
                }
                if let Err(error) = dc.close().await {
                    tracing::debug!(%error, "a channel was closed already");
                }
            }
        }
    }
}
