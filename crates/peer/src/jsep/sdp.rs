//! Session descriptions as lines (RFC 8866): enough structure to negotiate, nothing more.

use crate::wire::Direction;

/// A description longer than this is refused.
const MAX_LENGTH: usize = 512 << 10;
/// More sections than this are refused.
const MAX_SECTIONS: usize = 256;
/// More formats in a section than this are refused: there are 128 payload types.
const MAX_FORMATS: usize = 256;
/// What of one kind is read of a section: sources, repairs, streams. Nobody needs as many.
const MAX_ENTRIES: usize = 64;

/// Why a text is no description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Where, from 1 on.
    pub line: usize,
    pub why: String,
}

impl From<Malformed> for String {
    fn from(of: Malformed) -> Self {
        of.why
    }
}

/// A parsed description.
#[derive(Debug, Clone, Default)]
pub struct Sdp {
    pub session: Attributes,
    pub media: Vec<Section>,
}

/// One `m=` section.
#[derive(Debug, Clone)]
pub struct Section {
    /// `audio`, `video`, `application`, or something unknown.
    pub kind: String,
    pub port: u16,
    pub protocol: String,
    pub formats: Vec<String>,
    pub attributes: Attributes,
}

/// The `a=` lines of a level, in order.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// The first value of an attribute; empty for a property.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn direction(&self) -> Option<Direction> {
        self.0.iter().find_map(|(key, _)| match key.as_str() {
            "sendrecv" => Some(Direction::Sendrecv),
            "sendonly" => Some(Direction::Sendonly),
            "recvonly" => Some(Direction::Recvonly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        })
    }
}

impl Sdp {
    /// Reads a description; the error says what was wrong with it.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let at = |line: usize| move |why: String| Malformed { line, why };
        if text.len() > MAX_LENGTH {
            return Err(at(1)("the description is too long".to_owned()));
        }
        if !text.starts_with("v=0") {
            return Err(at(1)("a description begins with v=0".to_owned()));
        }
        let mut sdp = Self::default();
        for (index, line) in text.lines().map(str::trim_end).enumerate() {
            if !line.is_empty() {
                sdp.read(line).map_err(at(index + 1))?;
            }
        }
        Ok(sdp)
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        // Among them are returns within a line, which others take for its end.
        if line.contains(|one: char| one.is_control() && one != '\t') {
            return Err("a line has a control character".to_owned());
        }
        let Some((kind, value)) = line.split_once('=') else {
            return Err("a line is not of the form type=value".to_owned());
        };
        match kind {
            "m" => {
                if self.media.len() == MAX_SECTIONS {
                    return Err("there are too many sections".to_owned());
                }
                self.media.push(Section::parse(value)?);
            }
            "a" => {
                let (key, value) = value.split_once(':').unwrap_or((value, ""));
                let level = self
                    .media
                    .last_mut()
                    .map_or(&mut self.session, |section| &mut section.attributes);
                level.0.push((key.to_owned(), value.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    /// An attribute of a section, or of the session where the section has none.
    pub fn inherited<'a>(&'a self, section: &'a Section, name: &'a str) -> Option<&'a str> {
        section.attributes.get(name).or_else(|| self.session.get(name))
    }

    /// A section's direction, from its sender's point of view; `sendrecv` when it says none.
    pub fn direction(&self, section: &Section) -> Direction {
        let own = section.attributes.direction();
        own.or_else(|| self.session.direction()).unwrap_or(Direction::Sendrecv)
    }

    /// Whether a section is in the first BUNDLE group.
    pub fn bundled(&self, mid: &str) -> bool {
        let bundle = self.session.all("group").find_map(|group| group.strip_prefix("BUNDLE"));
        bundle.is_some_and(|mids| mids.split_whitespace().any(|one| one == mid))
    }
}

impl Section {
    fn parse(value: &str) -> Result<Self, String> {
        let mut words = value.split_whitespace();
        let mut word = || words.next().ok_or_else(|| "an m= line is too short".to_owned());
        let (kind, port, protocol) = (word()?.to_owned(), word()?, word()?.to_owned());
        let port = port.split('/').next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| "an m= line has no port".to_owned())?;
        let formats: Vec<String> = words.map(str::to_owned).take(MAX_FORMATS + 1).collect();
        if formats.len() > MAX_FORMATS {
            return Err("an m= line has too many formats".to_owned());
        }
        Ok(Self {
            kind,
            port,
            protocol,
            formats,
            attributes: Attributes::default(),
        })
    }

    pub fn mid(&self) -> Option<&str> {
        self.attributes.get("mid").filter(|mid| !mid.is_empty())
    }

    /// A port of zero rejects a section, unless it only waits for its bundle.
    pub fn rejected(&self) -> bool {
        self.port == 0 && self.attributes.get("bundle-only").is_none()
    }

    /// Whether this is the section of data channels.
    pub fn is_data(&self) -> bool {
        self.kind == "application"
            && self.protocol.ends_with("SCTP")
            && self
                .formats
                .first()
                .is_some_and(|format| format == "webrtc-datachannel")
    }

    /// `(stream, track)` of each msid line; the stream may be `-`, the track missing.
    pub fn msids(&self) -> Vec<(&str, Option<&str>)> {
        let split = |value: &'_ str| -> Option<(usize, usize)> {
            let stream = value.find(' ').unwrap_or(value.len());
            (stream > 0).then_some((stream, value.len()))
        };
        let lines = self.attributes.all("msid");
        lines
            .filter_map(|value| {
                let (stream, end) = split(value)?;
                let track = value[stream..end].split_whitespace().next();
                Some((&value[..stream], track))
            })
            .take(MAX_ENTRIES)
            .collect()
    }

