//! A cable with two ends, each a network interface, that can be made as bad as wanted while it is in use: what `tc netem`
//! does, for kernels without it.

mod impairment;
mod loss;
mod tap;
mod way;

use clap::Parser;
use impairment::Impairment;
use serde::Deserialize;
use serde_json::json;
use std::time::Instant;
use tap::Tap;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::sleep_until;
use way::Way;

/// A cable between two network interfaces (TAP), which it makes.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The interface at the one end
    near: String,
    /// The interface at the other
    far: String,
    /// Of all that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A line on stdin, whose end is the line's end. Each is answered by a line.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Command {
    /// From now on; a direction that is not named is a good one.
    Set {
        /// From the near end to the far one.
        #[serde(default)]
        up: Impairment,
        #[serde(default)]
        down: Impairment,
    },
    /// Print what became of the frames.
    Counts,
}

/// Passes frames until stdin ends.
pub(crate) async fn run(args: &Args) {
    let near = Tap::open(&args.near).expect("the near interface");
    let far = Tap::open(&args.far).expect("the far interface");
    let mut up = Way::new(args.seed);
    let mut down = Way::new(args.seed.wrapping_add(1));
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    println!("{}", json!({"event": "ready"}));
    loop {
        let deadline = [up.deadline(), down.deadline()].into_iter().flatten().min();
        let due = async {
            match deadline {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            frame = near.receive() => up.push(frame.expect("the near interface can be read"), Instant::now()),
            frame = far.receive() => down.push(frame.expect("the far interface can be read"), Instant::now()),
            () = due => {}
            line = commands.next_line() => match line.expect("stdin can be read") {
                Some(line) => println!("{}", obey(&line, &mut up, &mut down)),
                None => return,
            },
        }
        let now = Instant::now();
        while let Some(frame) = up.next(now) {
            far.send(&frame);
        }
        while let Some(frame) = down.next(now) {
            near.send(&frame);
        }
    }
}

fn obey(line: &str, there: &mut Way, back: &mut Way) -> serde_json::Value {
    match serde_json::from_str(line).expect("a command") {
        Command::Set { up, down } => {
            let fault = up.fault().or(down.fault());
            assert!(fault.is_none(), "{fault:?}");
            let now = Instant::now();
            there.set(up, now);
            back.set(down, now);
            json!({"event": "set"})
        }
        Command::Counts => json!({"event": "counts", "up": there.counts(), "down": back.counts()}),
    }
}
