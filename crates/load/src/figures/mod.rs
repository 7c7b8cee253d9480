//! What is measured, and how. Each figure is one run against one server.

mod broadcast;
mod calls;
mod flood;
mod idle;
mod relay;

pub(crate) use broadcast::broadcast;
pub(crate) use calls::{calls, setup};
pub(crate) use flood::flood;
pub(crate) use idle::idle;
pub(crate) use relay::relay;

use crate::dialect::{Heard, Load, Seat};
use crate::meter::Meter;
use crate::net::Net;
use anyhow::Result;
use std::time::{Duration, Instant};

/// One message in so many is a description.
const MIX: u64 = 11;
/// Before anything counts.
const WARM: Duration = Duration::from_millis(150);

/// The load with this number.
fn mixed(number: u64) -> Load {
    if number.is_multiple_of(MIX) {
        Load::Offer
    } else {
        Load::Candidate
    }
}

/// A place in a room that this process has not used before.
fn seat(room: u64, number: u64) -> Seat {
    let process = std::process::id();
    Seat {
        room: format!("r{process}-{room}"),
        name: format!("c{process}-{room}-{number}"),
        ..Seat::default()
    }
}

/// Two clients in each of `count` rooms, and each knows the other.
fn pairs(net: &mut Net, count: u64) -> Result<Vec<(usize, usize)>> {
    let mut pairs = Vec::new();
    for room in 0..count {
        pairs.push((net.open(seat(room, 0))?, net.open(seat(room, 1))?));
        // A listen queue is shorter than what some ask for.
        if pairs.len().is_multiple_of(64) || room + 1 == count {
            let joining = pairs.len() - (pairs.len() - 1) % 64 - 1;
            joined(net, 2 * (pairs.len() - joining))?;
        }
    }
    for &(one, other) in &pairs {
        introduce(net, one, other)?;
    }
    Ok(pairs)
}

fn joined(net: &mut Net, mut missing: usize) -> Result<()> {
    net.until("seats", |_, heard| {
        missing -= usize::from(heard == Heard::Joined);
        missing == 0
    })
}

/// Tells two clients how the server calls the other.
fn introduce(net: &mut Net, one: usize, other: usize) -> Result<()> {
    let (me, them) = (net.client(one)?.seat.me.clone(), net.client(other)?.seat.me.clone());
    net.client(one)?.seat.to = them;
    net.client(other)?.seat.to = me;
    Ok(())
}

/// Microseconds of the server's CPU for each unit that `turn` reports, in steady state.
fn cost(meter: &Meter, length: Duration, mut turn: impl FnMut() -> Result<u64>) -> Result<f64> {
    let begun = Instant::now();
    while begun.elapsed() < WARM {
        turn()?;
    }
    let (before, begun, mut units) = (meter.cpu()?, Instant::now(), 0);
    while begun.elapsed() < length {
        units += turn()?;
    }
    Ok((meter.cpu()? - before) as f64 / 1000.0 / units as f64)
}

/// Latencies, in microseconds.
#[derive(Default)]
struct Latencies(Vec<f64>);

impl Latencies {
    fn push(&mut self, latency: Duration) {
        self.0.push(latency.as_secs_f64() * 1e6);
    }

    fn at(&mut self, quantile: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let at = (quantile * self.0.len() as f64) as usize;
        self.0
            .get(at.min(self.0.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    }
}
