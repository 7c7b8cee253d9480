//! Negotiation (JSEP, RFC 9429) without a socket or a clock: offers, answers, rollback, and what they mean for each
//! transceiver.
//!
//! ```text
//!                 local offer                    remote offer
//! have-local-offer ◀──────── stable ────────▶ have-remote-offer
//!        │  remote answer      ▲ ▲       local answer   │
//!        └─────────────────────┘ └──────────────────────┘        (rollback takes the same ways)
//! ```

mod apply;
mod check;
pub mod codecs;
pub mod compose;
pub mod formats;
mod make;
pub mod sdp;
pub mod transceiver;
pub mod transport;

#[cfg(test)]
mod tests;

use compose::MAX_MESSAGE_SIZE;
use sdp::Sdp;
use transceiver::{Layer, Remote, Sender, Transceiver};
use transport::{Setup, Transport, UNSAID_MESSAGE_SIZE};

use crate::error::{ExceptionName, PeerError, Result};
use crate::rtp::format::VideoCodec;
use crate::wire::{Description, Direction, Kind, SdpType, TransceiverId, TransceiverSnapshot};

/// Layers a simulcast may have.
const LAYERS: usize = 4;

/// `RTCSignalingState`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalingState {
    Stable,
    HaveLocalOffer,
    HaveRemoteOffer,
    HaveLocalPranswer,
    HaveRemotePranswer,
}

impl SignalingState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::HaveLocalOffer => "have-local-offer",
            Self::HaveRemoteOffer => "have-remote-offer",
            Self::HaveLocalPranswer => "have-local-pranswer",
            Self::HaveRemotePranswer => "have-remote-pranswer",
        }
    }
}

/// One `m=` line and what it is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    mid: String,
    /// The first word of the line.
    kind: String,
    /// Protocol and formats, to reject it in the form it had.
    form: (String, String),
    owner: Owner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Transceiver(TransceiverId),
    Data,
    /// Rejected by both sides: an offer may use it for something else.
    Nobody,
}

/// A description that was made (W3C's `[[LastCreatedOffer]]` and `[[LastCreatedAnswer]]`), and the lines it would bring.
#[derive(Debug, Clone)]
struct Made {
    sdp: String,
    /// What it answers; empty for an offer.
    to: String,
    version: u64,
    lines: Vec<Line>,
}

/// What a rollback returns to.
#[derive(Debug, Clone)]
struct Saved {
    transceivers: Vec<Transceiver>,
    lines: Vec<Line>,
}

/// The four descriptions of a peer connection.
#[derive(Debug, Clone, Default)]
pub struct Descriptions {
    pub current_local: Option<Description>,
    pub pending_local: Option<Description>,
    pub current_remote: Option<Description>,
    pub pending_remote: Option<Description>,
}

/// The negotiation of one peer connection.
pub struct Jsep {
    state: SignalingState,
    transceivers: Vec<Transceiver>,
    lines: Vec<Line>,
    saved: Option<Saved>,
    descriptions: Descriptions,
    offer: Option<Made>,
    answer: Option<Made>,
    next_id: TransceiverId,
    next_mid: u32,
    session_id: u64,
    version: u64,
    cname: String,
    /// A data channel was made.
    data: bool,
    /// Layers of a simulcast that can be sent: one is none.
    layers: usize,
    /// The video that can be sent and shown.
    codecs: Vec<VideoCodec>,
    /// Which end of the DTLS connection we are, once agreed.
    setup: Option<Setup>,
    /// Username fragments that `restartIce()` wants replaced (W3C's `[[LocalIceCredentialsToReplace]]`).
    replacing: Vec<String>,
    random: Box<dyn FnMut() -> u64 + Send>,
}

impl Jsep {
    /// `random` gives the identifiers that have to be unique; `cname` is the canonical name of our end, if it has one.
    pub fn new(mut random: Box<dyn FnMut() -> u64 + Send>, cname: Option<String>) -> Self {
        Self {
            state: SignalingState::Stable,
            transceivers: Vec::new(),
            lines: Vec::new(),
            saved: None,
            descriptions: Descriptions::default(),
            offer: None,
            answer: None,
            next_id: 1,
            next_mid: 0,
            session_id: random() >> 2,
            version: 1,
            cname: cname
                .filter(|name| is_token(name))
                .unwrap_or_else(|| format!("{:016x}", random())),
            data: false,
            layers: 1,
            codecs: vec![VideoCodec::Vp8],
            setup: None,
            replacing: Vec::new(),
            random,
        }
    }

    pub fn state(&self) -> SignalingState {
        self.state
    }

    pub fn descriptions(&self) -> &Descriptions {
        &self.descriptions
    }

    pub fn transceivers(&self) -> &[Transceiver] {
        &self.transceivers
    }

