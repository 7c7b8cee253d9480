use super::{cost, mixed, pairs};
use crate::dialect::Heard;
use crate::meter::Meter;
use crate::net::Net;
use crate::wire;
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;

/// Two clients return what they get: `outstanding` messages are on their way at any time.
pub(crate) fn relay(net: &mut Net, meter: &Meter, outstanding: u64, length: Duration) -> Result<Value> {
    let (one, other) = pairs(net, 1)?[0];
    let mut ready = [Vec::new(), Vec::new()];
    for (at, end) in [one, other].into_iter().enumerate() {
        let dialect = net.dialect();
        let seat = &mut net.client(end)?.seat;
        for load in [mixed(0), mixed(1)] {
            ready[at].push(wire::text(&dialect.relay(seat, load)));
        }
    }
    let differs = net.dialect().differs();
    let mut number = 0;
    let mut say = |net: &mut Net, from: usize| {
        let load = mixed(number);
        number += 1;
        if differs {
            return net.say(from, load);
        }
        let frame = &ready[usize::from(from == other)][usize::from(load != mixed(0))];
        net.client(from)?.push(frame);
        Ok(())
    };
    for _ in 0..outstanding {
        say(net, one)?;
    }
    net.flush(one)?;
    let mut arrived = Vec::new();
    let us = cost(meter, length, || {
        net.turn(Duration::ZERO, |index, heard| {
            if matches!(heard, Heard::Relayed(_)) {
                arrived.push(index);
            }
        })?;
        let units = arrived.len() as u64;
        for index in arrived.drain(..) {
            say(net, index)?;
        }
        net.flush(one)?;
        net.flush(other)?;
        Ok(units)
    })?;
    Ok(json!({ "us": us }))
}
