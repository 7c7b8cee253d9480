//! Whether a remote's description can be applied at all, before anything is changed.

use std::collections::HashMap;

use super::sdp::{Sdp, Section, common, reversed};
use super::{Jsep, Line};
use crate::error::{PeerError, Result};

impl Jsep {
    /// Whether an offer has what ours and the last one must find in it.
    pub(super) fn check_offer(&self, sdp: &Sdp) -> Result<()> {
        let known = self.saved.as_ref().map_or(&self.lines, |saved| &saved.lines);
        if sdp.media.len() < known.len() {
            return Err(PeerError::invalid_access(
                "the offer has fewer sections than the last one",
            ));
        }
        let alone = sdp.media.iter().filter(|one| !one.rejected()).count() == 1;
        for section in sdp.media.iter().filter(|one| !one.rejected()) {
            if !alone && !section.mid().is_some_and(|mid| sdp.bundled(mid)) {
                return Err(PeerError::invalid_access("a section is not bundled"));
            }
        }
        self.check_extensions(sdp)?;
        check_mux(sdp)
    }

    /// Whether an answer belongs to our offer.
    pub(super) fn check_answer(&self, offer: &Sdp, sdp: &Sdp) -> Result<()> {
        let named = |(line, section): (&Line, &Section)| section.mid().is_none_or(|mid| mid == line.mid);
        if sdp.media.len() != self.lines.len() || !self.lines.iter().zip(&sdp.media).all(named) {
            return Err(PeerError::invalid_access("the answer has not the offer's sections"));
        }
        let sections = offer.media.iter().zip(&sdp.media);
        for (offered, answered) in sections.filter(|(_, answered)| !answered.rejected() && !answered.is_data()) {
            let ours = reversed(sdp.direction(answered));
            // RFC 3264, 6.1: who is not asked to send does not, and nobody receives what is not sent.
            if common(ours, offer.direction(offered)) != ours {
                return Err(PeerError::invalid_access(
                    "the answer's direction does not fit the offer's",
                ));
            }
        }
        self.check_extensions(sdp)?;
        check_mux(sdp)
    }

    /// The id of a header extension means the same in a section for as long as that lives (RFC 8285, 6).
    fn check_extensions(&self, sdp: &Sdp) -> Result<()> {
        let Some(former) = &self.descriptions.current_remote else {
            return Ok(());
        };
        let former = Sdp::parse(&former.sdp).map_err(PeerError::operation)?;
        for (was, is) in former.media.iter().zip(&sdp.media) {
            if was.rejected() || is.rejected() || was.mid() != is.mid() {
                continue;
            }
            let known: HashMap<_, _> = was.extensions().collect();
            if is
                .extensions()
                .any(|(id, uri)| known.get(&id).is_some_and(|known| *known != uri))
            {
                return Err(PeerError::invalid_access(
                    "a header extension's id means another one now",
                ));
            }
        }
        Ok(())
    }
}

/// `rtcpMuxPolicy` is always `require`: RTCP has no port of its own, and RTP none of its packets' numbers (RFC 5761, 4).
fn check_mux(sdp: &Sdp) -> Result<()> {
    let media = |section: &&Section| !section.rejected() && matches!(section.kind.as_str(), "audio" | "video");
    let lacks = |section: &Section| section.attributes.get("rtcp-mux").is_none();
    // Those that are bundled follow the first one, which may be the only one to say so (RFC 8843, 7.1.3; RFC 8859, 5.3).
    let first = sdp.media.iter().find(|section| !section.rejected());
    let carries = first
        .is_some_and(|first| first.mid().is_some_and(|mid| sdp.bundled(mid)) && (first.is_data() || !lacks(first)));
    let follows = |section: &Section| carries && section.mid().is_some_and(|mid| sdp.bundled(mid));
    if sdp
        .media
        .iter()
        .filter(media)
        .any(|section| lacks(section) && !follows(section))
    {
        return Err(PeerError::invalid_access("a section has no rtcp-mux"));
    }
    let mut formats = sdp.media.iter().filter(media).flat_map(|section| &section.formats);
    if formats.any(|format| format.parse().is_ok_and(|number: u8| (64..96).contains(&number))) {
        return Err(PeerError::invalid_access("a payload type could be taken for RTCP"));
    }
    Ok(())
}
