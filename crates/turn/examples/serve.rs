//! A STUN and TURN server alone, for measurements: `serve ADDR SECRET`, private peers allowed, no bandwidth bound. Prints its
//! address, and runs until it is killed.

use snug_turn::{Config, Secret, TurnServer};
use std::io::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(secret)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("usage: serve ADDR SECRET"));
    };
    let mut config = Config::new(listen.parse().map_err(Error::other)?, Secret::new(secret));
    config.allow_private = true;
    config.limits.bytes_per_second = None;
    let server = TurnServer::bind(config)?;
    println!("{}", server.address());
    server.run(std::future::pending()).await;
    Ok(())
}
