use super::{cost, joined, seat};
use crate::dialect::{Heard, Load};
use crate::meter::Meter;
use crate::net::Net;
use crate::wire;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::time::Duration;

/// One in a room of `members` sends `burst` candidates to all others at once, and again when they have them all. A unit is
/// one message that reaches one client.
pub(crate) fn broadcast(net: &mut Net, meter: &Meter, members: u64, burst: u64, length: Duration) -> Result<Value> {
    let mut seats = Vec::new();
    for number in 0..members {
        seats.push(net.open(seat(0, number))?);
    }
    joined(net, members as usize)?;
    for &listener in &seats {
        net.client(listener)?.acknowledge_by_itself()?;
    }
    let sender = seats.pop().context("a room without members")?;
    let dialect = net.dialect();
    let candidate = wire::text(&dialect.relay(&mut net.client(sender)?.seat, Load::Candidate));
    let us = cost(meter, length, || {
        for _ in 0..burst {
            if dialect.differs() {
                net.say(sender, Load::Candidate)?;
            } else {
                net.client(sender)?.push(&candidate);
            }
        }
        net.flush(sender)?;
        let mut missing = burst * (members - 1);
        net.until("broadcast", |_, heard| {
            missing -= u64::from(matches!(heard, Heard::Relayed(_)));
            missing == 0
        })?;
        Ok(burst * (members - 1))
    })?;
    Ok(json!({ "us": us }))
}
