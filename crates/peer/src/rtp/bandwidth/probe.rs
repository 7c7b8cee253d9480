//! Probes: for a moment more is sent than is allowed, to see whether the path takes it.

use std::time::{Duration, Instant};

use super::history::Fate;

/// How long a probe lasts at least, and of how many packets it consists at least.
const LENGTH: f64 = 0.06;
const PACKETS: usize = 6;
const PACKET: usize = 1_200;
/// When a probe is judged by what has been heard, at the latest.
const PATIENCE: Duration = Duration::from_secs(1);

/// A probe that is under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    pub id: u32,
    /// Bits per second to send at.
    pub rate: f64,
    /// Bytes to send at that rate.
    pub bytes: usize,
}

/// What a probe has found, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    pub rate: f64,
    /// The path took less than was sent.
    pub saturated: bool,
}

#[derive(Debug)]
struct Running {
    probe: Probe,
    since: Instant,
    sent: usize,
    packets: usize,
    departures: Option<(Instant, Instant)>,
    /// Bytes of the first and of the last packet.
    ends: (usize, usize),
    resolved: usize,
    arrived: usize,
    arrived_bytes: usize,
    arrivals: Option<(i64, i64)>,
    first_arrived: usize,
}

/// One probe at a time.
#[derive(Debug, Default)]
pub struct Prober {
    count: u32,
    running: Option<Running>,
}

impl Prober {
    pub fn start(&mut self, rate: f64, now: Instant) {
        self.count = self.count.wrapping_add(1);
        let bytes = ((rate * LENGTH / 8.0) as usize).max(PACKETS * PACKET);
        self.running = Some(Running {
            probe: Probe {
                id: self.count,
                rate,
                bytes,
            },
            since: now,
            sent: 0,
            packets: 0,
            departures: None,
            ends: (0, 0),
            resolved: 0,
            arrived: 0,
            arrived_bytes: 0,
            arrivals: None,
            first_arrived: 0,
        });
    }

    pub fn running(&self) -> bool {
        self.running.is_some()
    }

    /// The probe that wants more packets.
    pub fn sending(&self) -> Option<Probe> {
        let running = self.running.as_ref()?;
        (running.sent < running.probe.bytes).then_some(running.probe)
    }

    /// There is nothing to send: the probe ends with what it has.
    pub fn cut(&mut self) {
        if let Some(running) = &mut self.running {
            running.probe.bytes = running.sent;
        }
    }

    pub fn sent(&mut self, size: usize, now: Instant) {
        let Some(running) = &mut self.running else { return };
        if running.packets == 0 {
            running.ends.0 = size;
        }
        running.ends.1 = size;
        running.sent += size;
        running.packets += 1;
        let (first, _) = running.departures.unwrap_or((now, now));
        running.departures = Some((first, now));
    }

    pub fn heard(&mut self, fate: &Fate) {
        let Some(running) = self.running.as_mut().filter(|one| fate.probe == Some(one.probe.id)) else {
            return;
        };
        running.resolved += 1;
        let Some(arrival) = fate.arrival else { return };
        running.arrived += 1;
        running.arrived_bytes += fate.size;
        if running.arrivals.is_none() {
            running.first_arrived = fate.size;
        }
        let (first, last) = running.arrivals.unwrap_or((arrival, arrival));
        running.arrivals = Some((first.min(arrival), last.max(arrival)));
    }

    /// What the probe has found, once it is over; `Some(None)` if that is nothing.
    pub fn result(&mut self, now: Instant) -> Option<Option<Found>> {
        let running = self.running.as_ref()?;
        let complete = running.sent >= running.probe.bytes && running.resolved >= running.packets;
        if !complete && now.saturating_duration_since(running.since) < PATIENCE {
            return None;
        }
        let found = self.running.take().and_then(|running| running.found());
        Some(found)
    }
}

impl Running {
    fn found(&self) -> Option<Found> {
        let (left_first, left_last) = self.departures?;
        let (came_first, came_last) = self.arrivals?;
        if self.arrived < 5 || self.arrived * 5 < self.packets * 4 {
            return None;
        }
        let sending = left_last.saturating_duration_since(left_first).as_secs_f64();
        let coming = (came_last - came_first) as f64 / 1e6;
        if sending < 0.01 || coming < 0.005 {
            return None;
        }
        let sent = (self.sent - self.ends.1) as f64 * 8.0 / sending;
        let came = (self.arrived_bytes - self.first_arrived) as f64 * 8.0 / coming;
        Some(Found {
            rate: sent.min(came),
            saturated: came < sent * 0.9,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(spacing: i64) -> Option<Found> {
        let (mut prober, start) = (Prober::default(), Instant::now());
        prober.start(2e6, start);
        let mut departures = Vec::new();
        while let Some(probe) = prober.sending() {
            let now = start + Duration::from_micros(4_800 * departures.len() as u64);
            prober.sent(1_200, now);
            departures.push((probe.id, now));
        }
        for (index, (id, departure)) in departures.iter().enumerate() {
            prober.heard(&Fate {
                departure: *departure,
                arrival: Some(index as i64 * spacing),
                lost: false,
                size: 1_200,
                probe: Some(*id),
            });
        }
        prober.result(start).unwrap()
    }

    #[test]
    fn a_wide_path_shows_what_was_sent_and_a_narrow_one_what_it_takes() {
        let wide = run(4_800).unwrap();
        assert!((wide.rate - 2e6).abs() < 1.0 && !wide.saturated);
        let narrow = run(9_600).unwrap();
        assert!((narrow.rate - 1e6).abs() < 1.0 && narrow.saturated);
    }

    #[test]
    fn a_probe_of_which_little_is_heard_has_found_nothing() {
        let (mut prober, now) = (Prober::default(), Instant::now());
        prober.start(1e6, now);
        prober.sent(1_200, now);
        assert_eq!(prober.result(now), None);
        assert_eq!(prober.result(now + PATIENCE), Some(None));
        assert!(!prober.running());
    }
}
