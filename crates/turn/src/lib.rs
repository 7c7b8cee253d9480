//! A STUN and TURN server (RFC 8489, RFC 8656) for one secret and many strangers: UDP, TCP and TLS clients, UDP relays,
//! REST credentials, a strict peer policy, and a bound on everything that a client can make grow.
//!
//! ```text
//!                  one lock, no socket, no clock, no dice
//!                ┌────────────────────────────────────────┐
//!  UDP  ──task──▶│ core   request: who is it, may they?   │──▶ relay socket ──task per allocation──▶ peers
//!  TCP  ─┐       │        table: allocations, permissions,│◀──                                      ◀──
//!  TLS  ─┴─task─▶│               channels, users          │
//!   per connection  relayed address to relayed address:   │
//!     (frames)   │  handed over inside, never sent        │
//!                └────────────────────────────────────────┘
//!                   ▲ policy: which peers     ▲ limiter: how often, how much
//! ```
//!
//! Messages and attributes are `turn-types` and `stun-types`; what is done with them is here. The core gets a packet in a
//! buffer with room before it, and answers with an action and a range of that buffer: relayed data is neither copied nor
//! allocated for. Nonces are codes over the client's address and the time, so that whoever never authenticates leaves
//! nothing behind but a counter in a bounded table.
//!
//! Not offered: TCP towards peers (RFC 6062), DTLS towards clients, reserved pairs of ports, DONT-FRAGMENT, mobility. A
//! request for one gets the answer that the RFCs foresee.

// Tests may stop where they stumble.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm))]

mod config;
mod core;
mod credentials;
mod driver;
mod frame;
mod fuzz;
mod limiter;
mod measure;
mod message;
mod nat;
mod nonce;
mod policy;
mod probe;
mod stats;

pub use config::{Config, Limits, Secret, Tls};
pub use credentials::{Credentials, credentials};
pub use driver::TurnServer;
#[doc(hidden)]
pub use fuzz::fuzz_one;
pub use measure::{Load, Measured, measure, measure_streams};
pub use nat::{Nat, Seen, seen};
pub use probe::{Found, ProbeError, Transport, probe, probe_stream};
pub use stats::{Counter, Kind, Sample, Stats};
