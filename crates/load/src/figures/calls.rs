use super::{Latencies, cost, introduce, seat};
use crate::dialect::{Heard, Load};
use crate::meter::Meter;
use crate::net::Net;
use crate::wire;
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const CANDIDATES: u32 = 10;
/// One description and the candidates, each way.
const MESSAGES: u32 = 2 * (1 + CANDIDATES);

/// What a whole call costs, `at_once` of them at any time: connect, join, a description and ten candidates each way, leave.
pub(crate) fn calls(net: &mut Net, meter: &Meter, at_once: usize, length: Duration) -> Result<Value> {
    let mut calls = Calls::default();
    for _ in 0..at_once {
        calls.start(net, Instant::now())?;
    }
    let us = cost(meter, length, || {
        let over = calls.turn(net, Duration::ZERO)?;
        for _ in 0..over {
            calls.start(net, Instant::now())?;
        }
        Ok(over)
    })?;
    Ok(json!({ "us": us }))
}

/// How long a call takes from its start until the caller has the answer, where calls start at a steady rate, whatever
/// becomes of those before.
pub(crate) fn setup(net: &mut Net, per_second: u32, length: Duration) -> Result<Value> {
    let mut calls = Calls::default();
    let gap = Duration::from_secs(1) / per_second;
    let begun = Instant::now();
    let mut due = begun;
    while begun.elapsed() < length {
        while due <= Instant::now() {
            calls.start(net, due)?;
            due += gap;
        }
        calls.turn(net, Duration::ZERO)?;
    }
    Ok(json!({ "p50": calls.setups.at(0.5), "p99": calls.setups.at(0.99) }))
}

#[derive(Default)]
struct Calls {
    rooms: u64,
    calls: HashMap<u64, Call>,
    by_client: HashMap<usize, u64>,
    setups: Latencies,
    heard: Vec<(usize, Heard)>,
}

struct Call {
    begun: Instant,
    ends: [usize; 2],
    joined: u32,
    relayed: u32,
    /// Told that their seats are given up.
    left: u32,
    open: u32,
}

impl Calls {
    fn start(&mut self, net: &mut Net, begun: Instant) -> Result<()> {
        self.rooms += 1;
        let ends = [net.open(seat(self.rooms, 0))?, net.open(seat(self.rooms, 1))?];
        for end in ends {
            self.by_client.insert(end, self.rooms);
        }
        let call = Call {
            begun,
            ends,
            joined: 0,
            relayed: 0,
            left: 0,
            open: 2,
        };
        self.calls.insert(self.rooms, call);
        Ok(())
    }

    /// How many calls ended in this turn.
    fn turn(&mut self, net: &mut Net, wait: Duration) -> Result<u64> {
        let mut heard = std::mem::take(&mut self.heard);
        net.turn(wait, |client, what| heard.push((client, what)))?;
        let mut over = 0;
        for (client, what) in heard.drain(..) {
            let Some(&room) = self.by_client.get(&client) else {
                continue;
            };
            if self.step(net, room, client, what)? {
                self.calls.remove(&room);
                over += 1;
            }
        }
        self.heard = heard;
        Ok(over)
    }

    fn step(&mut self, net: &mut Net, room: u64, client: usize, heard: Heard) -> Result<bool> {
        let Some(call) = self.calls.get_mut(&room) else {
            bail!("no call {room}");
        };
        let [caller, callee] = call.ends;
        match heard {
            Heard::Joined => {
                call.joined += 1;
                if call.joined == 2 {
                    introduce(net, caller, callee)?;
                    describe(net, caller, Load::Offer)?;
                }
            }
            Heard::Relayed(load) => {
                call.relayed += 1;
                match load {
                    Load::Offer => describe(net, callee, Load::Answer)?,
                    Load::Answer => self.setups.push(call.begun.elapsed()),
                    Load::Candidate => {}
                }
                if call.relayed == MESSAGES {
                    for end in call.ends {
                        hang_up(net, end)?;
                    }
                }
            }
            Heard::Left => call.left += 1,
            Heard::Closed => {
                if call.relayed < MESSAGES {
                    bail!("a client was closed in mid-call");
                }
                net.forget(client);
                self.by_client.remove(&client);
                call.open -= 1;
                if call.open > 0 {
                    return Ok(false);
                }
                if net.dialect().leave().is_some() && call.left < 2 {
                    bail!("a client was closed and not told that it left");
                }
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn describe(net: &mut Net, end: usize, load: Load) -> Result<()> {
    net.say(end, load)?;
    for _ in 0..CANDIDATES {
        net.say(end, Load::Candidate)?;
    }
    net.flush(end)
}

/// Gives the seat up, and says that this was all.
fn hang_up(net: &mut Net, end: usize) -> Result<()> {
    if let Some(text) = net.dialect().leave() {
        net.client(end)?.push(&wire::text(text));
    }
    net.client(end)?.close();
    net.flush(end)
}
