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
pub mod codecs;
pub mod compose;
pub mod sdp;
pub mod transceiver;
pub mod transport;

#[cfg(test)]
mod tests;

use codecs::Codecs;
use compose::{Composer, MAX_MESSAGE_SIZE};
use sdp::{Sdp, common, reversed};
use transceiver::{Remote, Sender, Transceiver};
use transport::{Setup, Transport};

use crate::error::{ExceptionName, PeerError, Result};
use crate::wire::{Description, Direction, Kind, SdpType, TransceiverId, TransceiverSnapshot};

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

/// A description that was made and not yet applied, and the lines it would bring.
#[derive(Debug, Clone)]
struct Made {
    sdp: String,
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
    /// Which end of the DTLS connection we are, once agreed.
    setup: Option<Setup>,
    /// `restartIce()` was called, and no offer with new credentials was answered since.
    restart: bool,
    random: Box<dyn FnMut() -> u64 + Send>,
}

impl Jsep {
    /// `random` gives the identifiers that have to be unique.
    pub fn new(mut random: Box<dyn FnMut() -> u64 + Send>) -> Self {
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
            cname: format!("{:016x}", random()),
            data: false,
            setup: None,
            restart: false,
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

    /// The largest message both ends take; `None` until data channels are negotiated.
    pub fn max_message_size(&self) -> Option<u32> {
        let remote = self.descriptions.current_remote.as_ref()?;
        let data = Transport::read(&Sdp::parse(&remote.sdp).ok()?).ok()??.data?;
        Some(if data.max_message_size == 0 {
            MAX_MESSAGE_SIZE
        } else {
            data.max_message_size.min(MAX_MESSAGE_SIZE)
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
        if transceiver.mid.is_none() {
            transceiver.stop();
        }
        Ok(())
    }

    pub fn set_sender(&mut self, id: TransceiverId, track: Option<String>, streams: Vec<String>) -> Result<()> {
        let sender = &mut self.find(id)?.sender;
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

    /// Whether the local description applied last has a section that needs a transport.
    pub fn carries(&self) -> bool {
        let Descriptions {
            pending_local,
            current_local,
            ..
        } = &self.descriptions;
        let local = pending_local.as_ref().or(current_local.as_ref());
        let sdp = local.and_then(|local| Sdp::parse(&local.sdp).ok());
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

    pub fn want_restart(&mut self) {
        self.restart = true;
    }

    /// Whether the next offer must have new ICE credentials.
    pub fn restart_wanted(&self) -> bool {
        self.restart && self.descriptions.current_local.is_some()
    }

    /// Writes an offer.
    pub fn create_offer(&mut self, transport: &Transport) -> Result<Description> {
        let mut lines = self.lines.clone();
        for line in &mut lines {
            if let Owner::Transceiver(id) = line.owner
                && self.transceivers.iter().all(|one| one.id != id || one.stopped)
            {
                line.owner = Owner::Nobody;
            }
        }
        let fresh: Vec<TransceiverId> = self
            .transceivers
            .iter()
            .filter(|one| one.mid.is_none() && !one.stopping)
            .map(|one| one.id)
            .collect();
        for id in fresh {
            self.take_line(&mut lines, Owner::Transceiver(id));
        }
        if self.data && lines.iter().all(|line| line.owner != Owner::Data) {
            self.take_line(&mut lines, Owner::Data);
        }
        self.version += 1;
        let composer = Composer {
            session_id: self.session_id,
            version: self.version,
            cname: &self.cname,
            transport,
            // An end that a rolled-back offer has started cannot choose any more.
            setup: if self.setup.is_none() {
                transport.setup
            } else {
                Setup::Actpass
            },
        };
        let mut sections = Vec::new();
        let mut bundled: Vec<&str> = Vec::new();
        for line in &lines {
            let owner = match line.owner {
                Owner::Transceiver(id) => self.transceivers.iter().find(|one| one.id == id && !one.stopping),
                Owner::Data | Owner::Nobody => None,
            };
            if let Some(one) = owner {
                let codecs = one.codecs.clone().unwrap_or_else(|| self.proposal(one.kind));
                let codecs = codecs.prefer(&one.preferred);
                sections.push(composer.media(&line.mid, one, &codecs, one.direction));
                bundled.push(&line.mid);
            } else if line.owner == Owner::Data {
                sections.push(composer.data(&line.mid));
                bundled.push(&line.mid);
            } else {
                sections.push(composer.rejected(&line.mid, &line.kind, &line.form.0, &line.form.1));
            }
        }
        let sdp = composer.description(&bundled, &sections);
        self.offer = Some(Made {
            sdp: sdp.clone(),
            lines,
        });
        Ok(Description {
            kind: SdpType::Offer,
            sdp,
        })
    }

    /// Writes an answer to the pending remote offer.
    pub fn create_answer(&mut self, transport: &Transport) -> Result<Description> {
        if !matches!(
            self.state,
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer
        ) {
            return Err(PeerError::invalid_state("there is no remote offer to answer"));
        }
        let Some(remote) = &self.descriptions.pending_remote else {
            return Err(PeerError::invalid_state("there is no remote offer to answer"));
        };
        let sdp = Sdp::parse(&remote.sdp).map_err(PeerError::operation)?;
        let theirs = Transport::read(&sdp).map_err(PeerError::operation)?;
        self.version += 1;
        let composer = Composer {
            session_id: self.session_id,
            version: self.version,
            cname: &self.cname,
            transport,
            setup: self
                .setup
                .unwrap_or_else(|| theirs.map_or(Setup::Actpass, |theirs| theirs.setup).answer()),
        };
        let mut sections = Vec::new();
        let mut bundled = Vec::new();
        for (line, section) in self.lines.iter().zip(&sdp.media) {
            let accepted = match line.owner {
                _ if section.rejected() => None,
                Owner::Transceiver(id) => self
                    .transceivers
                    .iter()
                    .find(|one| one.id == id && !one.stopping)
                    .and_then(|one| {
                        let codecs = Codecs::agree(one.kind, section)?.prefer(&one.preferred);
                        let direction = common(one.direction, reversed(sdp.direction(section)));
                        Some(composer.media(&line.mid, one, &codecs, direction))
                    }),
                Owner::Data => Some(composer.data(&line.mid)),
                Owner::Nobody => None,
            };
            if accepted.is_some() {
                bundled.push(line.mid.as_str());
            }
            sections.push(accepted.unwrap_or_else(|| composer.refusal(section)));
        }
        let sdp = composer.description(&bundled, &sections);
        self.answer = Some(Made {
            sdp: sdp.clone(),
            lines: self.lines.clone(),
        });
        Ok(Description {
            kind: SdpType::Answer,
            sdp,
        })
    }

    /// The codecs to offer in a section nothing was agreed on for: the numbers other sections agreed on, as all of
    /// them share one transport.
    fn proposal(&self, kind: Kind) -> Codecs {
        let known = self
            .transceivers
            .iter()
            .filter(|one| one.kind == kind)
            .find_map(|one| one.codecs.clone());
        known.unwrap_or_else(|| {
            let other = self.transceivers.iter().find_map(|one| one.codecs.as_ref());
            let mut proposal = Codecs::proposal(kind);
            if let Some(other) = other {
                proposal.mid_extension = other.mid_extension;
                proposal.transport_cc_extension = other.transport_cc_extension;
                let taken = [Some(other.payload_type), other.repair];
                if taken.contains(&Some(proposal.payload_type)) || taken.contains(&proposal.repair) {
                    proposal.payload_type = 120;
                    proposal.repair = proposal.repair.map(|_| 121);
                }
            }
            proposal
        })
    }

    /// Gives `owner` a line that nobody uses, or a new one.
    fn take_line(&mut self, lines: &mut Vec<Line>, owner: Owner) {
        let kind = match owner {
            Owner::Transceiver(id) => match self.transceivers.iter().find(|one| one.id == id).map(|one| one.kind) {
                Some(Kind::Video) => "video",
                Some(Kind::Audio) | None => "audio",
            },
            Owner::Data | Owner::Nobody => "application",
        };
        let mid = loop {
            let mid = self.next_mid.to_string();
            self.next_mid += 1;
            if lines.iter().all(|line| line.mid != mid) {
                break mid;
            }
        };
        let form = match owner {
            Owner::Data | Owner::Nobody => ("UDP/DTLS/SCTP".to_owned(), "webrtc-datachannel".to_owned()),
            Owner::Transceiver(_) => ("UDP/TLS/RTP/SAVPF".to_owned(), "0".to_owned()),
        };
        let line = Line {
            mid,
            kind: kind.to_owned(),
            form,
            owner,
        };
        match lines
            .iter_mut()
            .find(|line| line.owner == Owner::Nobody && line.kind == kind)
        {
            Some(free) => *free = line,
            None => lines.push(line),
        }
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
        }
    }

    fn new_ssrc(&mut self) -> u32 {
        loop {
            let ssrc = u32::try_from((self.random)() >> 32).unwrap_or(1);
            let taken = |one: &Transceiver| one.sender.ssrc == ssrc || one.sender.repair_ssrc == ssrc;
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
