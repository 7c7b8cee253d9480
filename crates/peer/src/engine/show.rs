//! When a picture goes to the decoder: at once, unless the network is unsteady or the voice that belongs to it is heard
//! later. Held back are whole frames, few of them, and none for long. A voice that is heard earlier waits instead.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::tap::Shared;
use crate::audio::driver::Audio;
use crate::rtp::Assembled;
use crate::rtp::clock::ReceiveClock;
use crate::rtp::lips::{Lips, WAIT};
use crate::rtp::wall::{RtpTime, Smoother};
use crate::wire::{Kind, PcId, TransceiverId};

/// Frames that may be held back.
const FRAMES: usize = 30;
/// A voice further away than this, in microseconds, is not the picture's.
const APART: i64 = 1_500_000;

struct Held {
    came: Instant,
    /// Before this it would jerk.
    smooth: Instant,
    frame: Assembled,
    micros: i64,
}

/// The frames of one transceiver.
pub struct Show {
    pc: PcId,
    transceiver: TransceiverId,
    shared: Arc<Shared>,
    audio: Arc<Audio>,
    clock: ReceiveClock,
    smoother: Smoother,
    lips: Lips,
    /// The voice that belongs to the pictures.
    voice: Option<TransceiverId>,
    held: VecDeque<Held>,
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
            lips: Lips::default(),
            voice: None,
            held: VecDeque::new(),
        }
    }

    /// Another sender: its clock is another one.
    pub fn restart(&mut self) {
        self.smoother = Smoother::default();
        self.lips = Lips::default();
    }

    /// Takes a frame that is complete.
    pub fn take(&mut self, frame: Assembled, now: Instant) {
        let micros = self.clock.micros(frame.timestamp);
        let smooth = now + self.smoother.hold(micros, now).min(WAIT);
        self.listen(frame.timestamp, micros, smooth, now);
        self.held.push_back(Held {
            came: now,
            smooth,
            frame,
            micros,
        });
    }

    /// The next frame whose time has come, with its media time in microseconds.
    pub fn due(&mut self, now: Instant) -> Option<(Assembled, i64)> {
        self.deadline().filter(|at| *at <= now)?;
        self.held.pop_front().map(|held| (held.frame, held.micros))
    }

    /// When `due` will have something.
    pub fn deadline(&self) -> Option<Instant> {
        let held = self.held.front()?;
        if self.held.len() > FRAMES {
            return Some(held.came);
        }
        let heard = self.lips.heard(held.micros).map(|heard| heard.min(held.came + WAIT));
        Some(heard.map_or(held.smooth, |heard| heard.max(held.smooth)))
    }

    /// Finds out how far picture and voice are apart, and lets the voice wait if need be.
    fn listen(&mut self, timestamp: u32, micros: i64, smooth: Instant, now: Instant) {
        let voice = self.belongs();
        if self.voice != voice {
            self.leave();
            self.voice = voice;
        }
        let ahead = voice.and_then(|voice| self.ahead(voice, timestamp));
        let Some((voice, ahead)) = voice.zip(ahead.filter(|ahead| ahead.abs() < APART)) else {
            self.lips.silent();
            return;
        };
        let address = (self.pc, voice);
        let mut duplex = self.audio.duplex();
        let pending = duplex.pending(address) * 1_000 / 48;
        self.lips.picture(micros, smooth, ahead, now);
        if let Some(extra) = self.lips.wait(pending, now) {
            duplex.wait_for(address, self.transceiver, extra.as_millis() as usize * 48);
        }
    }

    /// The voice waits no longer.
    fn leave(&mut self) {
        if let Some(voice) = self.voice.take() {
            self.audio.duplex().wait_for((self.pc, voice), self.transceiver, 0);
            self.lips = Lips::default();
        }
    }

    fn belongs(&self) -> Option<TransceiverId> {
        let plan = self.shared.plan();
        let own = plan.receiving.iter().find(|one| one.transceiver == self.transceiver)?;
        let mut voices = plan.receiving.iter().filter(|one| one.codecs.kind == Kind::Audio);
        let voice = voices.find(|one| one.streams.iter().any(|stream| own.streams.contains(stream)))?;
        Some(voice.transceiver)
    }

    /// By how many microseconds a picture is later than what is heard now.
    fn ahead(&self, voice: TransceiverId, timestamp: u32) -> Option<i64> {
        let (picture, sound) = {
            let counters = self.shared.counters();
            (
                counters.inbound.get(&self.transceiver)?.mark?,
                counters.inbound.get(&voice)?.mark?,
            )
        };
        let position = self.audio.duplex().position((self.pc, voice))?;
        let timestamp = RtpTime {
            ticks: timestamp,
            rate: 90_000,
        };
        Some(picture.micros(timestamp) - sound.micros(position))
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.leave();
    }
}
