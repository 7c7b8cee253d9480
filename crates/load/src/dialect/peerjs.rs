use super::{Dialect, Heard, Load, Seat, intact, kind};
use anyhow::{Context, Result};

/// PeerServer, as PeerJS clients speak to it. It has no rooms: whoever knows an id may send to it.
pub(crate) struct PeerJs;

impl Dialect for PeerJs {
    fn path(&self, seat: &Seat) -> String {
        format!("/peerjs?key=peerjs&token=t&version=1.5.5&id={}", seat.name)
    }

    fn opened(&self, _: &mut Seat, _: &mut Vec<u8>, _: &mut Vec<Heard>) {}

    fn hear(&self, seat: &mut Seat, frame: &[u8], _: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()> {
        let kind = kind(frame).context("a frame without a type")?;
        if let Some(load) = Load::from_word(kind) {
            seat.seq += 1;
            if seat.seq.is_multiple_of(128) {
                intact(load, frame)?;
            }
            heard.push(Heard::Relayed(load));
        } else if kind == b"OPEN" {
            seat.me = seat.name.clone();
            heard.push(Heard::Joined);
        }
        Ok(())
    }

    fn relay(&self, seat: &mut Seat, load: Load) -> String {
        let word = load.word().to_uppercase();
        let (to, field, json) = (&seat.to, load.field(), load.json());
        format!(
            r#"{{"type":"{word}","payload":{{"{field}":{json},"type":"media","connectionId":"mc_1"}},"dst":"{to}"}}"#
        )
    }
}
