//! The sender's wall clock, which sender reports tie to the RTP time of each stream (RFC 3550, 6.4.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Source time is tied to ours anew within this time: clocks drift.
const RENEWAL: Duration = Duration::from_secs(10);
/// Seconds from 1900, where NTP begins, to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// Ties a page's clock, in microseconds, to ours. What comes from the page comes late by some milliseconds, never early:
/// the least difference is the best.
#[derive(Debug, Default)]
pub struct CaptureClock {
    epoch: Option<Instant>,
    /// Microseconds from the page's clock to ours, at least, lately and before that.
    least: Option<(i64, i64)>,
    since: Option<Instant>,
}

impl CaptureClock {
    /// Something captured at `micros` is here.
    pub fn came(&mut self, micros: i64, now: Instant) {
        let epoch = *self.epoch.get_or_insert(now);
        let offset = since(epoch, now).saturating_sub(micros);
        let (recent, former) = self.least.unwrap_or((offset, offset));
        let renew = self.since.is_none_or(|at| now.saturating_duration_since(at) > RENEWAL);
        // A page that was reloaded or slept has another clock.
        let other = recent.saturating_sub(offset).unsigned_abs() > RENEWAL.as_micros() as u64;
        self.least = Some(match (other, renew) {
            (true, _) => (offset, offset),
            (false, true) => (offset, recent),
            (false, false) => (recent.min(offset), former),
        });
        if renew {
            self.since = Some(now);
        }
    }

    /// How long ago `micros` was, in microseconds.
    pub fn ago(&self, micros: i64, now: Instant) -> Option<i64> {
        let (recent, former) = self.least?;
        let at = micros.saturating_add(recent.min(former));
        Some(since(self.epoch?, now).saturating_sub(at))
    }
}

/// The NTP time of so long after 1970.
pub fn ntp(since_1970: Duration) -> u64 {
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    ((since_1970.as_secs() + NTP_OFFSET) << 32) | fraction
}

/// A moment of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpTime {
    pub ticks: u32,
    /// Ticks a second.
    pub rate: u32,
}

/// Ties one stream's RTP time to its sender's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub ntp: u64,
    pub rtp: u32,
}

impl Mark {
    /// The wall clock at an RTP time, in microseconds from an arbitrary zero that all of a sender's streams share.
    pub fn micros(&self, at: RtpTime) -> i64 {
        // Wraps after 136 years of which nobody sees the end.
        let seconds = (self.ntp >> 32) as i64;
        let fraction = ((self.ntp & 0xffff_ffff) * 1_000_000) >> 32;
        let ticks = i64::from(at.ticks.wrapping_sub(self.rtp) as i32);
        seconds * 1_000_000 + fraction as i64 + ticks * 1_000_000 / i64::from(at.rate)
    }
}

/// Pictures of the last seconds, by how long they seemed to travel.
#[derive(Debug, Default)]
pub struct Smoother {
    /// When one came, and microseconds from its media time to that.
    travels: VecDeque<(Instant, i64)>,
    epoch: Option<Instant>,
}

/// Lateness is judged over this time, against the fastest picture in it: clocks drift, and paths change.
const JITTER_WINDOW: Duration = Duration::from_secs(3);
const PICTURES: usize = 400;
/// Out of ten pictures so many are to be in time.
const IN_TIME: usize = 9;
/// Pictures are held back for jitter no longer, and for less not at all, in microseconds.
const JITTER_MAX: i64 = 120_000;
const JITTER_MIN: i64 = 8_000;

impl Smoother {
    /// How long a picture of media time `micros` that is complete now is held back, so that most come out as evenly as
    /// they were taken.
    pub fn hold(&mut self, micros: i64, now: Instant) -> Duration {
        let epoch = *self.epoch.get_or_insert(now);
        let travel = since(epoch, now).saturating_sub(micros);
        self.travels.push_back((now, travel));
        let old = |at: &Instant| now.saturating_duration_since(*at) > JITTER_WINDOW;
        while self.travels.front().is_some_and(|(at, _)| old(at)) || self.travels.len() > PICTURES {
            self.travels.pop_front();
        }
        let mut all: Vec<i64> = self.travels.iter().map(|(_, travel)| *travel).collect();
        all.sort_unstable();
        let fastest = all.first().copied().unwrap_or(travel);
        let slow = all.get(all.len() * IN_TIME / 10).copied().unwrap_or(travel);
        let usual = slow.saturating_sub(fastest).min(JITTER_MAX);
        if usual < JITTER_MIN {
            return Duration::ZERO;
        }
        Duration::from_micros((usual - travel.saturating_sub(fastest)).max(0).unsigned_abs())
    }
}

fn since(epoch: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(epoch).as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_quickest_messages_tell_the_time() {
        let (mut clock, start) = (CaptureClock::default(), Instant::now());
        for n in 0..100 {
            // Captured every 10 ms, here 3 to 12 ms later.
            clock.came(
                5_000_000 + n * 10_000,
                start + millis(n as u64 * 10 + 3 + n as u64 % 10),
            );
        }
        let ago = clock.ago(5_000_000 + 990_000, start + millis(1_090)).unwrap();
        assert!((ago - 97_000).abs() <= 1_000, "{ago}");
    }

    #[test]
    fn two_streams_meet_on_the_wall_clock() {
        let audio = Mark {
            ntp: ntp(Duration::from_millis(1_000_500)),
            rtp: u32::MAX - 10,
        };
        let video = Mark {
            ntp: ntp(Duration::from_millis(1_001_500)),
            rtp: 90_000,
        };
        let seen = video.micros(RtpTime {
            ticks: 90_000 + 1_800,
            rate: 90_000,
        });
        for rate in [48_000, 8_000] {
            let ticks = (u32::MAX - 10).wrapping_add(rate);
            let heard = audio.micros(RtpTime { ticks, rate });
            assert!((seen - heard - 20_000).abs() <= 2, "{}", seen - heard);
        }
    }

    #[test]
    fn steady_pictures_are_not_held_and_unsteady_ones_come_out_evenly() {
        let (mut smoother, start) = (Smoother::default(), Instant::now());
        for n in 0..60_u64 {
            assert_eq!(smoother.hold(n as i64 * 33_000, start + millis(n * 33)), Duration::ZERO);
        }
        let mut smoother = Smoother::default();
        let mut shown = Vec::new();
        for n in 0..90_u64 {
            let now = start + millis(n * 33 + [0, 40, 10, 25][n as usize % 4]);
            shown.push(now + smoother.hold(n as i64 * 33_000, now));
        }
        let steps: Vec<_> = shown[30..]
            .windows(2)
            .map(|pair| pair[1].duration_since(pair[0]))
            .collect();
        assert!(
            steps.iter().all(|step| (millis(28)..millis(38)).contains(step)),
            "{steps:?}"
        );
    }
}
