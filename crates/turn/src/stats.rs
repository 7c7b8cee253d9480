//! What the operator can see. Numbers only: no address and no name.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One number, read at any time from anywhere.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// How to name a sample: a counter grows, a gauge goes up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One line for a metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `turn_...`, counters ending in `_total`.
    pub name: &'static str,
    /// At most one label, as name and value.
    pub label: Option<(&'static str, &'static str)>,
    /// What kind of number it is.
    pub kind: Kind,
    /// The number.
    pub value: u64,
}

macro_rules! stats {
    ($($(#[$doc:meta])* $field:ident => $name:literal, $label:expr, $kind:ident;)*) => {
        /// All counters of one server.
        #[derive(Debug, Default)]
        pub struct Stats { $($(#[$doc])* pub $field: Counter,)* }

        impl Stats {
            /// Every number with its name, samples of one name next to each other.
            pub fn samples(&self) -> Vec<Sample> {
                vec![$(Sample { name: $name, label: $label, kind: Kind::$kind, value: self.$field.get() },)*]
            }
        }
    };
}

stats! {
    /// Allocations alive.
    allocations => "turn_allocations", None, Gauge;
    /// Allocations ever made.
    allocations_total => "turn_allocations_total", None, Counter;
    /// TCP and TLS connections open.
    connections => "turn_connections", None, Gauge;
    /// TCP and TLS connections ever taken.
    connections_total => "turn_connections_total", None, Counter;
    /// STUN binding requests answered.
    bindings => "turn_bindings_total", None, Counter;
    /// Payload bytes relayed from clients to peers.
    bytes_to_peers => "turn_relayed_bytes_total", Some(("to", "peer")), Counter;
    /// Payload bytes relayed from peers to clients.
    bytes_to_clients => "turn_relayed_bytes_total", Some(("to", "client")), Counter;
    /// Packets relayed from clients to peers.
    packets_to_peers => "turn_relayed_packets_total", Some(("to", "peer")), Counter;
    /// Packets relayed from peers to clients.
    packets_to_clients => "turn_relayed_packets_total", Some(("to", "client")), Counter;
    /// Requests with a wrong password or a username in no known form (401). A first request without any is not one.
    refused_unauthorized => "turn_refused_total", Some(("reason", "unauthorized")), Counter;
    /// Requests whose credential has ended (401).
    refused_expired => "turn_refused_total", Some(("reason", "expired")), Counter;
    /// Requests on another user's allocation (441).
    refused_wrong_user => "turn_refused_total", Some(("reason", "wrong-user")), Counter;
    /// Peers that the policy refuses (403).
    refused_peer => "turn_refused_total", Some(("reason", "peer")), Counter;
    /// Allocations beyond one user's quota (486).
    refused_quota => "turn_refused_total", Some(("reason", "quota")), Counter;
    /// Requests beyond the server's bounds, or without a free port (508).
    refused_capacity => "turn_refused_total", Some(("reason", "capacity")), Counter;
    /// Requests that make no sense, or ask for what is not offered (400, 420, 437, 440, 442, 443).
    refused_request => "turn_refused_total", Some(("reason", "request")), Counter;
    /// Connections beyond the bounds.
    refused_connection => "turn_refused_total", Some(("reason", "connection")), Counter;
    /// Packets that are neither STUN nor channel data, or broken.
    dropped_malformed => "turn_dropped_total", Some(("reason", "malformed")), Counter;
    /// Requests of an address that asks too often.
    dropped_rate => "turn_dropped_total", Some(("reason", "rate")), Counter;
    /// Data on a channel, allocation or permission that is not there.
    dropped_permission => "turn_dropped_total", Some(("reason", "permission")), Counter;
    /// Data for peers that the policy refuses.
    dropped_peer => "turn_dropped_total", Some(("reason", "peer")), Counter;
    /// Data beyond a user's bandwidth.
    dropped_bandwidth => "turn_dropped_total", Some(("reason", "bandwidth")), Counter;
    /// Data that a socket or a slow client's queue had no room for.
    dropped_queue => "turn_dropped_total", Some(("reason", "queue")), Counter;
}
