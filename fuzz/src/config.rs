#[path = "../../crates/server/src/config/secret.rs"]
#[allow(dead_code)]
mod secret;
pub use secret::Secret;
