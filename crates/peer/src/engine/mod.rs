//! The one home of `webrtc` and `rtc`: nothing outside this module names their types.

mod peer;

pub use peer::Peer;

use std::sync::Arc;

use crate::outbox::Outbox;
use crate::session::EventSink;

/// Where a peer connection speaks to.
#[derive(Clone)]
pub struct Ports {
    pub events: EventSink,
    pub outbox: Arc<Outbox>,
}
