//! When a picture goes to the decoder: at once, unless the network is unsteady, the voice that belongs to it is heard
//! later, or the page wants it held. Held back are whole frames, a bounded number of them: where there are more, the first
//! ones go at once. A voice that is heard earlier waits instead.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::tap::Shared;
use crate::audio::driver::Audio;
use crate::rtp::Assembled;
use crate::rtp::clock::ReceiveClock;
use crate::rtp::lips::{Lips, WAIT};
use crate::rtp::playout::{Arrivals, Delay};
use crate::rtp::wall::{RtpTime, Smoother};
use crate::wire::{Kind, PcId, TransceiverId};

/// Frames that may be held back, and those more for each time so long that the page wants them held: a sender's fastest.
const FRAMES: usize = 30;
const FRAME: Duration = Duration::from_millis(8);
/// Their bytes: four seconds of 32 Mbit/s.
const BYTES: usize = 16 << 20;
/// A voice further away than this, in microseconds, is not the picture's.
const APART: i64 = 1_500_000;

struct Held {
    /// It was whole.
    came: Instant,
    /// Before this it would jerk.
    smooth: Instant,
    /// When pictures of its time usually begin to come.
    usual: Instant,
    frame: Assembled,
    micros: i64,
}

/// A frame whose time has come.
pub struct Due {
    pub frame: Assembled,
    /// Its media time.
    pub micros: i64,
    /// From its first packet on: how long it would have had to wait for the network alone, and how long it should.
    pub least: Duration,
    pub target: Duration,
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
    arrivals: Arrivals,
    /// What the page asks for, and since when it changes; not before the first frame.
    delay: Delay,
    passed: Option<Instant>,
    held: VecDeque<Held>,
    bytes: usize,
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
            arrivals: Arrivals::default(),
            delay: Delay::default(),
            passed: None,
            held: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Another sender: its clock is another one.
    pub fn restart(&mut self) {
        self.smoother = Smoother::default();
        self.arrivals = Arrivals::default();
        self.lips = Lips::default();
    }

    /// Takes a frame that is complete.
    pub fn take(&mut self, frame: Assembled, now: Instant) {
        self.pass(now);
        if self.passed.is_none() {
            self.delay.jump();
            self.passed = Some(now);
        }
        let micros = self.clock.micros(frame.timestamp);
        let held = Held {
            came: now,
            smooth: now + self.smoother.hold(micros, now).min(WAIT),
            usual: self.arrivals.picture(micros, frame.came),
            frame,
            micros,
        };
        let shown = held.after(self.delay.current());
        self.listen(held.frame.timestamp, micros, shown, now);
        self.bytes += held.frame.payload.len();
        self.held.push_back(held);
    }

    /// The next frame whose time has come.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        self.pass(now);
        self.deadline().filter(|at| *at <= now)?;
        let held = self.held.pop_front()?;
        self.bytes -= held.frame.payload.len();
        let target = self.planned(&held, self.delay.asked());
        Some(Due {
            least: held.smooth.saturating_duration_since(held.frame.came),
            target: target.saturating_duration_since(held.frame.came),
            frame: held.frame,
            micros: held.micros,
        })
    }

    /// When `due` will have something.
    pub fn deadline(&self) -> Option<Instant> {
        let held = self.held.front()?;
        let delay = self.delay.current();
        let room = FRAMES + (delay.as_millis() / FRAME.as_millis()) as usize;
        if self.held.len() > room || self.bytes > BYTES {
            return Some(held.came);
        }
        Some(self.planned(held, delay))
    }

    /// A key frame is on its way to the decoder.
    pub fn holds_key(&self) -> bool {
        self.held.iter().any(|held| held.frame.key)
    }

    /// When a frame is to go if the page's delay is so long.
    fn planned(&self, held: &Held, delay: Duration) -> Instant {
        let heard = self
            .lips
            .heard(held.micros)
            .map(|heard| heard.min(held.came + delay + WAIT));
        let shown = held.after(delay);
        heard.map_or(shown, |heard| heard.max(shown))
    }

    /// Time goes by, and with it the delay changes.
    fn pass(&mut self, now: Instant) {
        self.delay.ask(self.shared.delay(self.transceiver));
        if let Some(before) = self.passed {
            self.delay.pass(now.saturating_duration_since(before));
            self.passed = Some(now);
        }
    }

    /// Finds out how far picture and voice are apart, and lets the voice wait if need be.
    fn listen(&mut self, timestamp: u32, micros: i64, shown: Instant, now: Instant) {
        let voice = self.belongs();
        if self.voice != voice {
            self.leave();
            self.voice = voice;
        }
        let ahead = voice.and_then(|voice| self.ahead(voice, timestamp));
        let apart = APART + self.delay.current().as_micros() as i64;
        let Some((voice, ahead)) = voice.zip(ahead.filter(|ahead| ahead.abs() < apart)) else {
            self.lips.silent();
            return;
        };
        let address = (self.pc, voice);
        let mut duplex = self.audio.duplex();
        let pending = duplex.pending(address) * 1_000 / 48;
        self.lips.picture(micros, shown, ahead, now);
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

impl Held {
    /// When it would be shown after such a delay, whatever is heard.
    fn after(&self, delay: Duration) -> Instant {
        if delay.is_zero() {
            return self.smooth;
        }
        self.smooth.max(self.usual + delay)
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::rtp::Source;
    use crate::rtp::playout::MOST;

    const MILLI: Duration = Duration::from_millis(1);

    /// Pictures of so many bytes, one every so many milliseconds, to be held for four seconds: the most that are held, and when
    /// each is let go after it came.
    fn hold(pictures: u64, bytes: usize, every: u32) -> (usize, Vec<Duration>) {
        let shared = Arc::new(Shared::new(Box::new(|_| {})));
        shared.set_delay(2, Some(MOST));
        let mut show = Show::new(1, 2, shared, Arc::default());
        let (start, mut came) = (Instant::now(), VecDeque::new());
        let (mut most, mut waited) = (0, Vec::new());
        let payload = Bytes::from(vec![0; bytes]);
        for number in 0..pictures as u32 {
            let now = start + MILLI * every * number;
            let frame = Assembled {
                source: Source::default(),
                key: number == 0,
                gap: false,
                timestamp: number.wrapping_mul(90 * every),
                came: now,
                payload: payload.clone(),
            };
            came.push_back(now);
            show.take(frame, now);
            while show.due(now).is_some() {
                waited.extend(came.pop_front().map(|then| now - then));
            }
            most = most.max(show.held.len());
        }
        assert_eq!(show.bytes, show.held.len() * bytes);
        assert_eq!(show.held.len() + waited.len(), pictures as usize, "none is lost");
        (most, waited)
    }

    #[test]
    fn pictures_wait_as_long_as_the_page_wants() {
        let (most, waited) = hold(300, 10_000, 33);
        assert!(most <= 123, "{most}");
        let four = MOST..=MOST + MILLI * 33;
        assert!(
            waited.len() > 170 && waited.iter().all(|wait| four.contains(wait)),
            "{waited:?}"
        );
    }

    #[test]
    fn too_many_and_too_large_ones_wait_less_and_are_not_lost() {
        let (most, waited) = hold(3_000, 100, 2);
        assert!(most <= 530 && waited.len() >= 2_470, "{most}");
        let (most, waited) = hold(200, 1 << 20, 33);
        assert!(most <= 16 && waited.len() >= 184, "{most}");
    }
}
