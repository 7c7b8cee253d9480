use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one direction of a line does to the frames that pass it. By default: nothing.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Impairment {
    /// Share of the frames that are lost, below 1.
    pub(crate) loss: f64,
    /// How many frames are lost in a row, on average (Gilbert's model); 0 when each is lost or not by itself.
    pub(crate) burst: f64,
    pub(crate) delay_ms: f64,
    /// At most so much is added to the delay, evenly spread. It alone leaves the frames in order.
    pub(crate) jitter_ms: f64,
    /// Share of the frames that are held back, so that later ones overtake them.
    pub(crate) reorder: f64,
    /// For so long.
    pub(crate) held_back_ms: f64,
    /// Share of the frames that pass twice.
    pub(crate) duplicate: f64,
    /// Kilobits a second, Ethernet's header included; 0 when there is no limit.
    pub(crate) kbits: f64,
    /// What takes longer than this to pass at that rate does not fit into the queue before it, and is dropped.
    pub(crate) queue_ms: f64,
}

impl Default for Impairment {
    fn default() -> Self {
        Self {
            loss: 0.0,
            burst: 0.0,
            delay_ms: 0.0,
            jitter_ms: 0.0,
            reorder: 0.0,
            held_back_ms: 20.0,
            duplicate: 0.0,
            kbits: 0.0,
            queue_ms: 300.0,
        }
    }
}

impl Impairment {
    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let share = |share: f64| (0.0..1.0).contains(&share);
        let time = |millis: f64| (0.0..=60_000.0).contains(&millis);
        if ![self.loss, self.reorder, self.duplicate].into_iter().all(share) {
            Some("loss, reorder and duplicate are shares, from 0 to below 1")
        } else if ![self.delay_ms, self.jitter_ms, self.held_back_ms, self.queue_ms]
            .into_iter()
            .all(time)
        {
            Some("times are milliseconds, up to a minute")
        } else if self.burst != 0.0 && !(1.0..=1_000.0).contains(&self.burst) {
            Some("a burst is 1 to 1000 frames long")
        } else if self.kbits != 0.0 && !(1.0..=10_000_000.0).contains(&self.kbits) {
            Some("a rate is 1 to 10000000 kbit/s")
        } else {
            None
        }
    }

    /// How long a frame takes to pass at the rate.
    pub(crate) fn passage(&self, bytes: usize) -> Duration {
        if self.kbits == 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(bytes as f64 * 8.0 / (self.kbits * 1_000.0))
    }

    /// Whether so many bytes fit into the queue.
    pub(crate) fn holds(&self, bytes: usize) -> bool {
        self.passage(bytes) <= millis(self.queue_ms)
    }
}

pub(crate) fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1_000.0)
}
