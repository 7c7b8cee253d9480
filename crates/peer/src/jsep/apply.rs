//! Applying descriptions.

use super::codecs::Codecs;
use super::make::unused;
use super::sdp::{Malformed, Sdp, Section, common, reversed};
use super::transceiver::Remote;
use super::transport::{Setup, Transport};
use super::{Jsep, Line, Made, Owner, Saved, SignalingState};
use crate::error::{ExceptionName, PeerError, Result};
use crate::wire::{Description, Direction, Kind, SdpType};

impl Jsep {
    /// The description an implicit `setLocalDescription()` applies next, by the state (W3C, 4.4.1.5).
    pub fn implicit(&self) -> SdpType {
        match self.state {
            SignalingState::Stable | SignalingState::HaveLocalOffer | SignalingState::HaveRemotePranswer => {
                SdpType::Offer
            }
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer => SdpType::Answer,
        }
    }

    /// Applies a description that this side made, byte for byte; an empty one stands for the last one made.
    pub fn set_local(&mut self, kind: SdpType, sdp: &str) -> Result<()> {
        use SignalingState::{HaveLocalOffer, HaveLocalPranswer, HaveRemoteOffer, Stable};
        match (kind, self.state) {
            (SdpType::Offer, Stable | HaveLocalOffer) => {
                let made = chosen(self.offer.as_ref(), sdp)?;
                self.save();
                self.associate(&made.lines);
                self.lines = made.lines;
                self.descriptions.pending_local = Some(Description { kind, sdp: made.sdp });
                self.state = HaveLocalOffer;
                Ok(())
            }
            (SdpType::Answer, HaveRemoteOffer | HaveLocalPranswer) => {
                let made = chosen(self.answering(), sdp)?;
                let Some(remote) = self.descriptions.pending_remote.take() else {
                    return Err(PeerError::invalid_state("there is no remote offer"));
                };
                let offer = Sdp::parse(&remote.sdp).map_err(PeerError::operation)?;
                let answer = Sdp::parse(&made.sdp).map_err(PeerError::operation)?;
                self.settle(&offer, &answer, true);
                self.descriptions.current_remote = Some(remote);
                self.descriptions.current_local = Some(Description { kind, sdp: made.sdp });
                self.finish(&answer, true);
                Ok(())
            }
            (SdpType::Pranswer, HaveRemoteOffer | HaveLocalPranswer) => {
                let made = chosen(self.answering(), sdp)?;
                self.descriptions.pending_local = Some(Description { kind, sdp: made.sdp });
                self.state = HaveLocalPranswer;
                Ok(())
            }
            (SdpType::Rollback, HaveLocalOffer) => {
                self.rollback();
                Ok(())
            }
            (SdpType::Rollback, HaveRemoteOffer) => {
                // W3C lets either side's setter undo a remote offer.
                self.rollback();
                Ok(())
            }
            (kind, state) => Err(wrong(kind, state)),
        }
    }

    /// Applies the remote's description; what it says of the transport is returned for the engine.
    pub fn set_remote(&mut self, description: &Description) -> Result<Option<Transport>> {
        use SignalingState::{HaveLocalOffer, HaveRemoteOffer, HaveRemotePranswer, Stable};
        if description.kind == SdpType::Rollback {
            return match self.state {
                HaveRemoteOffer | HaveLocalOffer => {
                    self.rollback();
                    Ok(None)
                }
                state @ (Stable | SignalingState::HaveLocalPranswer | HaveRemotePranswer) => {
                    Err(wrong(SdpType::Rollback, state))
                }
            };
        }
        let sdp = Sdp::parse(&description.sdp).map_err(malformed)?;
        let transport = Transport::read(&sdp).map_err(PeerError::invalid_access)?;
        match (description.kind, self.state) {
            (SdpType::Offer, Stable | HaveRemoteOffer | HaveLocalOffer) => {
                self.check_offer(&sdp)?;
                if self.state == HaveLocalOffer {
                    self.rollback();
                }
                self.save();
                self.offered(&sdp)?;
                self.descriptions.pending_remote = Some(description.clone());
                self.state = HaveRemoteOffer;
            }
            (SdpType::Pranswer, HaveLocalOffer | HaveRemotePranswer) => {
                self.descriptions.pending_remote = Some(description.clone());
                self.state = HaveRemotePranswer;
                return Ok(None);
            }
            (SdpType::Answer, HaveLocalOffer | HaveRemotePranswer) => {
                let Some(local) = &self.descriptions.pending_local else {
                    return Err(PeerError::invalid_state("there is no local offer"));
                };
                let offer = Sdp::parse(&local.sdp).map_err(PeerError::operation)?;
                self.check_answer(&offer, &sdp)?;
                self.settle(&offer, &sdp, false);
                self.descriptions.current_local = self.descriptions.pending_local.take();
                self.descriptions.current_remote = Some(description.clone());
                self.finish(&sdp, false);
            }
            (kind, state) => return Err(wrong(kind, state)),
        }
        Ok(transport)
    }