    /// The header extensions, each id and what it stands for.
    pub fn extensions(&self) -> impl Iterator<Item = (u8, &str)> {
        self.attributes.all("extmap").filter_map(|line| {
            let mut words = line.split_whitespace();
            let id = words.next()?.split('/').next()?;
            Some((id.parse().ok()?, words.next()?))
        })
    }

    /// The synchronisation sources in order of appearance, those of repair streams left out.
    pub fn sources(&self) -> Vec<u32> {
        let repairs: Vec<u32> = self.repairs().into_iter().map(|(_, repair)| repair).collect();
        let mut sources = Vec::new();
        for line in self.attributes.all("ssrc") {
            let ssrc = line.split_whitespace().next().and_then(|ssrc| ssrc.parse().ok());
            if sources.len() == MAX_ENTRIES {
                break;
            }
            if let Some(ssrc) = ssrc
                && !sources.contains(&ssrc)
                && !repairs.contains(&ssrc)
            {
                sources.push(ssrc);
            }
        }
        sources
    }

    /// The rids of a simulcast in one direction, `send` or `recv` (RFC 8853): of each layer the first alternative,
    /// paused or not. Those that no `a=rid` line describes are no layers (RFC 8853, 5.2).
    pub fn simulcast(&self, direction: &str) -> Vec<String> {
        let words: Vec<&str> = self
            .attributes
            .get("simulcast")
            .unwrap_or("")
            .split_whitespace()
            .collect();
        let list = words
            .chunks_exact(2)
            .find(|pair| pair[0] == direction)
            .map_or("", |pair| pair[1]);
        let described = |rid: &&str| {
            self.attributes.all("rid").any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(*rid) && words.next() == Some(direction)
            })
        };
        let first = |layer: &'_ str| {
            let mut alternatives = layer.split(',').map(|rid| rid.trim_start_matches('~'));
            alternatives.find(described).map(str::to_owned)
        };
        list.split(';').filter_map(first).take(MAX_ENTRIES).collect()
    }

    /// `(media, repair)` sources of the FID groups (RFC 5576).
    pub fn repairs(&self) -> Vec<(u32, u32)> {
        let groups = self
            .attributes
            .all("ssrc-group")
            .filter_map(|group| group.strip_prefix("FID "));
        groups
            .filter_map(|pair| {
                let mut words = pair.split_whitespace().map_while(|word| word.parse().ok());
                Some((words.next()?, words.next()?))
            })
            .take(MAX_ENTRIES)
            .collect()
    }
}

/// What a section's sender does, seen from the other side.
pub fn reversed(direction: Direction) -> Direction {
    match direction {
        Direction::Sendonly => Direction::Recvonly,
        Direction::Recvonly => Direction::Sendonly,
        Direction::Sendrecv | Direction::Inactive | Direction::Stopped => direction,
    }
}

