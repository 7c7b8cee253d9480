//! What can be agreed on for a media section: codecs, RTX, their feedback and header extensions.

use super::formats::Format;
use super::sdp::Section;
use crate::rtp::codec::{AudioCodec, Codec};
use crate::rtp::format::VideoCodec;
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
/// Dynamic payload types (RFC 3551, 6; RFC 5761, 4), the ones that are taken first in front.
const PAYLOAD_TYPES: [std::ops::RangeInclusive<u8>; 3] = [120..=127, 96..=119, 35..=63];
/// DTMF formats that are answered.
const TONES: usize = 4;

/// What was agreed on, or what is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codecs {
    pub kind: Kind,
    /// What is sent, and what is liked best to come.
    pub first: Format,
    /// What may come as well, as the remote likes.
    pub others: Vec<Format>,
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
    /// What an offer proposes first when nothing was agreed on before.
    pub fn proposal(kind: Kind) -> Self {
        let video = kind == Kind::Video;
        Self {
            kind,
            first: if video {
                Format::video(VideoCodec::Vp8)
            } else {
                Format::audio(AudioCodec::Opus)
            },
            others: Vec::new(),
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
        let mut taken: Vec<u8> = other.payload_types().collect();
        renumber(&mut self.first, &mut taken);
    }

    /// Adds the codecs that are not there, of video those of `able`: with the numbers that one of `beside` has for them, or
    /// with numbers that none of those has.
    pub fn complete<'a>(&mut self, able: &[VideoCodec], beside: impl Iterator<Item = &'a Self> + Clone) {
        let all: Vec<Codec> = match self.kind {
            Kind::Audio => AudioCodec::ALL.into_iter().map(Codec::Audio).collect(),
            Kind::Video => able.iter().copied().map(Codec::Video).collect(),
        };
        let mut taken: Vec<u8> = self.payload_types().collect();
        taken.extend(beside.clone().flat_map(Self::payload_types));
        for codec in all {
            if self.all().any(|one| one.codec == codec) {
                continue;
            }
            let known = beside.clone().flat_map(Self::all).find(|one| one.codec == codec);
            let format = known.cloned().unwrap_or_else(|| {
                let mut format = Format::of(codec);
                renumber(&mut format, &mut taken);
                format
            });
            self.others.push(format);
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

    /// What a remote section and this side have in common, in the remote's order; `None` if that is nothing. `able` is the
    /// video that this side can send and show.
    pub fn agree(kind: Kind, section: &Section, able: &[VideoCodec]) -> Option<Self> {
        let (formats, tones) = super::formats::common(kind, section, able);
        let mut all = formats.into_iter();
        let first = all.next()?;
        let others: Vec<Format> = all.collect();
        let told: Vec<&Format> = std::iter::once(&first)
            .chain(&others)
            .filter(|one| one.adapts())
            .collect();
        let feedback = |wanted: &str| {
            let has = |format: &Format| {
                section.attributes.all("rtcp-fb").any(|line| {
                    let (payload, value) = line.split_once(' ').unwrap_or((line, ""));
                    (payload == "*" || payload.parse() == Ok(format.payload_type)) && value.trim() == wanted
                })
            };
            !told.is_empty() && told.iter().all(|one| has(one))
        };
        let extension = |uri: &str| {
            let mut all = section.extensions();
            all.find_map(|(id, one)| (one == uri && EXTENSION_IDS.contains(&id)).then_some(id))
        };
        Some(Self {
            kind,
            tones: tones.into_iter().take(TONES).collect(),
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
            first,
            others,
        })
    }

    /// Every format, the first one first.
    pub fn all(&self) -> impl Iterator<Item = &Format> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// What packets of this payload type carry.
    pub fn of_payload_type(&self, payload_type: u8) -> Option<&Format> {
        self.all().find(|one| one.payload_type == payload_type)
    }

    /// What retransmissions of this payload type carry again.
    pub fn repaired_by(&self, payload_type: u8) -> Option<&Format> {
        self.all().find(|one| one.repair == Some(payload_type))
    }

    fn payload_types(&self) -> impl Iterator<Item = u8> {
        let tones = self.tones.iter().map(|(number, _)| *number);
        let formats = self
            .all()
            .flat_map(|one| std::iter::once(one.payload_type).chain(one.repair));
        formats.chain(tones)
    }

    /// The formats of the `m=` line.
    pub fn formats(&self) -> String {
        let all: Vec<String> = self.payload_types().map(|number| number.to_string()).collect();
        all.join(" ")
    }

    /// Brings the codecs in a page's order and leaves out what it does not want: MIME types in lower case, none for no
    /// preference. `None` if nothing is left.
    pub fn prefer(mut self, wanted: &[String]) -> Option<Self> {
        if wanted.is_empty() {
            return Some(self);
        }
        let wants = |name: &str| wanted.iter().any(|one| one == name);
        let mut all = wanted.iter().filter_map(|name| {
            let format = self.all().find(|one| one.codec.mime_type().eq_ignore_ascii_case(name));
            format.cloned()
        });
        let first = all.next()?;
        let others: Vec<Format> = all.filter(|one| *one != first).collect();
        (self.first, self.others) = (first, others);
        if !wants("video/rtx") {
            self.first.repair = None;
            self.others.iter_mut().for_each(|one| one.repair = None);
        }
        let rates: Vec<u32> = self.all().map(|one| one.codec.clock_rate()).collect();
        // Tones of 8 kHz may go with any voice, others with one of the same clock.
        let fits = |rate: u32| rate == 8_000 || rates.contains(&rate);
        self.tones
            .retain(|(_, rate)| wants("audio/telephone-event") && fits(*rate));
        Some(self)
    }

    /// The MIME types for the page, that of what is sent first.
    pub fn names(&self) -> Vec<String> {
        let repair = self.first.repair.map(|_| "video/rtx".to_owned());
        self.all().map(|one| one.codec.mime_type()).chain(repair).collect()
    }

    /// The format of packets of a payload type, and the first one where none is known.
    pub fn sent(&self, payload_type: Option<u8>) -> &Format {
        let known = payload_type.and_then(|number| self.of_payload_type(number));
        known.unwrap_or(&self.first)
    }

    /// RTP ticks a second of packets of a payload type.
    pub fn clock_rate(&self, payload_type: Option<u8>) -> u32 {
        self.sent(payload_type).codec.clock_rate()
    }

    /// The payload type of tones in a voice of `rate` ticks a second, and its own rate: the same, where the remote has that.
    pub fn tone(&self, rate: u32) -> Option<(u8, u32)> {
        let same = self.tones.iter().find(|(_, one)| *one == rate);
        same.or_else(|| self.tones.first()).copied()
    }

    /// Whether packets of a payload type are numbered, so that the remote reports on each of them.
    pub fn numbers(&self, payload_type: u8) -> bool {
        self.transport_cc && self.of_payload_type(payload_type).is_none_or(Format::adapts)
    }

    /// The attribute lines of a section, each without its end.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, uri) in self.extensions() {
            lines.extend(id.map(|id| format!("a=extmap:{id} {uri}")));
        }
        for format in self.all() {
            let pt = format.payload_type;
            lines.push(format!("a=rtpmap:{pt} {}", format.codec.map()));
            lines.extend(format.parameters().map(|line| format!("a=fmtp:{pt} {line}")));
            for (on, value) in [
                (self.remb, "goog-remb"),
                (self.transport_cc, "transport-cc"),
                (self.fir, "ccm fir"),
                (self.nack, "nack"),
                (self.pli, "nack pli"),
            ] {
                lines.extend((on && format.adapts()).then(|| format!("a=rtcp-fb:{pt} {value}")));
            }
            if let Some(repair) = format.repair {
                lines.push(format!("a=rtpmap:{repair} rtx/90000"));
                lines.push(format!("a=fmtp:{repair} apt={pt}"));
            }
        }
        for (number, rate) in &self.tones {
            lines.push(format!("a=rtpmap:{number} telephone-event/{rate}"));
        }
        lines
    }
}

