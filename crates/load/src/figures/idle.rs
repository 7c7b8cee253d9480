use super::pairs;
use crate::dialect::{Heard, Load};
use crate::meter::Meter;
use crate::net::Net;
use crate::wire;
use anyhow::Result;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Bytes of the server's memory for each of `count` connections that have joined, two in a room; and again when each pair
/// has exchanged its descriptions and a heartbeat.
pub(crate) fn idle(net: &mut Net, meter: &Meter, count: u64) -> Result<Value> {
    let before = meter.memory()?;
    let each = |after: u64| (after.saturating_sub(before)) as f64 / count as f64;
    let pairs = pairs(net, count / 2)?;
    rest(net)?;
    let joined = each(meter.memory()?);
    let dialect = net.dialect();
    for some in pairs.chunks(64) {
        for &(caller, callee) in some {
            for (end, load) in [(caller, Load::Offer), (callee, Load::Answer)] {
                net.say(end, load)?;
                net.flush(end)?;
            }
        }
        let mut missing = 2 * some.len();
        net.until("descriptions", |_, heard| {
            missing -= usize::from(matches!(heard, Heard::Relayed(_)));
            missing == 0
        })?;
        for end in some.iter().flat_map(|&(caller, callee)| [caller, callee]) {
            let client = net.client(end)?;
            if let Some(text) = dialect.heartbeat(&client.seat) {
                client.push(&wire::text(&text));
                client.flush()?;
            }
        }
    }
    rest(net)?;
    Ok(json!({ "joined": joined, "used": each(meter.memory()?) }))
}

/// Long enough for a server to do what it has put off.
fn rest(net: &mut Net) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        net.turn(Duration::from_millis(100), |_, _| {})?;
    }
    Ok(())
}