    pub fn snapshots(&self) -> Vec<TransceiverSnapshot> {
        self.transceivers.iter().map(Transceiver::snapshot).collect()
    }

    /// The largest message the remote takes and this side sends; `None` without a section for data channels.
    pub fn max_message_size(&self) -> Option<u32> {
        let Descriptions {
            pending_local,
            current_local,
            pending_remote,
            current_remote,
        } = &self.descriptions;
        let local = pending_local.as_ref().or(current_local.as_ref());
        let remote = pending_remote.as_ref().or(current_remote.as_ref());
        let data = |one: Option<&Description>| Transport::read(&Sdp::parse(&one?.sdp).ok()?).ok()??.data;
        let size = match (data(remote), data(local)) {
            (Some(theirs), _) => theirs.max_message_size,
            (None, Some(_)) if self.state != SignalingState::Stable => UNSAID_MESSAGE_SIZE,
            (None, _) => return None,
        };
        Some(if size == 0 {
            MAX_MESSAGE_SIZE
        } else {
            size.min(MAX_MESSAGE_SIZE)
        })
    }

    pub fn add_transceiver(
        &mut self,
        kind: Kind,
        direction: Direction,
        streams: Vec<String>,
        track: Option<String>,
        by_add_track: bool,
    ) -> TransceiverId {
        let sender = self.new_sender(streams, track);
        let id = self.push(kind, direction, sender);
        if let Some(made) = self.transceivers.last_mut() {
            made.by_add_track = by_add_track;
        }
        id
    }

    /// Prefers codecs from the next description on.
    pub fn prefer_codecs(&mut self, id: TransceiverId, codecs: Vec<String>) -> Result<()> {
        self.find(id)?.preferred = codecs;
        Ok(())
    }

