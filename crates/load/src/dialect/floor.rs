use super::{Dialect, Heard, Load, Seat, kind};
use anyhow::Result;

/// The path is the room, every frame goes to all others in it, and nothing is read in it.
pub(crate) struct Floor;

impl Dialect for Floor {
    fn path(&self, seat: &Seat) -> String {
        format!("/{}", seat.room)
    }

    fn opened(&self, _: &mut Seat, _: &mut Vec<u8>, heard: &mut Vec<Heard>) {
        heard.push(Heard::Joined);
    }

    fn hear(&self, _: &mut Seat, frame: &[u8], _: &mut Vec<u8>, heard: &mut Vec<Heard>) -> Result<()> {
        heard.extend(kind(frame).and_then(Load::from_word).map(Heard::Relayed));
        Ok(())
    }

    fn relay(&self, _: &mut Seat, load: Load) -> String {
        format!(r#"{{"type":"{}","{}":{}}}"#, load.word(), load.field(), load.json())
    }
}