    /// The answer made last, if it answers what the remote offers now.
    fn answering(&self) -> Option<&Made> {
        let remote = self.descriptions.pending_remote.as_ref()?;
        self.answer.as_ref().filter(|made| made.to == remote.sdp)
    }

    /// Takes in the sections of a remote offer.
    fn offered(&mut self, sdp: &Sdp) -> Result<()> {
        for (index, section) in sdp.media.iter().enumerate() {
            let known = self.lines.get(index).map(|line| line.mid.clone());
            let mid = match section.mid() {
                Some(mid) => mid.to_owned(),
                None => known.unwrap_or_else(|| unused(&self.lines, &mut self.next_mid)),
            };
            self.used(&mid);
            let kind = match section.kind.as_str() {
                "audio" => Some(Kind::Audio),
                "video" => Some(Kind::Video),
                _ => None,
            };
            let owner = match kind {
                Some(kind) => self.owner_for(index, &mid, kind, sdp, section),
                None if section.is_data() => Owner::Data,
                None => Owner::Nobody,
            };
            if let Owner::Transceiver(id) = owner {
                let wanted = section.simulcast("recv");
                // The remote may ask for a simulcast where nothing was agreed on yet.
                let one = self.find(id)?;
                let plain = one.kind == Kind::Video && one.codecs.is_none() && one.sender.layers.is_empty();
                if plain && super::offerable(&wanted) {
                    self.set_layers(id, &wanted)?;
                }
                let one = self.find(id)?;
                one.mid = Some(mid.clone());
                one.remote = Remote::read(sdp, section);
                if section.rejected() {
                    one.stop();
                }
            }
            let line = Line {
                mid,
                kind: section.kind.clone(),
                form: (section.protocol.clone(), section.formats.join(" ")),
                owner,
            };
            match self.lines.get_mut(index) {
                Some(known) => *known = line,
                None => self.lines.push(line),
            }
        }
        Ok(())
    }

    /// The transceiver of a section: the one it had, a free one, or a new one.
    fn owner_for(&mut self, index: usize, mid: &str, kind: Kind, sdp: &Sdp, section: &Section) -> Owner {
        if let Some(known) = self.lines.get(index)
            && known.mid == mid
        {
            let Owner::Transceiver(id) = known.owner else {
                return Owner::Nobody;
            };
            return Owner::Transceiver(id);
        }
        if section.rejected() {
            return Owner::Nobody;
        }
        if matches!(sdp.direction(section), Direction::Sendrecv | Direction::Recvonly)
            && let Some(free) = self.transceivers.iter().find(|one| one.free_for(kind))
        {
            return Owner::Transceiver(free.id);
        }
        let sender = self.new_sender(Vec::new(), None);
        let id = self.push(kind, Direction::Recvonly, sender);
        if let Some(made) = self.transceivers.last_mut() {
            made.tentative = true;
        }
        Owner::Transceiver(id)
    }

    /// Mids made here must never have been used.
    fn used(&mut self, mid: &str) {
        if let Ok(number) = mid.parse::<u32>() {
            self.next_mid = self.next_mid.max(number.saturating_add(1));
        }
    }

    /// Ties transceivers to the lines of an offer of ours.
    fn associate(&mut self, lines: &[Line]) {
        for line in lines {
            self.used(&line.mid);
            if let Owner::Transceiver(id) = line.owner
                && let Some(one) = self.transceivers.iter_mut().find(|one| one.id == id)
            {
                one.mid = Some(line.mid.clone());
                // From here on the remote knows the id.
                one.sender.placeholder = false;
            }
        }
    }

