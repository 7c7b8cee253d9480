use super::{Latencies, WARM, mixed, pairs};
use crate::dialect::Heard;
use crate::net::Net;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How late messages arrive that are sent at a steady rate, over `rooms` rooms in turn, whatever became of those before.
pub(crate) fn flood(net: &mut Net, per_second: u32, rooms: u64, length: Duration) -> Result<Value> {
    let pairs = pairs(net, rooms)?;
    // By receiver: when each message that is on its way was due.
    let mut due_at: Vec<VecDeque<Instant>> = Vec::new();
    due_at.resize_with(2 * pairs.len(), VecDeque::new);
    let mut latencies = Latencies::default();
    let gap = Duration::from_secs(1) / per_second;
    let begun = Instant::now();
    let (mut due, mut number) = (begun, 0);
    while begun.elapsed() < WARM + length {
        while due <= Instant::now() {
            let (from, to) = pairs[number as usize % pairs.len()];
            net.say(from, mixed(number))?;
            net.flush(from)?;
            due_at[to].push_back(due);
            number += 1;
            due += gap;
        }
        net.turn(Duration::ZERO, |index, heard| {
            if matches!(heard, Heard::Relayed(_))
                && let Some(due) = due_at[index].pop_front()
                && due > begun + WARM
            {
                latencies.push(due.elapsed());
            }
        })?;
    }
    Ok(json!({ "p50": latencies.at(0.5), "p99": latencies.at(0.99) }))
}
