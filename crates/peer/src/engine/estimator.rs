//! Transport-wide feedback for the bitrate rule.

use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{BandwidthEstimator, PacketReport};

use super::tap::{Shared, lock};
use crate::rtp::bitrate::Outcome;

pub struct Estimator {
    shared: Arc<Shared>,
}

impl Estimator {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        let outcomes: Vec<Outcome> = reports
            .iter()
            .map(|report| Outcome {
                departure: report.departure,
                arrival: report.arrival.filter(|_| report.arrived),
                size: report.size,
            })
            .collect();
        lock(&self.shared.bitrate).outcomes(&outcomes, now);
        self.shared.retarget();
    }

    fn target_bitrate(&self) -> f64 {
        f64::from(lock(&self.shared.bitrate).target())
    }
}
