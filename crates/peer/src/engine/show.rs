//! When a picture goes to the decoder: at once, unless the network is unsteady or the voice that belongs to it is heard
//! later. Held back are whole frames, few of them, and none for long.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tap::Shared;
use crate::audio::driver::Audio;
use crate::rtp::Assembled;
use crate::rtp::clock::ReceiveClock;
use crate::rtp::wall::Smoother;
use crate::wire::{Kind, PcId, TransceiverId};

/// Frames that may be held back, and for how long.
const FRAMES: usize = 30;
const LIMIT: Duration = Duration::from_millis(300);
/// A voice further away than this, in microseconds, is not the picture's.
const APART: i64 = 1_500_000;
/// A measured distance counts for one of so many: what is played is told in steps.
const MEMORY: i64 = 16;
/// From handing a frame over to seeing it, in microseconds: decoding and drawing.
const DRAWING: i64 = 15_000;
/// So much a picture may be ahead of its voice: nobody notices.
const LEEWAY: i64 = 10_000;

/// The frames of one transceiver.
pub struct Show {
    pc: PcId,
    transceiver: TransceiverId,
    shared: Arc<Shared>,
    audio: Arc<Audio>,
    clock: ReceiveClock,
    smoother: Smoother,
    epoch: Instant,
    /// Microseconds from a picture's media time to the moment at which its voice is heard.
    voice: Option<i64>,
    held: VecDeque<(Instant, Assembled, i64)>,
}

impl Show {
    pub fn new(pc: PcId, transceiver: TransceiverId, shared: Arc<Shared>, audio: Arc<Audio>) -> Self {
        Self {
            pc,
            transceiver,
            shared,
            audio,
            clock: ReceiveClock::new(90_000),
            smoother: Smoother::default(),
            epoch: Instant::now(),
            voice: None,
            held: VecDeque::new(),
        }
    }

    /// Another sender: its clock is another one.
    pub fn restart(&mut self) {
        self.smoother = Smoother::default();
        self.voice = None;
    }

    /// Takes a frame that is complete.
    pub fn take(&mut self, frame: Assembled, now: Instant) {
        let micros = self.clock.micros(frame.timestamp);
        let smooth = self.smoother.hold(micros, now);
        let hold = smooth.max(self.behind_voice(frame.timestamp, micros, now)).min(LIMIT);
        let last = self.held.back().map_or(now, |(at, ..)| *at);
        let at = if self.held.len() < FRAMES {
            (now + hold).max(last)
        } else {
            now
        };
        self.held.push_back((at, frame, micros));
    }

    /// The next frame whose time has come, with its media time in microseconds.
    pub fn due(&mut self, now: Instant) -> Option<(Assembled, i64)> {
        self.held.front().filter(|(at, ..)| *at <= now)?;
        self.held.pop_front().map(|(_, frame, micros)| (frame, micros))
    }

    /// When `due` will have something.
    pub fn deadline(&self) -> Option<Instant> {
        self.held.front().map(|(at, ..)| *at)
    }

    /// How long the picture has to wait for its voice.
    fn behind_voice(&mut self, timestamp: u32, micros: i64, now: Instant) -> Duration {
        let Some(ahead) = self.ahead(timestamp).filter(|ahead| ahead.abs() < APART) else {
            self.voice = None;
            return Duration::ZERO;
        };
        let now = i64::try_from(now.saturating_duration_since(self.epoch).as_micros()).unwrap_or(i64::MAX);
        let measured = now.saturating_add(ahead).saturating_sub(micros);
        let voice = self
            .voice
            .map_or(measured, |former| former + (measured - former) / MEMORY);
        self.voice = Some(voice);
        let wait = voice + micros - now - DRAWING;
        if wait <= LEEWAY {
            return Duration::ZERO;
        }
        Duration::from_micros(wait.unsigned_abs())
    }

    /// By how many microseconds a picture is later than what is heard now.
    fn ahead(&self, timestamp: u32) -> Option<i64> {
        let plan = self.shared.plan();
        let own = plan.receiving.iter().find(|one| one.transceiver == self.transceiver)?;
        let voice = plan
            .receiving
            .iter()
            .filter(|one| one.codecs.kind == Kind::Audio)
            .find(|one| one.streams.iter().any(|stream| own.streams.contains(stream)))?
            .transceiver;
        drop(plan);
        let (picture, sound) = {
            let counters = self.shared.counters();
            (
                counters.inbound.get(&self.transceiver)?.mark?,
                counters.inbound.get(&voice)?.mark?,
            )
        };
        let position = self.audio.duplex().position((self.pc, voice))?;
        Some(picture.micros(timestamp, 90_000) - sound.micros(position, 48_000))
    }
}
