//! Load for a signaling server, and what it cost: one figure a run, printed as JSON. `./dev bench signaling` runs it.

mod client;
mod dialect;
mod figures;
mod meter;
mod net;
mod wire;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;

/// Puts one kind of load on a server and says what that cost it.
#[derive(Debug, Parser)]
struct Cli {
    #[arg(value_enum)]
    figure: Figure,
    #[arg(long, value_enum)]
    dialect: dialect::Name,
    /// Where it listens
    #[arg(long, value_name = "ADDR:PORT")]
    server: SocketAddr,
    /// Its process, whose CPU time and memory are read
    #[arg(long)]
    pid: u32,
    /// How long to measure, beside a short time to warm up
    #[arg(long, value_name = "MS", default_value_t = 500)]
    length: u64,
    /// How many connections `idle` opens
    #[arg(long, default_value_t = 10_000)]
    connections: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Figure {
    /// Microseconds of CPU a message, one on its way at a time
    Relay,
    /// Microseconds of CPU a message, 16 on their way
    Burst,
    /// Microseconds of CPU a delivery, in a room of 50, bursts of 16
    Broadcast,
    /// Microseconds of CPU a whole call
    Calls,
    /// Microseconds from the start of a call until the caller has the answer, at 300 calls/s
    Setup,
    /// Microseconds a message takes, at 20,000 messages/s
    Flood,
    /// Bytes of memory a joined connection
    Idle,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let dialect = cli.dialect.dialect();
    let mut net = net::Net::new(cli.server, &*dialect)?;
    let (net, meter) = (&mut net, &meter::Meter::new(cli.pid));
    let length = Duration::from_millis(cli.length);
    let value = match cli.figure {
        Figure::Relay => figures::relay(net, meter, 1, length)?,
        Figure::Burst => figures::relay(net, meter, 16, length)?,
        Figure::Broadcast => figures::broadcast(net, meter, 50, 16, length)?,
        Figure::Calls => figures::calls(net, meter, 4, length)?,
        Figure::Setup => figures::setup(net, 300, length)?,
        Figure::Flood => figures::flood(net, 20_000, 50, length)?,
        Figure::Idle => figures::idle(net, meter, cli.connections)?,
    };
    println!("{value}");
    Ok(())
}