pub fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::Sendrecv | Direction::Sendonly)
}

pub fn receives(direction: Direction) -> bool {
    matches!(direction, Direction::Sendrecv | Direction::Recvonly)
}

/// What both sides want.
pub fn common(one: Direction, other: Direction) -> Direction {
    match (sends(one) && sends(other), receives(one) && receives(other)) {
        (true, true) => Direction::Sendrecv,
        (true, false) => Direction::Sendonly,
        (false, true) => Direction::Recvonly,
        (false, false) => Direction::Inactive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na=recvonly\r\na=msid:s t\r\na=msid:- t\r\n\
        a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:x\r\na=ssrc:11 msid:s t\r\na=ssrc:12 cname:x\r\n\
        m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=bundle-only\r\n";

    #[test]
    fn sections_and_their_attributes_are_found() {
        let sdp = Sdp::parse(TEXT).unwrap();
        let video = &sdp.media[0];
        assert_eq!((video.kind.as_str(), video.port, video.formats.len()), ("video", 9, 2));
        assert_eq!(sdp.direction(video), Direction::Recvonly);
        assert_eq!(video.msids(), [("s", Some("t")), ("-", Some("t"))]);
        assert_eq!((video.sources(), video.repairs()), (vec![11], vec![(11, 12)]));
        assert_eq!(sdp.inherited(video, "ice-ufrag"), Some("abcd"));
        assert!(sdp.bundled("1") && !sdp.bundled("2"));
        assert!(sdp.media[1].is_data() && !sdp.media[1].rejected());
        assert_eq!(sdp.direction(&sdp.media[1]), Direction::Sendrecv);
    }

    #[test]
    fn nonsense_is_an_error_not_a_panic() {
        for text in [
            "",
            "v=0\r\nm=audio\r\n",
            "v=0\r\nm=audio x y z\r\n",
            "v=0\r\nnonsense\r\n",
            "m=audio 9 X 1",
        ] {
            assert!(Sdp::parse(text).is_err(), "{text:?}");
        }
        let odd = "v=0\nm=video 9 X 1\na=msid:\na=msid: \na=ssrc:\na=ssrc-group:FID 1\na=ssrc:x y\n";
        let sdp = Sdp::parse(odd).unwrap();
        assert!(sdp.media[0].msids().is_empty() && sdp.media[0].sources().is_empty());
        assert!(sdp.media[0].repairs().is_empty());
    }

    #[test]
    fn a_line_cannot_hide_another_one() {
        for hidden in ["a=mid:0\rm=audio 9 X 1", "a=mid:\0", "a=mid:x\u{85}a=y"] {
            assert!(Sdp::parse(&format!("v=0\r\n{hidden}\r\n")).is_err(), "{hidden:?}");
        }
    }

    #[test]
    fn what_comes_in_masses_is_not_all_read() {
        let many = |line: &dyn Fn(usize) -> String| (0..40_000).map(line).collect::<String>();
        let sources = many(&|n| format!("a=ssrc:{n}\n"));
        let sdp = Sdp::parse(&format!("v=0\nm=video 9 X 1\n{sources}")).unwrap();
        assert_eq!(sdp.media[0].sources().len(), MAX_ENTRIES);
        let repairs = (0..20_000).map(|n| format!("a=ssrc-group:FID {n} 1\n"));
        let streams = (0..100).map(|n| format!("a=msid:{n}\n"));
        let lines: String = streams.chain(repairs).take(10_000).collect();
        let sdp = Sdp::parse(&format!("v=0\nm=video 9 X 1\n{lines}")).unwrap();
        assert_eq!(sdp.media[0].repairs().len(), MAX_ENTRIES);
        assert_eq!(sdp.media[0].msids().len(), MAX_ENTRIES);
        let formats = many(&|_| " 96".to_owned());
        assert!(Sdp::parse(&format!("v=0\nm=video 9 X{formats}\n")).is_err());
    }

    #[test]
    fn directions_combine() {
        use Direction::{Inactive, Recvonly, Sendonly, Sendrecv};
        assert_eq!(common(Sendrecv, reversed(Sendonly)), Recvonly);
        assert_eq!(common(Sendonly, reversed(Sendonly)), Inactive);
        assert_eq!(common(Sendrecv, reversed(Sendrecv)), Sendrecv);
    }
}
