//! What `tests/network` starts in network namespaces. A guest without a page: the desktop app's session and peer connection,
//! driven by lines of JSON; what happens is printed, a line each. And a line that can be made bad.
//!
//! Never part of what is shipped, so it may panic: a panic here is a failed test.

mod chatter;
mod guest;
mod line;
mod media;
mod page;
mod roster;

use clap::Parser;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(Debug, Parser)]
enum Part {
    Guest(Args),
    Line(line::Args),
}

/// A guest without a page.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Where the server is: http(s)://HOST:PORT
    #[arg(long)]
    server: String,
    #[arg(long)]
    room: String,
    /// Who this is; the others tell guests apart by it
    #[arg(long)]
    identity: String,
    /// Open a peer connection to everybody else, and send frames
    #[arg(long)]
    media: bool,
    /// Kilobits a second of video by each link
    #[arg(long, default_value_t = 240)]
    video: u32,
    /// Speak, too
    #[arg(long)]
    voice: bool,
    /// Say a number to everybody this often, in milliseconds
    #[arg(long)]
    chatter: Option<u64>,
}

/// A line on stdin. Its end is `leave`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Print a `report`.
    Report,
    /// Begin to chatter, or end it.
    Chatter {
        on: bool,
    },
    /// The network changed.
    Hint,
    /// Restart ICE on every link.
    Restart,
    Leave,
}

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match Part::parse() {
        Part::Guest(args) => {
            let mut guest = guest::Guest::start(args).await;
            let mut lines = BufReader::new(tokio::io::stdin()).lines();
            while !guest.over() {
                guest.happen(&mut lines).await;
            }
        }
        Part::Line(args) => line::run(&args).await,
    }
}
