//! Microseconds and RTP ticks.

use std::time::{Duration, Instant};

/// Timestamps further apart than this come from another source.
const JUMP: i64 = 5_000_000;

/// Turns a source's microseconds into RTP time that goes on when the source is replaced.
#[derive(Debug)]
pub struct SendClock {
    rate: u32,
    /// The RTP time of a moment of the source's, from which the others are counted.
    zero: (i64, u32),
    last: Option<(i64, Instant)>,
    /// Added to the source's time.
    shift: i64,
}

impl SendClock {
    /// `rate` is in ticks a second; `offset` the random start (RFC 3550, 5.1).
    pub fn new(rate: u32, offset: u32) -> Self {
        Self {
            rate,
            zero: (0, offset),
            last: None,
            shift: 0,
        }
    }

    /// RTP ticks a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// What follows has a clock of another rate. It goes on where the former one was, as in browsers, for the SSRC stays.
    pub fn change(&mut self, rate: u32) {
        if let Some((last, _)) = self.last.filter(|_| rate != self.rate) {
            self.zero = (last, self.rtp(last));
        }
        self.rate = rate;
    }

    pub fn ticks(&mut self, micros: i64, now: Instant) -> u32 {
        let mut time = micros.saturating_add(self.shift);
        if let Some((last, at)) = self.last {
            let step = time.saturating_sub(last);
            if step <= 0 || step > JUMP {
                let passed = i64::try_from(now.duration_since(at).as_micros()).unwrap_or(JUMP);
                time = last.saturating_add(passed.max(1));
                self.shift = time.saturating_sub(micros);
            }
        }
        self.last = Some((time, now));
        self.rtp(time)
    }

    /// The RTP time of what has no time of its own.
    pub fn at(&self, now: Instant) -> u32 {
        let micros = self.last.map_or(0, |(last, at)| {
            let passed = i64::try_from(now.saturating_duration_since(at).as_micros()).unwrap_or(JUMP);
            last.saturating_add(passed)
        });
        self.rtp(micros)
    }

    fn rtp(&self, micros: i64) -> u32 {
        let (zero, offset) = self.zero;
        let passed = i128::from(micros) - i128::from(zero);
        let ticks = passed * i128::from(self.rate) / 1_000_000;
        // The low 32 bits are the RTP clock.
        offset.wrapping_add(ticks as u32)
    }
}

/// Turns RTP time into microseconds that do not wrap.
#[derive(Debug)]
pub struct ReceiveClock {
    rate: u32,
    last: Option<i64>,
}

impl ReceiveClock {
    pub fn new(rate: u32) -> Self {
        Self { rate, last: None }
    }

    pub fn micros(&mut self, timestamp: u32) -> i64 {
        let ticks = match self.last {
            None => i64::from(timestamp),
            Some(last) => last + i64::from(timestamp.wrapping_sub(last as u32) as i32),
        };
        self.last = Some(self.last.map_or(ticks, |last| last.max(ticks)));
        (i128::from(ticks) * 1_000_000 / i128::from(self.rate)) as i64
    }
}

/// How regularly packets come (RFC 3550, 6.4.1), in seconds.
#[derive(Debug, Default)]
pub struct Jitter {
    last: Option<(Duration, u32, u32)>,
    value: f64,
}

impl Jitter {
    /// `arrival` is counted from any fixed moment.
    pub fn packet(&mut self, arrival: Duration, timestamp: u32, rate: u32) -> f64 {
        // Of a packet of another clock nothing can be said.
        if let Some((last, stamp, _)) = self.last.filter(|(.., former)| *former == rate) {
            let expected = f64::from(timestamp.wrapping_sub(stamp) as i32) / f64::from(rate);
            let passed = arrival.as_secs_f64() - last.as_secs_f64();
            self.value += ((passed - expected).abs() - self.value) / 16.0;
        }
        self.last = Some((arrival, timestamp, rate));
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_time_does_not_wrap() {
        let mut clock = ReceiveClock::new(90_000);
        let before = clock.micros(u32::MAX - 89_999);
        assert_eq!(clock.micros(0) - before, 1_000_000);
        assert_eq!(clock.micros(90_000) - before, 2_000_000);
        assert_eq!(clock.micros(45_000) - before, 1_500_000);
    }

    #[test]
    fn sent_time_follows_the_source_and_survives_its_replacement() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut clock = SendClock::new(90_000, u32::MAX);
        assert_eq!(clock.ticks(1_000_000, at(0)), 89_999);
        assert_eq!(clock.ticks(1_100_000, at(100)), 98_999);
        // Another source begins elsewhere: as much time as has really passed.
        assert_eq!(clock.ticks(7, at(200)), 107_999);
        assert_eq!(clock.ticks(100_007, at(300)), 116_999);
        assert_eq!(clock.ticks(i64::MAX, at(400)), 125_999);
    }

    #[test]
    fn a_clock_of_another_rate_goes_on_where_the_former_was() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut clock = SendClock::new(48_000, u32::MAX);
        assert_eq!(clock.ticks(1_000_000, at(0)), 47_999);
        clock.change(8_000);
        assert_eq!(clock.ticks(1_020_000, at(20)), 47_999 + 160);
        assert_eq!(clock.ticks(1_040_000, at(40)), 47_999 + 320);
        clock.change(48_000);
        assert_eq!(clock.ticks(1_060_000, at(60)), 47_999 + 320 + 960);
        assert_eq!(clock.at(at(80)), 47_999 + 320 + 1_920);
    }

    #[test]
    fn steady_packets_have_no_jitter() {
        let mut jitter = Jitter::default();
        for n in 0..10_u32 {
            let value = jitter.packet(Duration::from_millis(u64::from(n) * 20), n * 960, 48_000);
            assert!(value.abs() < 1e-9);
        }
        // A codec of another clock begins.
        let begun = jitter.packet(Duration::from_millis(200), 5, 8_000);
        let steady = jitter.packet(Duration::from_millis(220), 165, 8_000);
        assert!(begun.abs() < 1e-9 && steady.abs() < 1e-9);
        assert!(jitter.packet(Duration::from_millis(300), 9_600, 8_000) > 0.0);
    }
}
