//! The transport half of a description. The engine negotiates one bundled transport with descriptions of its own, of
//! a fixed form; these functions translate between them and the ones the page sees.

use std::fmt::Write as _;

use super::compose::MAX_MESSAGE_SIZE;
use super::sdp::{Sdp, Section};

/// Who opens the DTLS connection (RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    Actpass,
    Active,
    Passive,
}

impl Setup {
    pub fn name(self) -> &'static str {
        match self {
            Self::Actpass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "actpass" => Some(Self::Actpass),
            "active" => Some(Self::Active),
            "passive" => Some(Self::Passive),
            _ => None,
        }
    }

    /// What an answerer says to this. It prefers to be passive: the engine's passive end waits for SCTP as long as it
    /// takes, its active end starts SCTP with DTLS, which a remote without data channels yet never answers.
    pub fn answer(self) -> Self {
        match self {
            Self::Actpass | Self::Active => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// One side's end of the transport.
#[derive(Clone, PartialEq, Eq)]
pub struct Transport {
    pub ufrag: String,
    pub pwd: String,
    /// `sha-256 AB:CD:…`
    pub fingerprint: String,
    pub setup: Setup,
    pub lite: bool,
    /// Candidate attribute values without `candidate:`.
    pub candidates: Vec<String>,
    /// There are no more candidates.
    pub complete: bool,
    /// The data channels' section, unless there is none or it is rejected.
    pub data: Option<Data>,
}

/// The parameters of SCTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data {
    pub port: u16,
    /// Bytes; 0 for no limit.
    pub max_message_size: u32,
}

/// Candidates that are read of a description.
const MAX_CANDIDATES: usize = 128;
/// The port SCTP uses unless told otherwise.
pub const SCTP_PORT: u16 = 5000;
/// What a remote can take that does not say (RFC 8841).
pub const UNSAID_MESSAGE_SIZE: u32 = 65_536;

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport([hidden])")
    }
}

impl Transport {
    /// Reads the transport of the first section that is not rejected: the others are bundled with it. `None` if
    /// all are rejected.
    pub fn read(sdp: &Sdp) -> Result<Option<Self>, String> {
        let Some(tagged) = sdp.media.iter().find(|section| !section.rejected()) else {
            return Ok(None);
        };
        let get = |name: &'static str| sdp.inherited(tagged, name).map(str::trim);
        let fingerprints = || {
            tagged
                .attributes
                .all("fingerprint")
                .chain(sdp.session.all("fingerprint"))
        };
        let sha256 = |value: &&str| value.get(..8).is_some_and(|hash| hash.eq_ignore_ascii_case("sha-256 "));
        let fingerprint = fingerprints().find(sha256).or_else(|| fingerprints().next());
        let mut candidates: Vec<String> = Vec::new();
        for value in sdp.media.iter().flat_map(|section| section.attributes.all("candidate")) {
            if candidates.len() < MAX_CANDIDATES && !candidates.iter().any(|one| one == value) {
                candidates.push(value.to_owned());
            }
        }
        Ok(Some(Self {
            ufrag: credential(get("ice-ufrag").ok_or("there is no ice-ufrag")?)?,
            pwd: credential(get("ice-pwd").ok_or("there is no ice-pwd")?)?,
            fingerprint: fingerprint.ok_or("there is no fingerprint")?.to_owned(),
            setup: get("setup").and_then(Setup::parse).unwrap_or(Setup::Actpass),
            lite: sdp.session.get("ice-lite").is_some(),
            candidates,
            complete: tagged.attributes.get("end-of-candidates").is_some(),
            data: sdp
                .media
                .iter()
                .find(|section| section.is_data() && !section.rejected())
                .map(Data::read),
        }))
    }

    /// The transport of a description that has no section to carry it.
    pub fn none() -> Self {
        Self {
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint: String::new(),
            setup: Setup::Actpass,
            lite: false,
            candidates: Vec::new(),
            complete: false,
            data: None,
        }
    }

    /// The lines every section of a description for the remote carries.
    pub fn lines(&self, setup: Setup) -> [String; 5] {
        [
            format!("a=ice-ufrag:{}", self.ufrag),
            format!("a=ice-pwd:{}", self.pwd),
            "a=ice-options:trickle".to_owned(),
            format!("a=fingerprint:{}", self.fingerprint),
            format!("a=setup:{}", setup.name()),
        ]
    }

    /// The remote's description as the engine's connection is to see it: a section that only carries the transport,
    /// and one for data channels, whether the remote has negotiated any or not.
    pub fn for_engine(&self, carrier_mid: &str, data_mid: &str) -> String {
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        let lite = if self.lite { "a=ice-lite\r\n" } else { "" };
        let _ = write!(
            sdp,
            "a=group:BUNDLE {carrier_mid} {data_mid}\r\na=msid-semantic:WMS *\r\n{lite}"
        );
        let common = self.lines(self.setup).join("\r\n");
        let _ = write!(
            sdp,
            "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n{common}\r\na=mid:{carrier_mid}\r\n\
             a=recvonly\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n"
        );
        for candidate in &self.candidates {
            let _ = write!(sdp, "a=candidate:{candidate}\r\n");
        }
        let data = self.data.unwrap_or(Data {
            port: SCTP_PORT,
            max_message_size: MAX_MESSAGE_SIZE,
        });
        let _ = write!(
            sdp,
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n{common}\r\n\
             a=mid:{data_mid}\r\na=sctp-port:{}\r\na=max-message-size:{}\r\n",
            data.port, data.max_message_size
        );
        sdp
    }
}

/// An ICE credential consists of ice-chars (RFC 8839, 5.4).
fn credential(value: &str) -> Result<String, String> {
    let allowed = |one: char| one.is_ascii_alphanumeric() || matches!(one, '+' | '/');
    if value.chars().all(allowed) && (1..=256).contains(&value.len()) {
        Ok(value.to_owned())
    } else {
        Err("an ICE credential has a character it cannot have".to_owned())
    }
}

impl Data {
    fn read(section: &Section) -> Self {
        let get = |name| section.attributes.get(name).and_then(|value| value.trim().parse().ok());
        let max_message_size = section
            .attributes
            .get("max-message-size")
            .and_then(|value| value.trim().parse().ok());
        Self {
            port: get("sctp-port").unwrap_or(SCTP_PORT),
            max_message_size: max_message_size.unwrap_or(UNSAID_MESSAGE_SIZE),
        }
    }
}
