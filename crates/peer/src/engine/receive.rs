//! One task per transceiver that receives video: packets in, frames out to the worker, key frames asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::carrier::picture_loss;
use super::show::Show;
use super::tap::Shared;
use super::way::Way;
use crate::audio::driver::Audio;
use crate::frame::{Frame, FrameKind};
use crate::outbox::{Outbox, Put};
use crate::rtp::video::VideoAssembler;
use crate::rtp::vp8::dimensions;
use crate::rtp::{Assembled, Packet};
use crate::wire::{PcId, TransceiverId};

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
    pub shared: Arc<Shared>,
    pub audio: Arc<Audio>,
    pub outbox: Arc<Outbox>,
    pub way: Way,
}

impl Receiver {
    /// Runs until the transceiver's queue is dropped.
    pub async fn run(self, mut inputs: mpsc::Receiver<Input>) {
        let mut order = VideoAssembler::new();
        let mut show = Show::new(
            self.pc,
            self.transceiver,
            Arc::clone(&self.shared),
            Arc::clone(&self.audio),
        );
        let mut ssrc = None;
        let mut asked: Option<Instant> = None;
        let mut wanted = false;
        loop {
            let ask_at = (wanted || order.needs_key())
                .then(|| asked.map_or_else(Instant::now, |asked| asked + PLI_INTERVAL))
                .filter(|_| ssrc.is_some());
            let wake = [order.deadline(), show.deadline(), ask_at].into_iter().flatten().min();
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
                            order = VideoAssembler::new();
                            show.restart();
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
                show.take(frame, now);
            }
            while let Some((frame, micros)) = show.due(now) {
                wanted |= self.deliver(frame, micros) == Put::Dropped;
            }
            {
                let mut counters = self.shared.counters();
                let inbound = counters.inbound.entry(self.transceiver).or_default();
                inbound.frames_dropped = order.dropped();
                if let Some(trip) = inbound.repair_trip {
                    order.set_round_trip(trip);
                }
            }
            let due = asked.is_none_or(|asked| now >= asked + PLI_INTERVAL);
            if let Some(ssrc) = ssrc
                && (wanted || order.needs_key())
                && due
            {
                asked = Some(now);
                wanted = false;
                self.ask(ssrc).await;
            }
        }
    }

    fn deliver(&self, frame: Assembled, micros: i64) -> Put {
        {
            let mut counters = self.shared.counters();
            let inbound = counters.inbound.entry(self.transceiver).or_default();
            inbound.frames += 1;
            if frame.key {
                inbound.key_frames += 1;
                if let Some((width, height)) = dimensions(&frame.payload) {
                    (inbound.width, inbound.height) = (width, height);
                }
            }
        }
        self.outbox.put_media(Frame {
            kind: FrameKind::VideoReceived,
            key: frame.key,
            text: false,
            gap: frame.gap,
            level: None,
            pc: self.pc,
            target: self.transceiver,
            timestamp: micros,
            duration: 0,
            payload: frame.payload,
        })
    }

    async fn ask(&self, ssrc: u32) {
        self.shared.counters().inbound.entry(self.transceiver).or_default().plis += 1;
        self.way.write(picture_loss(ssrc)).await;
    }
}
