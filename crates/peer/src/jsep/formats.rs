//! One codec in a description: its numbers, its parameters, and which of the remote's fits it.

use super::sdp::Section;
use crate::rtp::codec::{AudioCodec, Codec, Law};
use crate::rtp::format::VideoCodec;
use crate::wire::{H264Level, Kind};

/// Payload types that are looked at.
const MAPS: usize = 128;
/// Level 4 of H.264: pictures of 1920x1080, 30 times a second.
const LEVEL: u8 = 0x28;

/// A codec and the payload types it goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pub codec: Codec,
    pub payload_type: u8,
    /// The payload type of its retransmissions (RFC 4588).
    pub repair: Option<u8>,
    /// H.264's `level_idc` (RFC 6184, 8.1); 0 for others.
    level: u8,
    /// What of H.264 the remote takes.
    pub most: Option<H264Level>,
}

impl Format {
    pub fn of(codec: Codec) -> Self {
        match codec {
            Codec::Audio(codec) => Self::audio(codec),
            Codec::Video(codec) => Self::video(codec),
        }
    }

    pub fn audio(codec: AudioCodec) -> Self {
        let payload_type = match codec {
            AudioCodec::Opus => 111,
            // Assigned for ever (RFC 3551, 6).
            AudioCodec::G711(Law::Mu) => 0,
            AudioCodec::G711(Law::A) => 8,
        };
        Self {
            codec: Codec::Audio(codec),
            payload_type,
            repair: None,
            level: 0,
            most: None,
        }
    }

    pub fn video(codec: VideoCodec) -> Self {
        let (payload_type, level) = match codec {
            VideoCodec::Vp8 => (96, 0),
            VideoCodec::Vp9 => (98, 0),
            VideoCodec::H264 => (102, LEVEL),
        };
        Self {
            codec: Codec::Video(codec),
            payload_type,
            repair: Some(payload_type + 1),
            level,
            most: (codec == VideoCodec::H264).then_some(H264Level {
                level,
                max_fs: None,
                max_mbps: None,
            }),
        }
    }

    /// Whether feedback changes anything: G.711 is the same whatever the path takes.
    pub fn adapts(&self) -> bool {
        !matches!(self.codec, Codec::Audio(AudioCodec::G711(_)))
    }

    /// What its `fmtp` says.
    pub fn parameters(&self) -> Option<String> {
        match self.codec {
            Codec::Audio(AudioCodec::Opus) => Some("minptime=10;useinbandfec=1".to_owned()),
            Codec::Audio(AudioCodec::G711(_)) | Codec::Video(VideoCodec::Vp8) => None,
            Codec::Video(VideoCodec::Vp9) => Some("profile-id=0".to_owned()),
            Codec::Video(VideoCodec::H264) => Some(format!(
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e0{:02x}",
                self.level
            )),
        }
    }
}

/// The formats of a remote section that this side has too, in the remote's order and each codec once, and its formats of
/// DTMF tones with their clock rates.
pub fn common(kind: Kind, section: &Section, able: &[VideoCodec]) -> (Vec<Format>, Vec<(u8, u32)>) {
    let number = |format: &String| format.parse().ok().filter(|number| *number < 128);
    let listed: Vec<u8> = section.formats.iter().filter_map(number).take(MAPS).collect();
    let named = |number: u8| value(section, "rtpmap", number).or_else(|| assigned(kind, number));
    let maps: Vec<(u8, &str)> = listed
        .iter()
        .filter_map(|number| Some((*number, named(*number)?)))
        .collect();
    let mut formats: Vec<Format> = Vec::new();
    let mut tones = Vec::new();
    for (number, map) in &maps {
        if kind == Kind::Audio
            && let Some(rate) = tone(map)
        {
            tones.push((*number, rate));
        }
        let fits = match kind {
            Kind::Audio => voice(map).map(|codec| (Codec::Audio(codec), 0, None)),
            Kind::Video => fitting(section, *number, map)
                .filter(|(codec, ..)| able.contains(codec))
                .map(|(codec, level, most)| (Codec::Video(codec), level, most)),
        };
        let Some((codec, level, most)) = fits.filter(|(codec, ..)| formats.iter().all(|one| one.codec != *codec))
        else {
            continue;
        };
        formats.push(Format {
            codec,
            payload_type: *number,
            repair: match kind {
                Kind::Audio => None,
                Kind::Video => repair(section, &maps, *number),
            },
            level,
            most,
        });
    }
    (formats, tones)
}

