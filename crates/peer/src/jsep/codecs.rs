//! What can be agreed on for a media section: VP8 with RTX, Opus, their feedback and header extensions.

use super::sdp::Section;
use crate::wire::Kind;

/// `urn:ietf:params:rtp-hdrext:sdes:mid` (RFC 9143).
pub const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// Transport-wide sequence numbers, which the remote reports on.
pub const TRANSPORT_CC_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// The level of an audio packet, for mixers and speaker detection (RFC 6464).
pub const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// Which encoding of a simulcast a packet belongs to (RFC 8852).
pub const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// The same for retransmissions.
pub const REPAIRED_RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// Ids that fit a one-byte header (RFC 8285).
const EXTENSION_IDS: std::ops::Range<u8> = 1..15;
/// Payload types that are looked at.
const MAPS: usize = 128;
/// DTMF formats that are answered.
const TONES: usize = 4;

/// What was agreed on, or what is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codecs {
    pub kind: Kind,
    pub payload_type: u8,
    /// The payload type of retransmissions (RFC 4588).
    pub repair: Option<u8>,
    pub nack: bool,
    pub pli: bool,
    pub fir: bool,
    pub remb: bool,
    pub transport_cc: bool,
    /// Payload types of DTMF tones (RFC 4733) and their clock rates.
    pub tones: Vec<(u8, u32)>,
    /// Header extension ids.
    pub mid_extension: Option<u8>,
    pub transport_cc_extension: Option<u8>,
    pub audio_level_extension: Option<u8>,
    pub rid_extension: Option<u8>,
    pub repaired_rid_extension: Option<u8>,
}

impl Codecs {
    /// What an offer proposes when nothing was agreed on before.
    pub fn proposal(kind: Kind) -> Self {
        let video = kind == Kind::Video;
        Self {
            kind,
            payload_type: if video { 96 } else { 111 },
            repair: video.then_some(97),
            nack: video,
            pli: video,
            fir: video,
            remb: video,
            transport_cc: true,
            tones: if video {
                Vec::new()
            } else {
                vec![(110, 48_000), (126, 8_000)]
            },
            mid_extension: Some(4),
            transport_cc_extension: Some(3),
            audio_level_extension: (!video).then_some(1),
            rid_extension: video.then_some(10),
            repaired_rid_extension: video.then_some(11),
        }
    }

    /// Takes over the numbers that a section beside this one agreed on: both share one transport.
    pub fn share(&mut self, other: &Self) {
        let agreed = other.extensions();
        let mut taken: Vec<u8> = agreed.iter().filter_map(|(id, _)| *id).collect();
        for (id, uri) in self.extensions_mut() {
            let Some(wanted) = *id else { continue };
            let same = agreed.iter().find(|(_, one)| *one == uri).and_then(|(id, _)| *id);
            *id = same.or_else(|| {
                let free = std::iter::once(wanted)
                    .chain(EXTENSION_IDS)
                    .find(|one| !taken.contains(one));
                taken.extend(free);
                free
            });
        }
        let taken = [Some(other.payload_type), other.repair];
        if taken.contains(&Some(self.payload_type)) || taken.contains(&self.repair) {
            self.payload_type = 120;
            self.repair = self.repair.map(|_| 121);
        }
    }

