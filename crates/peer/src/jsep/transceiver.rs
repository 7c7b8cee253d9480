//! A transceiver as negotiation sees it.

use super::codecs::Codecs;
use super::sdp::{Sdp, Section, receives, sends};
use crate::wire::{Direction, Kind, TransceiverId, TransceiverSnapshot};

#[derive(Debug, Clone)]
pub struct Transceiver {
    pub id: TransceiverId,
    pub kind: Kind,
    pub mid: Option<String>,
    pub direction: Direction,
    pub current: Option<Direction>,
    /// `stop()` was called; the next description rejects its section.
    pub stopping: bool,
    pub stopped: bool,
    /// Made by a remote description that is not yet answered.
    pub tentative: bool,
    /// Made by `addTrack`: a remote section may take it (RFC 9429, 5.10).
    pub by_add_track: bool,
    /// `addTrack` has put a track on it: rolling its section back does not remove it.
    pub attached: bool,
    /// The codecs the page prefers; empty for no preference.
    pub preferred: Vec<String>,
    pub sender: Sender,
    pub remote: Remote,
    /// What was agreed on last; `None` until the first answer.
    pub codecs: Option<Codecs>,
}

/// What a description says about our own stream.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The track's id in the msid line: the first track's, for ever, so that replacing it needs no negotiation.
    pub msid: String,
    /// The id is made up, because there was no track yet and nothing was offered.
    pub placeholder: bool,
    pub streams: Vec<String>,
    pub ssrc: u32,
    pub repair_ssrc: u32,
    /// The layers of a simulcast that are offered or agreed on, the first with the sources above; empty for a single
    /// encoding.
    pub layers: Vec<Layer>,
}

/// One encoding of a simulcast (RFC 8853).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub rid: String,
    /// Its place in the simulcast as it was first proposed.
    pub place: u8,
    pub ssrc: u32,
    pub repair_ssrc: u32,
}

impl Sender {
    /// What there is to send, in order: each layer, or the one encoding, which has no name.
    pub fn encodings(&self) -> Vec<Layer> {
        if !self.layers.is_empty() {
            return self.layers.clone();
        }
        vec![Layer {
            rid: String::new(),
            place: 0,
            ssrc: self.ssrc,
            repair_ssrc: self.repair_ssrc,
        }]
    }

    /// Drops the layers that the remote does not take. What is left of a simulcast nobody takes is its first layer.
    pub fn accept(&mut self, taken: &[String]) {
        self.layers.retain(|layer| taken.contains(&layer.rid));
        if let [only] = &self.layers[..] {
            (self.ssrc, self.repair_ssrc) = (only.ssrc, only.repair_ssrc);
        }
    }
}

/// What the remote's last description said about its stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remote {
    pub sends: bool,
    pub streams: Vec<String>,
    pub track_id: Option<String>,
    pub sources: Vec<u32>,
    pub repairs: Vec<(u32, u32)>,
}

impl Remote {
    pub fn read(sdp: &Sdp, section: &Section) -> Self {
        let msids = section.msids();
        let mut streams: Vec<String> = Vec::new();
        for (stream, _) in &msids {
            if *stream != "-" && !streams.iter().any(|one| one == stream) {
                streams.push((*stream).to_owned());
            }
        }
        Self {
            sends: !section.rejected() && sends(sdp.direction(section)),
            streams,
            track_id: msids.iter().find_map(|(_, track)| track.map(str::to_owned)),
            sources: section.sources(),
            repairs: section.repairs(),
        }
    }
}

impl Transceiver {
    /// Notes what an answered section decided. `direction` is ours.
    pub fn settle(&mut self, direction: Direction, codecs: Option<Codecs>) {
        self.current = Some(direction);
        self.codecs = codecs;
        self.tentative = false;
    }

    pub fn stop(&mut self) {
        self.stopping = true;
        self.stopped = true;
        self.tentative = false;
        self.direction = Direction::Stopped;
        self.current = Some(Direction::Stopped);
        self.remote = Remote::default();
    }

    /// Whether a remote section may take this transceiver instead of making one (RFC 9429, 5.10).
    pub fn free_for(&self, kind: Kind) -> bool {
        self.by_add_track && self.mid.is_none() && self.kind == kind && !self.stopping
    }

    pub fn sends_now(&self) -> bool {
        self.current.is_some_and(sends)
    }

    pub fn receives_now(&self) -> bool {
        self.current.is_some_and(receives)
    }

    pub fn snapshot(&self) -> TransceiverSnapshot {
        let remote = self.remote.sends.then_some(&self.remote);
        TransceiverSnapshot {
            transceiver: self.id,
            mid: self.mid.clone(),
            kind: self.kind,
            direction: if self.stopping {
                Direction::Stopped
            } else {
                self.direction
            },
            current_direction: self.current,
            stopped: self.stopped,
            streams: remote.map(|remote| remote.streams.clone()).unwrap_or_default(),
            track_id: remote.and_then(|remote| remote.track_id.clone()),
            codecs: self.codecs.as_ref().map(Codecs::names).unwrap_or_default(),
            h264: self
                .codecs
                .as_ref()
                .and_then(|codecs| codecs.all().find_map(|one| one.most)),
            rids: self.sender.layers.iter().map(|layer| layer.rid.clone()).collect(),
            ssrcs: self.sender.encodings().iter().map(|layer| layer.ssrc).collect(),
        }
    }
}
