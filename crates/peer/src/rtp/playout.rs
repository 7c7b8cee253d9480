//! The delay that a page asks for (`jitterBufferTarget`): how it is come to, and when pictures are due by it.

use std::time::{Duration, Instant};

/// The most that a page may ask for (webrtc-extensions, `jitterBufferTarget`).
pub const MOST: Duration = Duration::from_secs(4);
/// A delay changes by one part in so many of the time that goes by: what is shown and heard meanwhile is slower or faster by
/// as much, and nothing stands still or is left out.
const SLOPE: u32 = 4;
/// One picture's arrival counts for one of so many.
const MEMORY: i64 = 30;
/// Who comes by so much earlier or later than usual has another clock, in microseconds.
const JUMP: i64 = 1_000_000;

/// A delay on its way to what was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delay {
    asked: Duration,
    current: Duration,
}

impl Delay {
    pub fn ask(&mut self, asked: Duration) {
        self.asked = asked.min(MOST);
    }

    pub fn asked(&self) -> Duration {
        self.asked
    }

    pub fn current(&self) -> Duration {
        self.current
    }

    /// Nobody sees or hears anything that would become slower.
    pub fn jump(&mut self) {
        self.current = self.asked;
    }

    pub fn pass(&mut self, time: Duration) {
        let step = time / SLOPE;
        self.current = if self.current < self.asked {
            self.asked.min(self.current + step)
        } else {
            self.asked.max(self.current.saturating_sub(step))
        };
    }
}

/// When the pictures of one stream usually begin to come.
#[derive(Debug, Default)]
pub struct Arrivals {
    epoch: Option<Instant>,
    /// Microseconds from a picture's media time to its first packet.
    usual: Option<i64>,
    /// Pictures so far, up to `MEMORY`.
    seen: i64,
}

impl Arrivals {
    /// Takes a picture of media time `micros` whose first packet came at `came`; gives when such a one usually comes.
    pub fn picture(&mut self, micros: i64, came: Instant) -> Instant {
        let epoch = *self.epoch.get_or_insert(came);
        let travel = since(epoch, came).saturating_sub(micros);
        let former = self.usual.filter(|usual| travel.abs_diff(*usual) < JUMP.unsigned_abs());
        self.seen = former.map_or(1, |_| (self.seen + 1).min(MEMORY));
        let usual = former.map_or(travel, |usual| usual + (travel - usual) / self.seen);
        self.usual = Some(usual);
        let at = usual.saturating_add(micros);
        epoch + Duration::from_micros(u64::try_from(at).unwrap_or(0))
    }
}

fn since(epoch: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(epoch).as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_delay_is_come_to_step_by_step_up_and_down() {
        let mut delay = Delay::default();
        delay.ask(millis(1_000));
        delay.pass(millis(400));
        assert_eq!((delay.asked(), delay.current()), (millis(1_000), millis(100)));
        delay.pass(millis(9_999));
        assert_eq!(delay.current(), millis(1_000));
        delay.ask(Duration::ZERO);
        delay.pass(millis(2_000));
        assert_eq!(delay.current(), millis(500));
        delay.pass(millis(9_999));
        assert_eq!(delay.current(), Duration::ZERO);
        delay.ask(Duration::MAX);
        delay.jump();
        assert_eq!(delay.current(), MOST);
    }

    #[test]
    fn early_and_late_pictures_are_known_by_the_usual_ones() {
        let (mut arrivals, start) = (Arrivals::default(), Instant::now());
        let mut last = start;
        for n in 0..300_u64 {
            let late = [0, 40, 10, 30][n as usize % 4];
            last = arrivals.picture(n as i64 * 33_000, start + millis(n * 33 + late));
        }
        let usual = last.duration_since(start + millis(299 * 33));
        assert!((millis(17)..millis(23)).contains(&usual), "{usual:?}");
        // Another clock.
        let later = start + millis(20_000);
        assert_eq!(arrivals.picture(-7_000_000, later), later);
        assert_eq!(arrivals.picture(i64::MAX, later), later);
    }
}