/// What a number means that no `rtpmap` explains (RFC 3551, 6; RFC 8866, 6.6).
fn assigned(kind: Kind, number: u8) -> Option<&'static str> {
    match (kind, number) {
        (Kind::Audio, 0) => Some("PCMU/8000"),
        (Kind::Audio, 8) => Some("PCMA/8000"),
        _ => None,
    }
}

/// The codec of a format of audio. One channel need not be said.
fn voice(map: &str) -> Option<AudioCodec> {
    let mut all = AudioCodec::ALL.into_iter();
    all.find(|one| {
        let ours = Codec::Audio(*one).map();
        let said = if one.channels() == 1 {
            map.strip_suffix("/1")
        } else {
            None
        };
        said.unwrap_or(map).eq_ignore_ascii_case(&ours)
    })
}

/// The codec of a format of video, if its parameters are ours, its level, and what the remote takes of it.
fn fitting(section: &Section, number: u8, map: &str) -> Option<(VideoCodec, u8, Option<H264Level>)> {
    let (name, rate) = map.split_once('/')?;
    let codec = VideoCodec::of_name(name).filter(|_| rate == "90000")?;
    let parameters = value(section, "fmtp", number).unwrap_or("");
    match codec {
        VideoCodec::Vp8 => Some((codec, 0, None)),
        VideoCodec::Vp9 => matches!(parameter(parameters, "profile-id"), None | Some("0")).then_some((codec, 0, None)),
        VideoCodec::H264 => {
            // Without it, packets are of mode 0.
            let mode = parameter(parameters, "packetization-mode") == Some("1");
            let theirs = constrained_baseline(parameter(parameters, "profile-level-id")?).filter(|_| mode)?;
            // Each side may send what the other can take, if both say so (RFC 6184, 8.2.2).
            let asymmetric = parameter(parameters, "level-asymmetry-allowed") == Some("1");
            let (level, most) = if asymmetric {
                (LEVEL, theirs)
            } else {
                (theirs.min(LEVEL), theirs.min(LEVEL))
            };
            let number = |name| parameter(parameters, name)?.parse().ok();
            let most = H264Level {
                level: most,
                max_fs: number("max-fs"),
                max_mbps: number("max-mbps"),
            };
            Some((codec, level, Some(most)))
        }
    }
}

/// The level of a `profile-level-id` that stands for Constrained Baseline (RFC 6184, table 5); 1 for 1b, which has the same
/// pictures.
fn constrained_baseline(id: &str) -> Option<u8> {
    let [profile, constraints, level] = match id.len() {
        6 => u32::from_str_radix(id, 16).ok()?.to_be_bytes(),
        _ => return None,
    }
    .last_chunk()
    .copied()?;
    let needed = match profile {
        0x42 => 0x40,
        0x4d => 0x80,
        0x58 => 0xc0,
        _ => return None,
    };
    let one_b = level == 11 && constraints & 0x10 != 0;
    let level = if one_b { 10 } else { level };
    (constraints & needed == needed && constraints & 0x0f == 0).then_some(level)
}

/// The payload type of a format's retransmissions.
fn repair(section: &Section, maps: &[(u8, &str)], number: u8) -> Option<u8> {
    let repairs = |one: u8| {
        let apt = value(section, "fmtp", one).and_then(|line| parameter(line, "apt"));
        apt.is_some_and(|apt| apt.parse() == Ok(number))
    };
    maps.iter()
        .find(|(one, name)| name.eq_ignore_ascii_case("rtx/90000") && repairs(*one))
        .map(|(one, _)| *one)
}

/// The clock rate of a format of DTMF tones.
fn tone(map: &str) -> Option<u32> {
    let (name, rate) = map.split_once('/')?;
    let rate = rate.split('/').next()?.parse().ok()?;
    name.eq_ignore_ascii_case("telephone-event").then_some(rate)
}

/// What an attribute says of a payload type.
fn value<'a>(section: &'a Section, attribute: &'a str, number: u8) -> Option<&'a str> {
    section.attributes.all(attribute).find_map(|line| {
        let (of, rest) = line.split_once(' ')?;
        (of.parse() == Ok(number)).then_some(rest.trim())
    })
}