    /// Our end of DTLS, once agreed.
    pub fn role(&self) -> Option<&'static str> {
        match self.setup? {
            Setup::Active => Some("client"),
            Setup::Passive => Some("server"),
            Setup::Actpass => None,
        }
    }

    pub fn set_direction(&mut self, id: TransceiverId, direction: Direction) -> Result<()> {
        let transceiver = self.find(id)?;
        if transceiver.stopping {
            return Err(PeerError::invalid_state("the transceiver is stopped"));
        }
        transceiver.direction = direction;
        Ok(())
    }

    pub fn stop(&mut self, id: TransceiverId) -> Result<()> {
        let transceiver = self.find(id)?;
        transceiver.stopping = true;
        Ok(())
    }

    /// Puts a track on a sender, or takes it away; `by_add_track` tells that `addTrack` did it.
    pub fn set_sender(
        &mut self,
        id: TransceiverId,
        track: Option<String>,
        streams: Vec<String>,
        by_add_track: bool,
    ) -> Result<()> {
        let transceiver = self.find(id)?;
        transceiver.attached |= by_add_track;
        let sender = &mut transceiver.sender;
        sender.streams = streams;
        if let Some(track) = track
            && sender.placeholder
        {
            sender.msid = track;
            sender.placeholder = false;
        }
        Ok(())
    }

    /// The first section's mid in the local description that was applied last.
    pub fn first_mid(&self) -> Option<String> {
        self.lines.first().map(|line| line.mid.clone())
    }

    /// The local description that was applied last.
    fn local(&self) -> Option<&Description> {
        let Descriptions {
            pending_local,
            current_local,
            ..
        } = &self.descriptions;
        pending_local.as_ref().or(current_local.as_ref())
    }

    /// Our ICE generation in the local description that was applied last.
    pub fn fragment(&self) -> Option<String> {
        self.local().and_then(fragment)
    }

    /// What is known of the transport before it is up.
    pub fn described(&self) -> Option<Described> {
        let local = self.local()?;
        Some(Described {
            fragment: fragment(local)?,
            controlling: local.kind == SdpType::Offer,
            setup: self.setup,
        })
    }

    /// Whether the local description applied last has a section that needs a transport.
    pub fn carries(&self) -> bool {
        let sdp = self.local().and_then(|local| Sdp::parse(&local.sdp).ok());
        sdp.is_some_and(|sdp| sdp.media.iter().any(|section| !section.rejected()))
    }

    /// Whether the description in force has such a section; the mid counts more than the index.
    pub fn has_section(&self, mid: Option<&str>, index: Option<u16>) -> bool {
        match (mid, index) {
            (Some(mid), _) => self.lines.iter().any(|line| line.mid == mid),
            (None, Some(index)) => usize::from(index) < self.lines.len(),
            (None, None) => false,
        }
    }

    /// Drops transceivers that are stopped for good.
    pub fn forget_stopped(&mut self) {
        if self.state == SignalingState::Stable {
            self.transceivers.retain(|one| !one.stopped);
        }
    }

    /// Offers and answers contain the data channels' section from now on.
    pub fn want_data(&mut self) {
        self.data = true;
    }

    /// Asks for new ICE credentials in the place of all that are described now.
    pub fn want_restart(&mut self) {
        let Descriptions {
            pending_local,
            current_local,
            ..
        } = &self.descriptions;
        let described = [pending_local, current_local];
        let fragments = described.into_iter().flatten().filter_map(fragment).collect::<Vec<_>>();
        for one in fragments {
            if !self.replacing.contains(&one) {
                self.replacing.push(one);
            }
        }
    }

    /// Whether the next offer must have new ICE credentials.
    pub fn restart_wanted(&self) -> bool {
        !self.replacing.is_empty()
    }

    fn new_sender(&mut self, streams: Vec<String>, track: Option<String>) -> Sender {
        let placeholder = track.is_none();
        let msid = track.unwrap_or_else(|| format!("{:016x}{:016x}", (self.random)(), (self.random)()));
        Sender {
            msid,
            placeholder,
            streams,
            ssrc: self.new_ssrc(),
            repair_ssrc: self.new_ssrc(),
            layers: Vec::new(),
        }
    }

    /// Offers and answers speak of simulcasts of up to so many layers from now on.
    pub fn allow_layers(&mut self, most: usize) {
        self.layers = most.min(LAYERS);
    }

    /// What video can be sent and shown, from now on; VP8 always can.
    pub fn allow_codecs(&mut self, able: &[VideoCodec]) {
        let allowed = |codec: &VideoCodec| *codec == VideoCodec::Vp8 || able.contains(codec);
        self.codecs = VideoCodec::ALL.into_iter().filter(allowed).collect();
    }

    /// The layers a sender offers (RFC 8853), as many as are allowed; fewer than two are no simulcast.
    pub fn set_layers(&mut self, id: TransceiverId, rids: &[String]) -> Result<()> {
        let rids = &rids[..rids.len().min(self.layers)];
        if !offerable(rids) {
            return Err(PeerError::operation("no such simulcast can be offered"));
        }
        if rids.len() < 2 {
            return Ok(());
        }
        let sender = &self.find(id)?.sender;
        let first = (sender.ssrc, sender.repair_ssrc);
        let mut layers = Vec::new();
        for rid in rids {
            let (ssrc, repair_ssrc) = if layers.is_empty() {
                first
            } else {
                (self.new_ssrc(), self.new_ssrc())
            };
            let rid = rid.clone();
            // There are no more than `LAYERS`.
            let place = layers.len() as u8;
            layers.push(Layer {
                rid,
                place,
                ssrc,
                repair_ssrc,
            });
        }
        self.find(id)?.sender.layers = layers;
        Ok(())
    }

    fn new_ssrc(&mut self) -> u32 {
        loop {
            let ssrc = u32::try_from((self.random)() >> 32).unwrap_or(1);
            let taken = |one: &Transceiver| {
                let layers = one
                    .sender
                    .layers
                    .iter()
                    .any(|one| one.ssrc == ssrc || one.repair_ssrc == ssrc);
                layers || one.sender.ssrc == ssrc || one.sender.repair_ssrc == ssrc
            };
            if ssrc != 0 && !self.transceivers.iter().any(taken) {
                return ssrc;
            }
        }
    }

    fn push(&mut self, kind: Kind, direction: Direction, sender: Sender) -> TransceiverId {
        let id = self.next_id;
        self.next_id += 1;
        self.transceivers.push(Transceiver {
            id,
            kind,
            mid: None,
            direction,
            current: None,
            stopping: false,
            stopped: false,
            tentative: false,
            by_add_track: false,
            attached: false,
            preferred: Vec::new(),
            sender,
            remote: Remote::default(),
            codecs: None,
        });
        id
    }

    fn find(&mut self, id: TransceiverId) -> Result<&mut Transceiver> {
        let found = self.transceivers.iter_mut().find(|one| one.id == id);
        found.ok_or_else(|| PeerError::new(ExceptionName::InvalidAccessError, "there is no such transceiver"))
    }
}

/// A transport as it is described.
pub struct Described {
    pub fragment: String,
    pub controlling: bool,
    /// Our end of DTLS, once it is agreed on.
    pub setup: Option<Setup>,
}

/// The username fragment of a description's transport.
fn fragment(of: &Description) -> Option<String> {
    let transport = Transport::read(&Sdp::parse(&of.sdp).ok()?).ok()??;
    Some(transport.ufrag)
}

/// Whether these can be the layers of a simulcast (RFC 8851, 10).
fn offerable(rids: &[String]) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let valid = |rid: &String| (1..=16).contains(&rid.len()) && rid.bytes().all(allowed);
    let once = |(index, rid): (usize, &String)| !rids[..index].contains(rid);
    rids.len() <= LAYERS && rids.iter().all(valid) && rids.iter().enumerate().all(once)
}

/// Whether a name can stand in a description (and is no longer than any needs to be).
fn is_token(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
