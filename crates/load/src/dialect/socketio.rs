use super::{Dialect, Heard, Load, Seat, intact, send};
use anyhow::{Context, Result};
use serde_json::Value;

/// `tests/bench/rivals/socketio.mjs` over Engine.IO 4: a digit for the packet, a digit for the message, JSON behind them.
pub(crate) struct SocketIo;

impl Dialect for SocketIo {
    fn path(&self, _: &Seat) -> String {
        "/socket.io/?EIO=4&transport=websocket".to_owned()
    }

    fn opened(&self, _: &mut Seat, out: &mut Vec<u8>, _: &mut Vec<Heard>) {
        send("40", out);
    }

    fn hear(&self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()> {
        if frame == b"2" {
            send("3", out);
        } else if frame.starts_with(b"40") {
            send(&format!(r#"42["join","{}"]"#, seat.room), out);
        } else if let Some(event) = frame.strip_prefix(br#"42[""#) {
            let end = memchr::memchr(b'"', event).context("an event without a name")?;
            if let Some(load) = Load::from_word(&event[..end]) {
                seat.seq += 1;
                if seat.seq.is_multiple_of(128) {
                    intact(load, frame)?;
                }
                heard.push(Heard::Relayed(load));
            } else if &event[..end] == b"joined" {
                let joined: Value = serde_json::from_slice(&frame[2..])?;
                seat.me = joined[1].as_str().context("no id")?.to_owned();
                heard.push(Heard::Joined);
            }
        }
        Ok(())
    }

    fn relay(&self, seat: &mut Seat, load: Load) -> String {
        let (word, field, json) = (load.word(), load.field(), load.json());
        match seat.to.as_str() {
            "" => format!(r#"42["{word}",{{"{field}":{json}}}]"#),
            to => format!(r#"42["{word}",{{"to":"{to}","{field}":{json}}}]"#),
        }
    }
}
