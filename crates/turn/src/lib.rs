//! to be written
mod config;
mod core;
mod credentials;
mod driver;
mod frame;
mod fuzz;
mod limiter;
mod message;
mod nonce;
mod policy;
mod probe;
mod stats;
pub use config::{Config, Limits, Secret, Tls};
pub use credentials::{Credentials, credentials};
pub use driver::TurnServer;
#[doc(hidden)]
pub use fuzz::fuzz_one;
pub use probe::{Found, ProbeError, Transport, probe, probe_stream};
pub use stats::{Counter, Kind, Sample, Stats};
