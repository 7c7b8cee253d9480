//! Tokens: who may join which room, signed by whoever has an API secret.
//!
//! A token is a JWT (RFC 7519) in compact form with LiveKit's claim names, signed with HS256 and nothing else. A key is
//! chosen by `iss` and only ever used for HS256, so that no header can talk the server into another algorithm.

mod claims;
mod keys;
mod refused;
mod verify;

pub use claims::{Claims, Video};
pub use keys::{Key, Keys};
pub use refused::Refused;
pub use verify::{mint, verify};
