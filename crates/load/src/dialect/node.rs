use super::{Dialect, Heard, Load, Seat, intact, kind, send};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What `tests/bench/rivals/ws.mjs` speaks: the messages of every tutorial.
pub(crate) struct Node;

impl Dialect for Node {
    fn path(&self, _: &Seat) -> String {
        "/".to_owned()
    }

    fn opened(&self, seat: &mut Seat, out: &mut Vec<u8>, _: &mut Vec<Heard>) {
        send(&json!({"type": "join", "roomId": seat.room}).to_string(), out);
    }

    fn hear(&self, seat: &mut Seat, frame: &[u8], _: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()> {
        let kind = kind(frame).context("a frame without a type")?;
        if let Some(load) = Load::from_word(kind) {
            seat.seq += 1;
            if seat.seq.is_multiple_of(128) {
                intact(load, frame)?;
            }
            heard.push(Heard::Relayed(load));
        } else if kind == b"joined" {
            let joined: Value = serde_json::from_slice(frame)?;
            seat.me = joined["peerId"].as_str().context("no peerId")?.to_owned();
            heard.push(Heard::Joined);
        }
        Ok(())
    }

    fn relay(&self, seat: &mut Seat, load: Load) -> String {
        let to = match seat.to.as_str() {
            "" => String::new(),
            to => format!(r#""to":"{to}","#),
        };
        format!(r#"{{"type":"{}",{to}"{}":{}}}"#, load.word(), load.field(), load.json())
    }
}
