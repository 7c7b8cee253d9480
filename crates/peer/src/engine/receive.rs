//! One task per receiving transceiver: packets in, frames out to the worker, key frames asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::carrier::picture_loss;
use super::tap::Shared;
use super::way::Way;
use crate::frame::{Frame, FrameKind};
use crate::outbox::{Outbox, Put};
use crate::rtp::audio::AudioOrder;
use crate::rtp::clock::ReceiveClock;
use crate::rtp::video::VideoAssembler;
use crate::rtp::vp8::dimensions;
use crate::rtp::{Assembled, Packet};
use crate::wire::{Kind, PcId, TransceiverId};

/// Packets that may wait for the task: two seconds of 4 Mbit/s.
pub const QUEUE: usize = 1_024;
/// Key frames are asked for no more often than this.
const PLI_INTERVAL: Duration = Duration::from_millis(300);

/// What a receiving task is fed with.
pub enum Input {
    /// A packet, when it came, and the SSRC to complain to.
    Packet(Packet, Instant, u32),
    /// The decoder cannot go on.
    KeyFrameWanted,
}

/// Everything a receiving task needs.
pub struct Receiver {
    pub pc: PcId,
    pub transceiver: TransceiverId,
    pub kind: Kind,
    pub shared: Arc<Shared>,
    pub outbox: Arc<Outbox>,
    pub way: Way,
}

enum Order {
    Video(VideoAssembler),
    Audio(AudioOrder),
}

impl Order {
    fn push(&mut self, packet: Packet, now: Instant) {
        match self {
            Self::Video(video) => video.push(packet, now),
            Self::Audio(audio) => audio.push(packet, now),
        }
    }

    fn poll(&mut self, now: Instant) -> Option<Assembled> {
        match self {
            Self::Video(video) => video.poll(now),
            Self::Audio(audio) => audio.poll(now),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Video(video) => video.deadline(),
            Self::Audio(audio) => audio.deadline(),
        }
    }

    fn needs_key(&self) -> bool {
        matches!(self, Self::Video(video) if video.needs_key())
    }
}

impl Receiver {
    /// Runs until the transceiver's queue is dropped.
    pub async fn run(self, mut inputs: mpsc::Receiver<Input>) {
        let (mut order, rate) = match self.kind {
            Kind::Video => (Order::Video(VideoAssembler::new()), 90_000),
            Kind::Audio => (Order::Audio(AudioOrder::default()), 48_000),
        };
        let mut clock = ReceiveClock::new(rate);
        let mut ssrc = None;
        let mut asked: Option<Instant> = None;
        let mut wanted = false;
        loop {
            let ask_at = (wanted || order.needs_key())
                .then(|| asked.map_or_else(Instant::now, |asked| asked + PLI_INTERVAL))
                .filter(|_| ssrc.is_some() && self.kind == Kind::Video);
            let wake = [order.deadline(), ask_at].into_iter().flatten().min();
            let sleep = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                input = inputs.recv() => match input {
                    None => return,
                    Some(Input::Packet(packet, at, source)) => {
                        if ssrc.replace(source).is_some_and(|former| former != source) {
                            // Another sender: nothing of the former one fits together with it.
                            order = match self.kind {
                                Kind::Video => Order::Video(VideoAssembler::new()),
                                Kind::Audio => Order::Audio(AudioOrder::default()),
                            };
                        }
                        order.push(packet, at);
                    }
                    Some(Input::KeyFrameWanted) => wanted = true,
                },
                () = sleep => {}
            }
            let now = Instant::now();
            while let Some(frame) = order.poll(now) {
                wanted &= !frame.key;
                wanted |= self.deliver(frame, &mut clock) == Put::Dropped && self.kind == Kind::Video;
            }
            if let Order::Video(video) = &order {
                let mut counters = self.shared.counters();
                counters.inbound.entry(self.transceiver).or_default().frames_dropped = video.dropped();
            }
            let due = asked.is_none_or(|asked| now >= asked + PLI_INTERVAL);
            if let Some(ssrc) = ssrc
                && self.kind == Kind::Video
                && (wanted || order.needs_key())
                && due
            {
                asked = Some(now);
                wanted = false;
                self.ask(ssrc).await;
            }
        }
    }

    fn deliver(&self, frame: Assembled, clock: &mut ReceiveClock) -> Put {
        {
            let mut counters = self.shared.counters();
            let inbound = counters.inbound.entry(self.transceiver).or_default();
            inbound.frames += 1;
            if self.kind == Kind::Video && frame.key {
                inbound.key_frames += 1;
                if let Some((width, height)) = dimensions(&frame.payload) {
                    (inbound.width, inbound.height) = (width, height);
                }
            }
        }
        self.outbox.put_media(Frame {
            kind: match self.kind {
                Kind::Video => FrameKind::VideoReceived,
                Kind::Audio => FrameKind::AudioReceived,
            },
            key: frame.key,
            text: false,
            gap: frame.gap,
            pc: self.pc,
            target: self.transceiver,
            timestamp: clock.micros(frame.timestamp),
            duration: 0,
            payload: frame.payload,
        })
    }

    async fn ask(&self, ssrc: u32) {
        self.shared.counters().inbound.entry(self.transceiver).or_default().plis += 1;
        self.way.write(picture_loss(ssrc)).await;
    }
}