    /// The header extensions by their ids.
    pub fn extensions(&self) -> [(Option<u8>, &'static str); 5] {
        [
            (self.audio_level_extension, AUDIO_LEVEL_URI),
            (self.transport_cc_extension, TRANSPORT_CC_URI),
            (self.mid_extension, MID_URI),
            (self.rid_extension, RID_URI),
            (self.repaired_rid_extension, REPAIRED_RID_URI),
        ]
    }

    fn extensions_mut(&mut self) -> [(&mut Option<u8>, &'static str); 5] {
        [
            (&mut self.audio_level_extension, AUDIO_LEVEL_URI),
            (&mut self.transport_cc_extension, TRANSPORT_CC_URI),
            (&mut self.mid_extension, MID_URI),
            (&mut self.rid_extension, RID_URI),
            (&mut self.repaired_rid_extension, REPAIRED_RID_URI),
        ]
    }

    /// What a remote section and this side have in common; `None` if that is nothing.
    pub fn agree(kind: Kind, section: &Section) -> Option<Self> {
        let wanted = match kind {
            Kind::Video => "VP8/90000",
            Kind::Audio => "opus/48000/2",
        };
        let maps: Vec<(u8, &str)> = section
            .attributes
            .all("rtpmap")
            .filter_map(|map| {
                let (number, name) = map.split_once(' ')?;
                let listed = section.formats.iter().any(|format| format == number);
                Some((
                    number.parse().ok().filter(|number| *number < 128 && listed)?,
                    name.trim(),
                ))
            })
            .take(MAPS)
            .collect();
        let (payload_type, _) = *maps.iter().find(|(_, name)| name.eq_ignore_ascii_case(wanted))?;
        let repair = maps.iter().find(|(number, name)| {
            let repairs = |line: &str| {
                let (payload, parameters) = line.split_once(' ').unwrap_or((line, ""));
                let apt = parameters.split(';').find_map(|one| one.trim().strip_prefix("apt="));
                payload.parse() == Ok(*number) && apt.is_some_and(|apt| apt.trim().parse() == Ok(payload_type))
            };
            name.eq_ignore_ascii_case("rtx/90000") && section.attributes.all("fmtp").any(repairs)
        });
        let feedback = |wanted: &str| {
            section.attributes.all("rtcp-fb").any(|line| {
                let (payload, value) = line.split_once(' ').unwrap_or((line, ""));
                (payload == "*" || payload.parse() == Ok(payload_type)) && value.trim() == wanted
            })
        };
        let extension = |uri: &str| {
            section.attributes.all("extmap").find_map(|line| {
                let (id, rest) = line.split_once(' ')?;
                let found = rest.split_whitespace().next()? == uri;
                let id = id.split('/').next()?.parse().ok()?;
                (found && EXTENSION_IDS.contains(&id)).then_some(id)
            })
        };
        let tones = maps.iter().filter_map(|(number, name)| {
            let (name, rate) = name.split_once('/')?;
            let rate = rate.split('/').next()?.parse().ok()?;
            (kind == Kind::Audio && name.eq_ignore_ascii_case("telephone-event")).then_some((*number, rate))
        });
        Some(Self {
            kind,
            payload_type,
            tones: tones.take(TONES).collect(),
            repair: repair.map(|(number, _)| *number),
            nack: feedback("nack"),
            pli: feedback("nack pli"),
            fir: feedback("ccm fir"),
            remb: feedback("goog-remb"),
            transport_cc: feedback("transport-cc"),
            mid_extension: extension(MID_URI),
            transport_cc_extension: extension(TRANSPORT_CC_URI),
            audio_level_extension: extension(AUDIO_LEVEL_URI).filter(|_| kind == Kind::Audio),
            rid_extension: extension(RID_URI).filter(|_| kind == Kind::Video),
            repaired_rid_extension: extension(REPAIRED_RID_URI).filter(|_| kind == Kind::Video),
        })
    }

    /// The formats of the `m=` line.
    pub fn formats(&self) -> String {
        let tones = self.tones.iter().map(|(number, _)| *number);
        let all = std::iter::once(self.payload_type).chain(self.repair).chain(tones);
        all.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Leaves out what a page does not want: MIME types in lower case, none for no preference.
    pub fn prefer(mut self, wanted: &[String]) -> Self {
        let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
        if !wants("video/rtx") {
            self.repair = None;
        }
        if !wants("audio/telephone-event") {
            self.tones.clear();
        }
        self
    }

    /// The MIME types for the page.
    pub fn names(&self) -> Vec<String> {
        let name = match self.kind {
            Kind::Video => "video/VP8",
            Kind::Audio => "audio/opus",
        };
        let repair = self.repair.map(|_| "video/rtx".to_owned());
        std::iter::once(name.to_owned()).chain(repair).collect()
    }

    /// RTP ticks a second.
    pub fn clock_rate(&self) -> u32 {
        match self.kind {
            Kind::Video => 90_000,
            Kind::Audio => 48_000,
        }
    }

    /// The attribute lines of a section, each without its end.
    pub fn lines(&self) -> Vec<String> {
        let pt = self.payload_type;
        let mut lines = Vec::new();
        for (id, uri) in self.extensions() {
            lines.extend(id.map(|id| format!("a=extmap:{id} {uri}")));
        }
        match self.kind {
            Kind::Video => lines.push(format!("a=rtpmap:{pt} VP8/90000")),
            Kind::Audio => {
                lines.push(format!("a=rtpmap:{pt} opus/48000/2"));
                lines.push(format!("a=fmtp:{pt} minptime=10;useinbandfec=1"));
            }
        }
        for (on, value) in [
            (self.remb, "goog-remb"),
            (self.transport_cc, "transport-cc"),
            (self.fir, "ccm fir"),
            (self.nack, "nack"),
            (self.pli, "nack pli"),
        ] {
            lines.extend(on.then(|| format!("a=rtcp-fb:{pt} {value}")));
        }
        for (number, rate) in &self.tones {
            lines.push(format!("a=rtpmap:{number} telephone-event/{rate}"));
        }
        if let Some(repair) = self.repair {
            lines.push(format!("a=rtpmap:{repair} rtx/90000"));
            lines.push(format!("a=fmtp:{repair} apt={pt}"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsep::sdp::Sdp;

    fn section(kind: &str, formats: &str, lines: &[String]) -> Section {
        let text = format!(
            "v=0\r\nm={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\n{}\r\n",
            lines.join("\r\n")
        );
        Sdp::parse(&text).unwrap().media.remove(0)
    }

    #[test]
    fn a_proposal_agrees_with_itself() {
        for (kind, name) in [(Kind::Video, "video"), (Kind::Audio, "audio")] {
            let proposal = Codecs::proposal(kind);
            let section = section(name, &proposal.formats(), &proposal.lines());
            assert_eq!(Codecs::agree(kind, &section), Some(proposal));
        }
    }

    #[test]
    fn sections_of_one_transport_share_their_numbers() {
        let mut audio = Codecs::proposal(Kind::Audio);
        (audio.mid_extension, audio.audio_level_extension) = (Some(10), Some(4));
        (audio.payload_type, audio.transport_cc_extension) = (96, None);
        let mut video = Codecs::proposal(Kind::Video);
        video.share(&audio);
        assert_eq!((video.payload_type, video.repair), (120, Some(121)));
        assert_eq!(video.mid_extension, Some(10));
        assert_eq!(video.transport_cc_extension, Some(3));
        let ids: Vec<u8> = video.extensions().iter().filter_map(|(id, _)| *id).collect();
        assert!(!ids.contains(&4), "{ids:?}");
        let distinct: std::collections::HashSet<&u8> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn the_remotes_numbers_and_its_lacks_are_kept() {
        let lines = [
            "a=rtpmap:100 H264/90000",
            "a=rtpmap:101 vp8/90000",
            "a=rtpmap:102 rtx/90000",
            "a=fmtp:102 apt=100",
            "a=rtpmap:103 rtx/90000",
            "a=fmtp:103 apt=101",
            "a=rtcp-fb:* nack pli",
            "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=extmap:20 urn:x",
        ]
        .map(str::to_owned);
        let codecs = Codecs::agree(Kind::Video, &section("video", "100 101 102 103", &lines)).unwrap();
        assert_eq!((codecs.payload_type, codecs.repair), (101, Some(103)));
        assert!(codecs.pli && !codecs.nack && !codecs.transport_cc);
        assert_eq!(codecs.mid_extension, Some(9));
        assert_eq!(Codecs::agree(Kind::Video, &section("video", "100", &lines)), None);
    }
}