    /// What an answer decided for each line. `ours` says who wrote it.
    fn settle(&mut self, offer: &Sdp, answer: &Sdp, ours: bool) {
        let sections = offer.media.iter().zip(&answer.media);
        for (line, (offered, answered)) in self.lines.iter_mut().zip(sections) {
            let rejected = offered.rejected() || answered.rejected();
            line.form = (answered.protocol.clone(), answered.formats.join(" "));
            match line.owner {
                Owner::Transceiver(id) => {
                    let Some(one) = self.transceivers.iter_mut().find(|one| one.id == id) else {
                        continue;
                    };
                    let codecs = Codecs::agree(one.kind, answered, &self.codecs);
                    if rejected || codecs.is_none() {
                        one.stop();
                        line.owner = Owner::Nobody;
                        continue;
                    }
                    let direction = answer.direction(answered);
                    let (remote_sdp, remote) = if ours { (offer, offered) } else { (answer, answered) };
                    one.remote = Remote::read(remote_sdp, remote);
                    let mine = if ours {
                        direction
                    } else {
                        common(offer.direction(offered), reversed(direction))
                    };
                    // Without the extension nobody could tell the layers apart.
                    let named = codecs.as_ref().is_some_and(|codecs| codecs.rid_extension.is_some());
                    one.settle(mine, codecs);
                    let taken = if named { remote.simulcast("recv") } else { Vec::new() };
                    one.sender.accept(&taken);
                    one.sender.placeholder = false;
                }
                Owner::Data if rejected => line.owner = Owner::Nobody,
                Owner::Data | Owner::Nobody => {}
            }
        }
    }

    /// Returns to stable with an answer applied.
    fn finish(&mut self, answer: &Sdp, ours: bool) {
        if self.setup.is_none()
            && let Ok(Some(transport)) = Transport::read(answer)
        {
            self.setup = Some(match (transport.setup, ours) {
                (setup, true) => setup,
                (Setup::Active | Setup::Actpass, false) => Setup::Passive,
                (Setup::Passive, false) => Setup::Active,
            });
        }
        self.descriptions.pending_local = None;
        self.descriptions.pending_remote = None;
        self.saved = None;
        self.offer = None;
        self.answer = None;
        self.state = SignalingState::Stable;
        // What was stopped without ever having been described needs no section to say so.
        for one in self
            .transceivers
            .iter_mut()
            .filter(|one| one.stopping && one.mid.is_none())
        {
            one.stop();
        }
        let fragment = self.descriptions.current_local.as_ref().and_then(super::fragment);
        if fragment.is_none_or(|fragment| !self.replacing.contains(&fragment)) {
            self.replacing.clear();
        }
    }

    fn save(&mut self) {
        if self.saved.is_none() {
            self.saved = Some(Saved {
                transceivers: self.transceivers.clone(),
                lines: self.lines.clone(),
            });
        }
    }

    /// Forgets the pending description (RFC 9429, 4.1.10.2).
    fn rollback(&mut self) {
        self.descriptions.pending_local = None;
        self.descriptions.pending_remote = None;
        self.state = SignalingState::Stable;
        let Some(saved) = self.saved.take() else { return };
        self.lines = saved.lines;
        self.transceivers.retain_mut(|one| {
            if let Some(former) = saved.transceivers.iter().find(|former| former.id == one.id) {
                one.mid.clone_from(&former.mid);
                one.remote = former.remote.clone();
                one.stopped = former.stopped;
                one.current = former.current;
                one.sender.layers.clone_from(&former.sender.layers);
                one.stopping |= one.stopped;
                if one.direction == Direction::Stopped && !one.stopping {
                    one.direction = former.direction;
                }
                return true;
            }
            // One that the remote made goes, unless `addTrack` has taken it meanwhile.
            if one.tentative && !one.attached {
                return false;
            }
            one.by_add_track |= one.attached;
            one.mid = None;
            one.remote = Remote::default();
            one.tentative = false;
            true
        });
    }
}

fn chosen(made: Option<&Made>, sdp: &str) -> Result<Made> {
    match made {
        Some(made) if sdp.is_empty() || made.sdp == sdp => Ok(made.clone()),
        _ => Err(PeerError::new(
            ExceptionName::InvalidModificationError,
            "only the last description made here can be applied, unchanged",
        )),
    }
}

fn malformed(Malformed { line, why }: Malformed) -> PeerError {
    PeerError::syntax(line, why)
}

fn wrong(kind: SdpType, state: SignalingState) -> PeerError {
    PeerError::invalid_state(format!("{kind:?} cannot be applied in {}", state.name()))
}
