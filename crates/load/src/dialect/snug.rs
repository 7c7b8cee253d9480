use super::{Dialect, Heard, Load, Seat, intact, kind, send};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// After how many messages a client looks at the clock, and at one of them.
const LOOK: u64 = 128;

/// PROTOCOL.md.
pub(crate) struct Snug {
    pub(crate) acked: bool,
}

impl Dialect for Snug {
    fn path(&self, _: &Seat) -> String {
        "/ws".to_owned()
    }

    fn opened(&self, seat: &mut Seat, out: &mut Vec<u8>, _: &mut Vec<Heard>) {
        let join = json!({"type": "join", "roomId": seat.room, "identity": seat.name, "name": "Load"});
        send(&join.to_string(), out);
    }

    fn hear(&self, seat: &mut Seat, frame: &[u8], out: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()> {
        let kind = kind(frame).context("a frame without a type")?;
        match kind {
            b"ack" | b"pong" => return Ok(()),
            b"error" | b"full" => bail!("the server said {}", String::from_utf8_lossy(frame)),
            _ => seat.seq += 1,
        }
        if let Some(load) = Load::from_word(kind) {
            if seat.seq.is_multiple_of(LOOK) {
                intact(load, frame)?;
                beat(seat, out);
            }
            heard.push(Heard::Relayed(load));
        } else if kind == b"joined" {
            let joined: Value = serde_json::from_slice(frame)?;
            seat.me = joined["peerId"].as_str().context("no peerId")?.to_owned();
            seat.seq = joined["seq"].as_u64().context("no seq")?;
            let heartbeat = Duration::from_millis(joined["heartbeatMs"].as_u64().context("no heartbeatMs")?);
            seat.heartbeat = Some((Instant::now() + heartbeat, heartbeat));
            heard.push(Heard::Joined);
        } else if kind == b"left" {
            heard.push(Heard::Left);
        }
        Ok(())
    }

    fn relay(&self, seat: &mut Seat, load: Load) -> String {
        let mut text = format!(r#"{{"type":"{}""#, load.word());
        if self.acked {
            seat.id += 1;
            text += &format!(r#","id":{}"#, seat.id);
        }
        if !seat.to.is_empty() {
            text += &format!(r#","to":"{}""#, seat.to);
        }
        text += &format!(r#","{}":{}}}"#, load.field(), load.json());
        text
    }

    fn differs(&self) -> bool {
        self.acked
    }

    fn heartbeat(&self, seat: &Seat) -> Option<String> {
        Some(ping(seat))
    }

    fn leave(&self) -> Option<&'static str> {
        Some(r#"{"type":"leave"}"#)
    }
}

/// Acknowledges what came, as often as the server asks for.
fn beat(seat: &mut Seat, out: &mut Vec<u8>) {
    let Some((due, heartbeat)) = seat.heartbeat else { return };
    let now = Instant::now();
    if now >= due {
        send(&ping(seat), out);
        seat.heartbeat = Some((now + heartbeat, heartbeat));
    }
}

fn ping(seat: &Seat) -> String {
    format!(r#"{{"type":"ping","seq":{}}}"#, seat.seq)
}
