//! The data channels of a connection: two tasks each, one for either direction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::{Semaphore, mpsc, watch};
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc::peer_connection::PeerConnection;

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
/// How often what the remote has acknowledged is looked at while something is not.
const FLOW: Duration = Duration::from_millis(20);

pub struct Channels {
    pc: PcId,
    outbox: Arc<Outbox>,
    tasks: Tasks,
    state: Mutex<State>,
    /// SCTP is up.
    up: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    next: ChannelId,
    open: HashMap<ChannelId, Writer>,
    way: Option<Way>,
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
    pub fn new(pc: PcId, outbox: Arc<Outbox>, tasks: Tasks) -> Self {
        Self {
            pc,
            outbox,
            tasks,
            state: Mutex::default(),
            up: watch::Sender::new(false),
        }
    }

    /// Makes a channel. The engine's one follows when SCTP is up: one made while it is coming up would be lost.
    pub fn create(self: &Arc<Self>, pc: Arc<dyn PeerConnection>, init: ChannelInit) -> Result<ChannelId> {
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
        let this = Arc::clone(self);
        let mut up = self.up.subscribe();
        self.tasks.spawn(async move {
            if up.wait_for(|up| *up).await.is_err() {
                return;
            }
            match pc.create_data_channel(&init.label, Some(options)).await {
                Ok(dc) => this.run(channel, dc, id, outgoing, room).await,
                Err(error) => {
                    tracing::warn!(%error, "a channel could not be made");
                    this.leave(channel, id);
                }
            }
        });
        Ok(channel)
    }

    /// Tells how to reach the driver.
    pub fn set_way(&self, way: Way) {
        lock(&self.state).way = Some(way);
    }

    /// Watches for SCTP by the engine's own channel. `ended` is called when the remote ends the transport under it.
    pub fn watch(self: &Arc<Self>, keeper: Arc<dyn DataChannel>, ended: impl FnOnce() + Send + 'static) {
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            while let Some(event) = keeper.poll().await {
                match event {
                    DataChannelEvent::OnOpen => {
                        this.up.send_replace(true);
                    }
                    DataChannelEvent::OnClose => return ended(),
                    _ => {}
                }
            }
        });
    }

    /// Takes a channel that the remote made.
    pub fn accept(self: &Arc<Self>, dc: Arc<dyn DataChannel>) {
        let (channel, outgoing, room) = self.enter();
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            this.announce(channel, &*dc).await;
            this.run(channel, dc, None, outgoing, room).await;
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
        lock(&self.state).open.clear();
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

    fn leave(&self, channel: ChannelId, id: Option<u16>) {
        lock(&self.state).open.remove(&channel);
        self.outbox.put_text(ToWorker::ChannelState {
            pc: self.pc,
            channel,
            state: "closed",
            id,
        });
    }

    async fn run(
        &self,
        channel: ChannelId,
        dc: Arc<dyn DataChannel>,
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
        self.read(channel, &*dc, id).await;
        self.leave(channel, id);
    }

    async fn announce(&self, channel: ChannelId, dc: &dyn DataChannel) {
        self.outbox.put_text(ToWorker::Channel {
            pc: self.pc,
            channel,
            label: dc.label().await.unwrap_or_default(),
            ordered: dc.ordered().await.unwrap_or(true),
            max_retransmits: dc.max_retransmits().await.unwrap_or_default(),
            max_packet_life_time: dc.max_packet_life_time().await.unwrap_or_default(),
            protocol: dc.protocol().await.unwrap_or_default(),
            id: None,
        });
    }

    async fn read(&self, channel: ChannelId, dc: &dyn DataChannel, stream: Option<u16>) {
        let tell = |state| {
            self.outbox.put_text(ToWorker::ChannelState {
                pc: self.pc,
                channel,
                state,
                id: stream,
            });
        };
        while let Some(event) = dc.poll().await {
            match event {
                DataChannelEvent::OnOpen => tell("open"),
                DataChannelEvent::OnMessage(message) => {
                    let frame = Frame {
                        kind: FrameKind::DataReceived,
                        key: false,
                        text: message.is_string,
                        gap: false,
                        pc: self.pc,
                        target: channel,
                        timestamp: 0,
                        duration: 0,
                        payload: message.data.freeze(),
                    };
                    if !self.outbox.put_data(frame).await {
                        return;
                    }
                }
                DataChannelEvent::OnClosing => tell("closing"),
                DataChannelEvent::OnClose | DataChannelEvent::OnError => break,
                _ => {}
            }
        }
    }
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
    let mut handed = 0_u64;
    let mut told = 0_u64;
    loop {
        // What the remote has acknowledged has left for good.
        let outstanding = dc.outstanding_bytes().await.unwrap_or(0) as u64;
        let left = handed.saturating_sub(outstanding);
        if left > told {
            outbox.put_text(ToWorker::Flow {
                pc,
                channel,
                amount: left - told,
            });
            told = left;
        }
        let next = if told == handed {
            outgoing.recv().await
        } else {
            tokio::select! {
                next = outgoing.recv() => next,
                () = tokio::time::sleep(FLOW) => continue,
            }
        };
        match next {
            Some(Outgoing::Message(frame, weight)) => {
                handed += frame.payload.len() as u64;
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
            Some(Outgoing::Close) => {
                // Closing at once would reset the stream under what is not yet acknowledged.
                let drained = async {
                    while dc.outstanding_bytes().await.unwrap_or(0) > 0 {
                        tokio::time::sleep(FLOW).await;
                    }
                };
                if tokio::time::timeout(Duration::from_secs(10), drained).await.is_err() {
                    tracing::debug!(channel, "closing with messages unacknowledged");
                }
                if let Err(error) = dc.close().await {
                    tracing::debug!(%error, "a channel was closed already");
                }
            }
            None => return,
        }
    }
}
