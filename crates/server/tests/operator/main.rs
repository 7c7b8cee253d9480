//! What an operator sees of a server, and does to it.

mod api;
mod drain;
mod http;
mod metrics;
#[path = "../support/process.rs"]
mod process;
mod secrets;
mod webhooks;
