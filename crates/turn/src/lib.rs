//! to be written
mod config;
mod core;
mod credentials;
mod driver;
mod frame;
mod limiter;
mod message;
mod nonce;
mod policy;
mod stats;
pub use config::{Config, Limits, Secret, Tls};
pub use credentials::{Credentials, credentials};
pub use driver::TurnServer;
pub use stats::{Counter, Kind, Sample, Stats};
