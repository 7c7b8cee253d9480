//! Lips and voice: when the voice of a picture is heard, and how long the one of both that is earlier has to wait.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Neither waits longer than this for the other, beyond what the page wants both to wait.
pub const WAIT: Duration = Duration::from_millis(300);
/// A measured distance counts for one of so many: what is played is told in steps of 10 ms.
const MEMORY: i64 = 6;
/// A distance that is further from the former ones is a new one, in microseconds.
const JUMP: i64 = 150_000;
/// From handing a frame over to seeing it, in microseconds: decoding and drawing.
const DRAWING: i64 = 15_000;
/// Nobody notices so much, in microseconds.
const LEEWAY: i64 = 10_000;
/// Pictures by which it is judged whether the voice should wait, and how often.
const PICTURES: usize = 31;
const INTERVAL: Duration = Duration::from_millis(500);

/// One picture's voice.
#[derive(Debug, Default)]
pub struct Lips {
    epoch: Option<Instant>,
    /// Microseconds from a picture's media time to the moment, counted from the epoch, at which its voice is heard.
    voice: Option<i64>,
    /// By how many microseconds pictures would be later than their voices if they did not wait for them.
    lags: VecDeque<i64>,
    judged: Option<Instant>,
    /// What the voice has been told to wait, in microseconds.
    extra: i64,
}

impl Lips {
    /// A picture of media time `micros` will be shown at `shown` or later; it is `ahead` microseconds later than what is
    /// heard now.
    pub fn picture(&mut self, micros: i64, shown: Instant, ahead: i64, now: Instant) {
        let epoch = *self.epoch.get_or_insert(now);
        let measured = since(epoch, now).saturating_add(ahead).saturating_sub(micros);
        let former = self.voice.filter(|former| (measured - former).abs() < JUMP);
        let voice = former.map_or(measured, |former| former + (measured - former) / MEMORY);
        self.voice = Some(voice);
        if self.lags.len() == PICTURES {
            self.lags.pop_front();
        }
        self.lags.push_back(since(epoch, shown) + DRAWING - voice - micros);
    }

    /// Nothing is heard.
    pub fn silent(&mut self) {
        self.voice = None;
        self.lags.clear();
    }

    /// When a picture has to be handed over to be seen with its voice.
    pub fn heard(&self, micros: i64) -> Option<Instant> {
        let (epoch, voice) = self.epoch.zip(self.voice)?;
        let at = voice.saturating_add(micros) - DRAWING - LEEWAY / 2;
        Some(epoch + Duration::from_micros(u64::try_from(at).unwrap_or(0)))
    }

    /// How long the voice is to wait from now on, if that is news; its delay is going to change by `pending` microseconds
    /// by itself.
    pub fn wait(&mut self, pending: i64, now: Instant) -> Option<Duration> {
        let judged = *self.judged.get_or_insert(now);
        if self.lags.len() < PICTURES || now.saturating_duration_since(judged) < INTERVAL {
            return None;
        }
        self.judged = Some(now);
        let mut lags: Vec<i64> = self.lags.iter().copied().collect();
        lags.sort_unstable();
        let lag = lags.get(lags.len() / 2)? - pending;
        let next = (self.extra + lag / 2).clamp(0, i64::try_from(WAIT.as_micros()).unwrap_or(i64::MAX));
        if lag.abs() <= LEEWAY || next == self.extra {
            return None;
        }
        self.extra = next;
        Some(Duration::from_micros(next.unsigned_abs()))
    }
}

fn since(epoch: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(epoch).as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of 30 a second that are complete 50 ms after they were taken; their voice is heard after `heard` ms, and
    /// after what it was told to wait.
    fn watch(heard: i64, pictures: u64) -> (Lips, i64) {
        let (mut lips, start, mut extra) = (Lips::default(), Instant::now(), 0);
        for number in 0..pictures {
            let micros = number as i64 * 33_333;
            let now = start + Duration::from_micros(number * 33_333);
            let ahead = heard * 1_000 + extra - 50_000;
            lips.picture(micros, now, ahead, now);
            extra = lips.wait(0, now).map_or(extra, |wait| wait.as_micros() as i64);
        }
        (lips, extra)
    }

    #[test]
    fn pictures_wait_for_a_later_voice_and_an_earlier_voice_for_them() {
        let (lips, extra) = watch(150, 300);
        let at = lips.heard(0).zip(lips.epoch).map(|(at, epoch)| at - epoch);
        assert_eq!((extra, at), (0, Some(Duration::from_millis(80))));
        let (lips, extra) = watch(20, 300);
        assert!((30_000..=60_000).contains(&extra), "{extra}");
        assert!(lips.heard(0) <= lips.epoch.map(|epoch| epoch + Duration::from_millis(10)));
        assert_eq!(watch(-5_000, 300).1, 300_000);
    }

    #[test]
    fn without_a_voice_nothing_waits() {
        let (mut lips, _) = watch(150, 100);
        lips.silent();
        assert_eq!(lips.heard(0), None);
        assert_eq!(lips.wait(0, Instant::now() + INTERVAL * 10), None);
    }
}
