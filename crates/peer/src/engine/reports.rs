//! Sender reports (RFC 3550, 6.4.1): they tie the RTP time of each stream to the moment at which it was captured, so
//! that the remote can bring voices and pictures together.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtc::rtcp::sender_report::SenderReport;

use super::tap::{Shared, lock};
use crate::rtp::wall::ntp;

/// Between two reports, and before the first.
const INTERVAL: Duration = Duration::from_secs(1);
const FIRST: Duration = Duration::from_millis(150);

/// When to report.
pub struct Reports {
    next: Option<Instant>,
    /// A wall clock that goes on evenly, whatever is done to the machine's.
    wall: (Instant, Duration),
}

impl Default for Reports {
    fn default() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            next: None,
            wall: (Instant::now(), since_1970),
        }
    }
}

impl Reports {
    /// Something is sent.
    pub fn sending(&mut self, now: Instant) {
        self.next.get_or_insert(now + FIRST);
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// The reports that are due, one for each stream that sends.
    pub fn due(&mut self, shared: &Shared, now: Instant) -> Vec<SenderReport> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        self.next = Some(now + INTERVAL);
        let wall = self.wall.1 + now.saturating_duration_since(self.wall.0);
        let plan = shared.plan();
        let counters = shared.counters();
        let clock = lock(&shared.clock);
        let report = |one: &super::plan::Sending| {
            let outbound = counters.outbound.get(&one.encoding)?;
            let (captured, rtp) = outbound.captured?;
            let ago = clock.ago(captured, now)?;
            let ticks = i128::from(ago) * i128::from(one.codecs.clock_rate(outbound.payload_type)) / 1_000_000;
            Some(SenderReport {
                ssrc: one.ssrc,
                ntp_time: ntp(wall),
                // The low 32 bits are the RTP clock; counters wrap like it.
                rtp_time: rtp.wrapping_add(ticks as u32),
                packet_count: outbound.packets.saturating_sub(outbound.retransmitted_packets) as u32,
                octet_count: outbound.bytes.saturating_sub(outbound.retransmitted_bytes) as u32,
                ..Default::default()
            })
        };
        plan.sending.iter().filter_map(report).collect()
    }
}
