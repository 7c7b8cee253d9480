use super::{Dialect, Heard, Load, Seat, intact};
use anyhow::{Context, Result};
use serde_json::Value;

/// matchbox_server: the path is the room, a `Signal` goes to one peer.
pub(crate) struct Matchbox;

impl Dialect for Matchbox {
    fn path(&self, seat: &Seat) -> String {
        format!("/{}", seat.room)
    }

    fn opened(&self, _: &mut Seat, _: &mut Vec<u8>, _: &mut Vec<Heard>) {}

    fn hear(&self, seat: &mut Seat, frame: &[u8], _: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()> {
        if frame.starts_with(br#"{"Signal""#) {
            // It sorts the keys, so what was sent is known by what is inside.
            let load = if memchr::memmem::find(frame, b"candidate").is_some() {
                Load::Candidate
            } else if memchr::memmem::find(frame, b"Offer").is_some() {
                Load::Offer
            } else {
                Load::Answer
            };
            seat.seq += 1;
            if seat.seq.is_multiple_of(128) && load != Load::Candidate {
                intact(load, frame)?;
            }
            heard.push(Heard::Relayed(load));
        } else if frame.starts_with(br#"{"IdAssigned""#) {
            let assigned: Value = serde_json::from_slice(frame)?;
            seat.me = assigned["IdAssigned"].as_str().context("no id")?.to_owned();
            heard.push(Heard::Joined);
        }
        Ok(())
    }

    fn relay(&self, seat: &mut Seat, load: Load) -> String {
        let variant = match load {
            Load::Candidate => "IceCandidate",
            Load::Offer => "Offer",
            Load::Answer => "Answer",
        };
        let (to, json) = (&seat.to, load.json());
        format!(r#"{{"Signal":{{"receiver":"{to}","data":{{"{variant}":{json}}}}}}}"#)
    }
}
