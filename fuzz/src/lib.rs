//! What the fuzz targets throw at the parts that read what strangers send, and what has to hold whatever it is.
//!
//! Parts of the server and of the testkit are included by path: they are private there, and their crates bring a TLS
//! stack and a runtime along, which would have to be built once more with the fuzzer's instruments.

mod config;
mod forwarded;
mod frame;
mod sim;
mod socket;
mod tokens;

pub use forwarded::forwarded;
pub use frame::frame;
pub use socket::socket;
pub use tokens::tokens;

#[path = "../../crates/server/src/token/mod.rs"]
#[allow(dead_code)]
mod token;

#[path = "../../crates/server/src/proxy.rs"]
mod proxy;

#[path = "../../crates/testkit/src/model/mod.rs"]
#[allow(dead_code, unused_imports)]
mod model;

#[path = "../../crates/server/src/wire/mod.rs"]
#[allow(dead_code)]
mod wire;

/// The server's core says what the model of its rules says, whatever happens.
pub fn room(bytes: &[u8]) {
    model::check(&model::commands(bytes));
}