/// Gives a format numbers that are not taken, and takes them.
fn renumber(format: &mut Format, taken: &mut Vec<u8>) {
    for number in std::iter::once(&mut format.payload_type).chain(&mut format.repair) {
        if taken.contains(number)
            && let Some(free) = PAYLOAD_TYPES.into_iter().flatten().find(|one| !taken.contains(one))
        {
            *number = free;
        }
        taken.push(*number);
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
            assert_eq!(Codecs::agree(kind, &section, &VideoCodec::ALL), Some(proposal));
        }
        let mut all = Codecs::proposal(Kind::Video);
        all.complete(&VideoCodec::ALL, std::iter::empty());
        assert_eq!(all.formats(), "96 97 98 99 102 103");
        let section = section("video", &all.formats(), &all.lines());
        assert_eq!(
            Codecs::agree(Kind::Video, &section, &VideoCodec::ALL),
            Some(all.clone())
        );
        let some = Codecs::agree(Kind::Video, &section, &[VideoCodec::H264]).unwrap();
        assert_eq!(some.names(), ["video/H264", "video/rtx"]);
        assert_eq!(Codecs::agree(Kind::Video, &section, &[]), None);
    }

    #[test]
    fn sections_of_one_transport_share_their_numbers() {
        let mut audio = Codecs::proposal(Kind::Audio);
        (audio.mid_extension, audio.audio_level_extension) = (Some(10), Some(4));
        (audio.first.payload_type, audio.transport_cc_extension) = (96, None);
        let mut video = Codecs::proposal(Kind::Video);
        video.share(&audio);
        assert_eq!((video.first.payload_type, video.first.repair), (120, Some(97)));
        audio.tones = vec![(120, 8_000), (98, 48_000)];
        video.complete(&VideoCodec::ALL, std::iter::once(&audio));
        assert_eq!(video.formats(), "120 97 121 99 102 103");
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
        let codecs = Codecs::agree(
            Kind::Video,
            &section("video", "100 101 102 103", &lines),
            &VideoCodec::ALL,
        )
        .unwrap();
        assert_eq!((codecs.first.payload_type, codecs.first.repair), (101, Some(103)));
        assert!(codecs.pli && !codecs.nack && !codecs.transport_cc);
        assert_eq!(codecs.mid_extension, Some(9));
        let none = Codecs::agree(Kind::Video, &section("video", "100", &lines), &VideoCodec::ALL);
        assert_eq!(none, None);
    }

    #[test]
    fn a_page_chooses_among_what_there_is() {
        let mut all = Codecs::proposal(Kind::Video);
        all.complete(&VideoCodec::ALL, std::iter::empty());
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|one| (*one).to_owned()).collect();
            Some(all.clone().prefer(&wanted)?.names())
        };
        assert_eq!(names(&[]), Some(all.names()));
        let turned = names(&["video/vp9", "video/rtx", "video/vp8", "video/vp9"]);
        assert_eq!(turned.unwrap(), ["video/VP9", "video/VP8", "video/rtx"]);
        assert_eq!(names(&["video/h264"]).unwrap(), ["video/H264"]);
        assert_eq!(names(&["video/av1"]), None);
    }

    #[test]
    fn what_is_missing_comes_with_the_numbers_that_it_has_beside() {
        let mut beside = Codecs::proposal(Kind::Video);
        beside.complete(&VideoCodec::ALL, std::iter::empty());
        (beside.others[0].payload_type, beside.others[0].repair) = (45, None);
        let mut some = Codecs::proposal(Kind::Video);
        some.first = Format::video(VideoCodec::H264);
        some.complete(&VideoCodec::ALL, std::iter::once(&beside));
        assert_eq!(some.formats(), "102 103 96 97 45");
    }
}
