//! Making descriptions: what an offer proposes and an answer accepts.

use super::codecs::Codecs;
use super::compose::Composer;
use super::sdp::{Sdp, common, reversed};
use super::transceiver::Transceiver;
use super::transport::{Setup, Transport};
use super::{Jsep, Line, Made, Owner, SignalingState};
use crate::error::{PeerError, Result};
use crate::wire::{Description, Direction, Kind, SdpType};

impl Jsep {
    /// Writes an offer. While nothing has changed since the last one, it is that one.
    pub fn create_offer(&mut self, transport: &Transport) -> Result<Description> {
        let lines = self.offered_lines();
        let text = |version| self.offer_text(transport, &lines, version);
        let (sdp, version) = match &self.offer {
            Some(made) if alike(&made.sdp, &text(made.version)) => (made.sdp.clone(), made.version),
            Some(_) | None => (text(self.version + 1), self.version + 1),
        };
        self.version = self.version.max(version);
        self.offer = Some(Made {
            sdp: sdp.clone(),
            to: String::new(),
            version,
            lines,
        });
        Ok(Description {
            kind: SdpType::Offer,
            sdp,
        })
    }

    /// Writes an answer to the pending remote offer. While nothing has changed since the last one, it is that one.
    pub fn create_answer(&mut self, transport: &Transport) -> Result<Description> {
        let answering = matches!(
            self.state,
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer
        );
        let Some(remote) = self.descriptions.pending_remote.as_ref().filter(|_| answering) else {
            return Err(PeerError::invalid_state("there is no remote offer to answer"));
        };
        let offer = Sdp::parse(&remote.sdp).map_err(PeerError::operation)?;
        let theirs = Transport::read(&offer).map_err(PeerError::operation)?;
        let setup = self
            .setup
            .unwrap_or_else(|| theirs.map_or(Setup::Actpass, |theirs| theirs.setup).answer());
        let text = |version| self.answer_text(transport, &offer, setup, version);
        let made = match &self.answer {
            Some(made) if made.to == remote.sdp && alike(&made.sdp, &text(made.version)) => made.clone(),
            Some(_) | None => Made {
                sdp: text(self.version + 1),
                to: remote.sdp.clone(),
                version: self.version + 1,
                lines: self.lines.clone(),
            },
        };
        self.version = self.version.max(made.version);
        self.answer = Some(made.clone());
        Ok(Description {
            kind: SdpType::Answer,
            sdp: made.sdp,
        })
    }

    /// The lines of the next offer: those there are, and one for all that has none yet.
    fn offered_lines(&self) -> Vec<Line> {
        let mut lines = self.lines.clone();
        for line in &mut lines {
            if let Owner::Transceiver(id) = line.owner
                && self.transceivers.iter().all(|one| one.id != id || one.stopped)
            {
                line.owner = Owner::Nobody;
            }
        }
        let mut next_mid = self.next_mid;
        for one in self
            .transceivers
            .iter()
            .filter(|one| one.mid.is_none() && !one.stopping)
        {
            take_line(&mut lines, &mut next_mid, Owner::Transceiver(one.id), Some(one.kind));
        }
        if self.data && lines.iter().all(|line| line.owner != Owner::Data) {
            take_line(&mut lines, &mut next_mid, Owner::Data, None);
        }
        lines
    }

