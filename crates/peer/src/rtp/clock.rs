//! Microseconds and RTP ticks.

use std::time::{Duration, Instant};

/// Timestamps further apart than this come from another source.
const JUMP: i64 = 5_000_000;

/// Turns a source's microseconds into RTP time that goes on when the source is replaced.
#[derive(Debug)]
pub struct SendClock {
    rate: u32,
    offset: u32,
    last: Option<(i64, Instant)>,
    /// Added to the source's time.
    shift: i64,
}

impl SendClock {
    /// `rate` is in ticks a second; `offset` the random start (RFC 3550, 5.1).
    pub fn new(rate: u32, offset: u32) -> Self {
        Self {
            rate,
            offset,
            last: None,
            shift: 0,
        }
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
        let ticks = i128::from(micros) * i128::from(self.rate) / 1_000_000;
        // The low 32 bits are the RTP clock.
        self.offset.wrapping_add(ticks as u32)
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
    last: Option<(Duration, u32)>,
    value: f64,
}

impl Jitter {
    /// `arrival` is counted from any fixed moment.
    pub fn packet(&mut self, arrival: Duration, timestamp: u32, rate: u32) -> f64 {
        if let Some((last, stamp)) = self.last {
            let expected = f64::from(timestamp.wrapping_sub(stamp) as i32) / f64::from(rate);
            let passed = arrival.as_secs_f64() - last.as_secs_f64();
            self.value += ((passed - expected).abs() - self.value) / 16.0;
        }
        self.last = Some((arrival, timestamp));
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
    fn steady_packets_have_no_jitter() {
        let mut jitter = Jitter::default();
        for n in 0..10_u32 {
            let value = jitter.packet(Duration::from_millis(u64::from(n) * 20), n * 960, 48_000);
            assert!(value.abs() < 1e-9);
        }
        assert!(jitter.packet(Duration::from_millis(300), 9_600, 48_000) > 0.0);
    }
}
