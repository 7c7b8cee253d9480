//! One task per transceiver that receives video: packets in, frames out to the worker, key frames asked for.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::carrier::picture_loss;
use super::show::{Due, Show};
use super::tap::Shared;
use super::way::Way;
use crate::audio::driver::Audio;
use crate::frame::{Frame, FrameKind};
use crate::outbox::{Outbox, Put};
use crate::rtp::codec::AudioCodec;
use crate::rtp::pictures::Pictures;
use crate::rtp::{Packet, Source};
use crate::wire::{PcId, TransceiverId};

/// Packets that may wait for the task: two seconds of 4 Mbit/s.
pub const QUEUE: usize = 1_024;

/// What a receiving task is fed with.
pub enum Input {
    /// A packet of pictures, when it came, and where from.
    Packet(Packet, Instant, Source),
    /// A packet of a voice, when it came, its SSRC, and what it carries.
    Voice(Packet, Instant, u32, AudioCodec),
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
        let mut pictures = Pictures::default();
        let mut show = Show::new(
            self.pc,
            self.transceiver,
            Arc::clone(&self.shared),
            Arc::clone(&self.audio),
        );
        let mut now = Instant::now();
        loop {
            let wake = [pictures.deadline(now), show.deadline()].into_iter().flatten().min();
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
                        if pictures.push(packet, source, at) {
                            show.restart();
                        }
                    }
                    // One that is held will do.
                    Some(Input::KeyFrameWanted) if show.holds_key() => {}
                    Some(Input::KeyFrameWanted) => pictures.want_key(),
                    Some(Input::Voice(..)) => {}
                },
                () = sleep => {}
            }
            now = Instant::now();
            while let Some(frame) = pictures.poll(now) {
                show.take(frame, now);
            }
            while let Some(due) = show.due(now) {
                if self.deliver(due, now) == Put::Dropped && !show.holds_key() {
                    pictures.want_key();
                }
            }
            {
                let mut counters = self.shared.counters();
                let inbound = counters.inbound.entry(self.transceiver).or_default();
                inbound.frames_dropped = pictures.dropped();
                inbound.packets_discarded = pictures.discarded();
                if let Some(trip) = inbound.repair_trip {
                    pictures.set_round_trip(trip);
                }
            }
            if let Some(ssrc) = pictures.ask(now) {
                self.ask(ssrc).await;
            }
        }
    }

    fn deliver(&self, due: Due, now: Instant) -> Put {
        let frame = due.frame;
        {
            let mut counters = self.shared.counters();
            let inbound = counters.inbound.entry(self.transceiver).or_default();
            inbound.frames += 1;
            inbound.waited += now.saturating_duration_since(frame.came);
            inbound.waited_least += due.least;
            inbound.waited_target += due.target;
            if frame.key {
                inbound.key_frames += 1;
                if let Some((width, height)) = frame.source.codec.dimensions(&frame.payload) {
                    (inbound.width, inbound.height) = (width, height);
                }
            }
        }
        self.outbox.put_media(Frame {
            kind: FrameKind::VideoReceived(frame.source.codec),
            key: frame.key,
            text: false,
            gap: frame.gap,
            level: None,
            layer: 0,
            pc: self.pc,
            target: self.transceiver,
            timestamp: due.micros,
            // Of a picture it is not known, and transforms are told whose it is.
            duration: frame.source.ssrc,
            payload: frame.payload,
        })
    }

    async fn ask(&self, ssrc: u32) {
        self.shared.counters().inbound.entry(self.transceiver).or_default().plis += 1;
        self.way.write(picture_loss(ssrc)).await;
    }
}