    fn offer_text(&self, transport: &Transport, lines: &[Line], version: u64) -> String {
        let composer = Composer {
            session_id: self.session_id,
            version,
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
        for line in lines {
            let owner = match line.owner {
                Owner::Transceiver(id) => self.transceivers.iter().find(|one| one.id == id && !one.stopping),
                Owner::Data | Owner::Nobody => None,
            };
            if let Some(one) = owner {
                let codecs = self.proposal(one);
                // What a page prefers it has from what can be offered; if not, its word does not count.
                let codecs = self.able(codecs.clone().prefer(&one.preferred).unwrap_or(codecs));
                sections.push(composer.media(&line.mid, one, &codecs, one.direction));
                bundled.push(&line.mid);
            } else if line.owner == Owner::Data {
                sections.push(composer.data(&line.mid));
                bundled.push(&line.mid);
            } else {
                sections.push(composer.rejected(&line.mid, &line.kind, &line.form.0, &line.form.1));
            }
        }
        composer.description(&bundled, &sections)
    }

    fn answer_text(&self, transport: &Transport, offer: &Sdp, setup: Setup, version: u64) -> String {
        let composer = Composer {
            session_id: self.session_id,
            version,
            cname: &self.cname,
            transport,
            setup,
        };
        let mut sections = Vec::new();
        let mut bundled = Vec::new();
        for (line, section) in self.lines.iter().zip(&offer.media) {
            let accepted = match line.owner {
                _ if section.rejected() => None,
                Owner::Transceiver(id) => self
                    .transceivers
                    .iter()
                    .find(|one| one.id == id && !one.stopped)
                    .and_then(|one| {
                        let codecs = self.able(Codecs::agree(one.kind, section, &self.codecs)?.prefer(&one.preferred)?);
                        // One that is stopped while it answers is so from the next offer on.
                        let wanted = if one.stopping {
                            Direction::Inactive
                        } else {
                            one.direction
                        };
                        let direction = common(wanted, reversed(offer.direction(section)));
                        let mut one = one.clone();
                        let named = codecs.rid_extension.is_some();
                        let taken = if named { section.simulcast("recv") } else { Vec::new() };
                        one.sender.accept(&taken);
                        Some(composer.media(&line.mid, &one, &codecs, direction))
                    }),
                Owner::Data => Some(composer.data(&line.mid)),
                Owner::Nobody => None,
            };
            if accepted.is_some() && section.mid().is_some() {
                bundled.push(line.mid.as_str());
            }
            sections.push(accepted.unwrap_or_else(|| composer.refusal(&line.mid, section)));
        }
        composer.description(&bundled, &sections)
    }

    /// Leaves out what names the layers of a simulcast where none can be sent.
    fn able(&self, mut codecs: Codecs) -> Codecs {
        if self.layers < 2 {
            (codecs.rid_extension, codecs.repaired_rid_extension) = (None, None);
        }
        codecs
    }

    /// The codecs to offer: those that were agreed on, then the others. Where nothing was, the numbers are those that other
    /// sections agreed on, as all of them share one transport.
    fn proposal(&self, of: &Transceiver) -> Codecs {
        let agreed = || self.transceivers.iter().filter_map(|one| one.codecs.as_ref());
        let same = agreed().find(|codecs| codecs.kind == of.kind);
        let mut codecs = of.codecs.as_ref().or(same).cloned().unwrap_or_else(|| {
            let mut proposal = Codecs::proposal(of.kind);
            if let Some(other) = agreed().next() {
                proposal.share(other);
            }
            proposal
        });
        codecs.complete(&self.codecs, agreed());
        codecs
    }
}

/// Gives `owner` a line that nobody uses, or a new one.
fn take_line(lines: &mut Vec<Line>, next_mid: &mut u32, owner: Owner, kind: Option<Kind>) {
    let (kind, form) = match kind {
        Some(Kind::Video) => ("video", ("UDP/TLS/RTP/SAVPF", "0")),
        Some(Kind::Audio) => ("audio", ("UDP/TLS/RTP/SAVPF", "0")),
        None => ("application", ("UDP/DTLS/SCTP", "webrtc-datachannel")),
    };
    let line = Line {
        mid: unused(lines, next_mid),
        kind: kind.to_owned(),
        form: (form.0.to_owned(), form.1.to_owned()),
        owner,
    };
    let free = |of: &dyn Fn(&str) -> bool| {
        lines
            .iter()
            .position(|line| line.owner == Owner::Nobody && of(&line.kind))
    };
    let media = |kind: &str| kind == "audio" || kind == "video";
    // One of its kind, if there is one; a voice's may become a picture's, too (RFC 9429, 5.2.2).
    let place = free(&|former| former == kind).or_else(|| free(&|former| media(former) && media(kind)));
    match place {
        Some(place) => lines[place] = line,
        None => lines.push(line),
    }
}

/// A mid that no line has and none had.
pub(super) fn unused(lines: &[Line], next_mid: &mut u32) -> String {
    loop {
        let mid = next_mid.to_string();
        // A remote can use up the numbers; there are more of them than lines.
        *next_mid = next_mid.wrapping_add(1);
        if lines.iter().all(|line| line.mid != mid) {
            return mid;
        }
    }
}

/// Whether two descriptions differ at most in the candidates that were found meanwhile.
fn alike(one: &str, other: &str) -> bool {
    let lasting = |sdp: &'_ str| {
        let found = |line: &&str| line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates");
        sdp.lines()
            .filter(|line| !found(line))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    lasting(one) == lasting(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_make_no_difference() {
        assert!(alike(
            "v=0\r\na=candidate:1\r\ns=-\r\n",
            "v=0\r\ns=-\r\na=end-of-candidates\r\n"
        ));
        assert!(!alike("v=0\r\ns=-\r\n", "v=0\r\ns=x\r\n"));
    }
}
