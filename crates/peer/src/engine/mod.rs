//! The one home of `webrtc` and `rtc`: nothing outside this module names their types.

// The engine's enums are non-exhaustive.
#![allow(clippy::wildcard_enum_match_arm)]

mod alert;
mod build;
pub mod carrier;
mod certificates;
mod channels;
mod counters;
mod direct_tcp;
mod egress;
mod engine_stats;
mod feedback;
mod handler;
mod names;
mod negotiation;
mod nudging;
mod pace;
mod peer;
mod pipelines;
pub mod plan;
pub mod receive;
mod reports;
mod restart;
mod rids;
mod routes;
mod send;
mod servers;
mod shared;
mod shares;
pub mod show;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod simulcast_tests;
mod sockets;
mod states;
mod stats;
mod stream;
mod stun;
pub mod tap;
mod tasks;
mod transport;
mod voice;
mod way;

pub use certificates::Certificates;
pub use peer::Peer;
pub use voice::frames;

use std::sync::Arc;

use crate::audio::driver::Audio;
use crate::outbox::Outbox;
use crate::session::EventSink;

/// Where a peer connection speaks to.
#[derive(Clone)]
pub struct Ports {
    pub events: EventSink,
    /// To the media worker.
    pub outbox: Arc<Outbox>,
    /// What concerns data channels.
    pub data: Arc<Outbox>,
    pub certificates: Arc<Certificates>,
    pub audio: Arc<Audio>,
}
