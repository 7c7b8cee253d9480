//! The way for media and RTCP into the engine's connection.

use std::sync::Arc;

use rtc::rtcp::Packet;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

#[derive(Clone)]
pub struct Way {
    carrier: Arc<TrackLocalStaticRTP>,
    /// A relay may be used.
    relay: bool,
}

impl Way {
    pub fn new(carrier: Arc<TrackLocalStaticRTP>, relay: bool) -> Self {
        Self { carrier, relay }
    }

    /// Hands packets to the driver; waits while it is behind.
    pub async fn write(&self, packets: Vec<Box<dyn Packet>>) {
        if let Err(error) = self.carrier.write_rtcp(packets).await {
            tracing::debug!(%error, "packets could not be sent");
        }
        self.nudge().await;
    }

    /// Makes the driver write what waits for a relay (see `sockets`): nothing is handed over but the occasion.
    pub async fn nudge(&self) {
        if self.relay
            && let Err(error) = self.carrier.write_rtcp(Vec::new()).await
        {
            tracing::debug!(%error, "the driver is gone");
        }
    }
}
