//! The one home of `webrtc` and `rtc`: nothing outside this module names their types.

// The engine's enums are non-exhaustive.
#![allow(clippy::wildcard_enum_match_arm)]

mod carrier;
mod certificates;
mod channels;
mod counters;
mod engine_stats;
mod estimator;
mod feedback;
mod handler;
mod peer;
mod plan;
mod receive;
mod send;
mod sockets;
mod states;
mod stats;
mod tap;
mod tasks;
mod transport;
mod way;

pub use certificates::Certificates;
pub use peer::Peer;

use std::sync::Arc;

use crate::outbox::Outbox;
use crate::session::EventSink;

/// Where a peer connection speaks to.
#[derive(Clone)]
pub struct Ports {
    pub events: EventSink,
    pub outbox: Arc<Outbox>,
    pub certificates: Arc<Certificates>,
}