/// One parameter of an `fmtp` line.
fn parameter<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut all = line.split(';').filter_map(|one| one.trim().split_once('='));
    all.find_map(|(of, value)| of.eq_ignore_ascii_case(name).then_some(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsep::sdp::Sdp;

    fn video(formats: &str, lines: &[&str]) -> Vec<Format> {
        let lines = lines.join("\r\n");
        let text = format!("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF {formats}\r\n{lines}\r\n");
        let section = Sdp::parse(&text).unwrap().media.remove(0);
        common(Kind::Video, &section, &VideoCodec::ALL).0
    }

    #[test]
    fn of_a_browsers_formats_those_are_taken_that_fit() {
        let formats = video(
            "100 98 99 102 103 104 105 106 107 96",
            &[
                "a=rtpmap:96 VP8/90000",
                "a=rtpmap:98 VP9/90000",
                "a=fmtp:98 profile-id=2",
                "a=rtpmap:100 VP9/90000",
                "a=fmtp:100 profile-id=0",
                "a=rtpmap:99 rtx/90000",
                "a=fmtp:99 apt=100",
                "a=rtpmap:102 H264/90000",
                "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
                "a=rtpmap:103 rtx/90000",
                "a=fmtp:103 apt=102",
                "a=rtpmap:104 H264/90000",
                "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
                "a=rtpmap:105 AV1/90000",
                "a=rtpmap:106 H264/90000",
                "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034",
                "a=rtpmap:107 rtx/90000",
                "a=fmtp:107 apt=106",
            ],
        );
        let told: Vec<_> = formats
            .iter()
            .map(|one| (one.codec, one.payload_type, one.repair))
            .collect();
        assert_eq!(
            told,
            [
                (Codec::Video(VideoCodec::Vp9), 100, Some(99)),
                (Codec::Video(VideoCodec::H264), 106, Some(107)),
                (Codec::Video(VideoCodec::Vp8), 96, None)
            ]
        );
        assert!(formats[1].parameters().unwrap().ends_with("42e028"));
    }

    #[test]
    fn without_asymmetry_the_lower_level_counts() {
        for (theirs, agreed) in [("42e00d", "42e00d"), ("42e034", "42e028")] {
            let line = format!("a=fmtp:97 profile-level-id={theirs}; packetization-mode=1");
            let formats = video("97", &["a=rtpmap:97 h264/90000", &line]);
            assert!(formats[0].parameters().unwrap().ends_with(agreed));
        }
    }

    #[test]
    fn what_may_be_sent_is_the_remotes_level() {
        let most = |parameters: &str| {
            let line = format!("a=fmtp:97 packetization-mode=1;{parameters}");
            let formats = video("97", &["a=rtpmap:97 H264/90000", &line]);
            let most = formats[0].most.unwrap();
            assert!(formats[0].parameters().unwrap().contains("level-asymmetry-allowed=1"));
            (most.level, most.max_fs, most.max_mbps)
        };
        let asymmetric = |level: &str| most(&format!("level-asymmetry-allowed=1;profile-level-id=42{level}"));
        assert_eq!(asymmetric("e00d"), (13, None, None));
        assert_eq!(asymmetric("e034"), (52, None, None));
        // Levels 1b and 1.1.
        assert_eq!(asymmetric("f00b"), (10, None, None));
        assert_eq!(asymmetric("e00b"), (11, None, None));
        assert_eq!(most("profile-level-id=42e034"), (40, None, None));
        let lower = "profile-level-id=42e00d;level-asymmetry-allowed=0";
        assert_eq!(most(lower), (13, None, None));
        // RFC 6184, 8.1: a remote may take more than its level has.
        let more = "level-asymmetry-allowed=1;profile-level-id=42e00d;max-fs=3600; max-mbps=108000";
        assert_eq!(most(more), (13, Some(3_600), Some(108_000)));
        let wrong = "profile-level-id=42e00d;max-fs=-1;max-mbps=99999999999";
        assert_eq!(most(wrong), (13, None, None));
    }

    #[test]
    fn one_profile_has_several_names() {
        for id in ["42e01f", "42c00a", "42401f", "4d801f", "4de01f", "58c01f", "42E01F"] {
            assert!(constrained_baseline(id).is_some(), "{id}");
        }
        for id in [
            "42001f", "42e11f", "4d001f", "64001f", "58801f", "42e01", "42e01fff", "+2e01f", "äää",
        ] {
            assert_eq!(constrained_baseline(id), None, "{id}");
        }
    }
}
