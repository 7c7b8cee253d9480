//! Received layers of a simulcast. Nobody asked for them, as answers never do; a remote that sends several all the same
//! has one of them shown, or pictures of all sizes would be mixed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::wire::TransceiverId;

/// A layer that was silent for so long gives way to another.
const SILENT: Duration = Duration::from_millis(1_000);
/// Streams that are remembered.
const STREAMS: usize = 64;

/// The streams that told the name of their layer.
#[derive(Default)]
pub struct Rids {
    streams: HashMap<u32, (TransceiverId, Bytes)>,
    /// What is shown, and when something of it came last.
    shown: HashMap<TransceiverId, (u32, Instant)>,
}

impl Rids {
    /// A stream of a transceiver says which layer it is.
    pub fn named(&mut self, ssrc: u32, transceiver: TransceiverId, rid: Bytes) {
        if self.streams.len() >= STREAMS {
            self.streams.clear();
        }
        self.streams.insert(ssrc, (transceiver, rid));
    }

    /// The stream of a layer, for the one that repairs it.
    pub fn find(&self, transceiver: TransceiverId, rid: &[u8]) -> Option<u32> {
        let mut streams = self.streams.iter();
        streams.find_map(|(ssrc, (of, name))| (*of == transceiver && name == rid).then_some(*ssrc))
    }

    /// Something of a stream came: whether that is to be shown.
    pub fn came(&mut self, ssrc: u32, transceiver: TransceiverId, now: Instant) -> bool {
        if !self.streams.contains_key(&ssrc) {
            return true;
        }
        let shown = self.shown.entry(transceiver).or_insert((ssrc, now));
        if shown.0 == ssrc || now.saturating_duration_since(shown.1) > SILENT {
            *shown = (ssrc, now);
        }
        shown.0 == ssrc
    }

    /// Whether a stream is shown.
    pub fn shows(&self, ssrc: u32, transceiver: TransceiverId) -> bool {
        !self.streams.contains_key(&ssrc) || self.shown.get(&transceiver).is_none_or(|shown| shown.0 == ssrc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_layer_is_shown_until_it_falls_silent() {
        let (mut rids, start) = (Rids::default(), Instant::now());
        rids.named(1, 7, Bytes::from_static(b"q"));
        rids.named(2, 7, Bytes::from_static(b"f"));
        let after = |millis| start + Duration::from_millis(millis);
        assert!(rids.came(1, 7, start) && !rids.came(2, 7, after(900)) && rids.shows(1, 7));
        assert!(rids.came(2, 7, after(1_100)) && !rids.came(1, 7, after(1_200)));
        assert!(!rids.shows(1, 7));
        // Streams without a name are not layers.
        assert!(rids.came(3, 7, after(1_200)) && rids.shows(3, 7));
        assert_eq!((rids.find(7, b"f"), rids.find(8, b"f")), (Some(2), None));
    }
}
