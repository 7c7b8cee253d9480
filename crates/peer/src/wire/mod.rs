//! The words spoken between the page and Rust: JSON shapes only, no logic. DESIGN.md describes each of them.

mod worker;

use serde::{Deserialize, Serialize};

pub use worker::{FromWorker, Pipeline, Side, ToWorker};

/// The number of a peer connection within its session.
pub type PcId = u32;
/// The number of a transceiver within its peer connection.
pub type TransceiverId = u32;
/// The number of a data channel within its peer connection; not the SCTP stream id.
pub type ChannelId = u32;

/// What `open` resolves to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// `ws://127.0.0.1:PORT/SECRET`, for the media worker.
    pub socket_url: String,
    /// Others for the page: for its commands, and for the messages of its data channels.
    pub control_url: String,
    pub data_url: String,
    /// The version of this contract.
    pub version: u32,
}

/// `RTCConfiguration`, as far as it is honoured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Configuration {
    pub ice_servers: Vec<IceServer>,
    pub ice_transport_policy: IceTransportPolicy,
    /// Numbers that `generate-certificate` gave.
    pub certificates: Vec<u32>,
    /// The canonical name of our end (RFC 3550); one is made up if there is none.
    pub cname: Option<String>,
    /// The video that the webview can encode and decode besides VP8: `VP9`, `H264`.
    pub codecs: Vec<String>,
}

/// What `generate-certificate` takes.
#[derive(Clone, Deserialize)]
pub struct CertificateRequest {
    /// Milliseconds since 1970.
    pub expires: f64,
    /// An RSA key of the page's making as PKCS #8; without one an ECDSA key on P-256 is made.
    #[serde(default)]
    pub pkcs8: Option<Vec<u8>>,
}

impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateRequest([hidden])")
    }
}

/// What `generate-certificate` resolves to.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate {
    pub certificate: u32,
    /// Milliseconds since 1970.
    pub expires: f64,
    pub fingerprints: Vec<Fingerprint>,
}

/// `RTCDtlsFingerprint`
#[derive(Debug, Clone, Serialize)]
pub struct Fingerprint {
    pub algorithm: String,
    pub value: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IceTransportPolicy {
    #[default]
    All,
    Relay,
}

/// `RTCIceServer`; `urls` may be one string or many.
#[derive(Clone, Deserialize)]
pub struct IceServer {
    pub urls: OneOrMany,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IceServer([hidden])")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Audio,
    Video,
}

/// `RTCRtpTransceiverDirection`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Sendrecv,
    Sendonly,
    Recvonly,
    Inactive,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SdpType {
    Offer,
    Pranswer,
    Answer,
    Rollback,
}

/// `RTCSessionDescriptionInit`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    #[serde(rename = "type")]
    pub kind: SdpType,
    #[serde(default)]
    pub sdp: String,
}

impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}([hidden])", self.kind)
    }
}

/// `RTCIceCandidateInit`
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Candidate {
    pub candidate: String,
    pub sdp_mid: Option<String>,
    pub sdp_m_line_index: Option<u16>,
    pub username_fragment: Option<String>,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Candidate([hidden])")
    }
}

/// One operation on a peer connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Op {
    CreateOffer {
        #[serde(default)]
        ice_restart: bool,
    },
    CreateAnswer,
    SetLocal {
        #[serde(default)]
        description: Option<Description>,
    },
    SetRemote {
        description: Description,
    },
    AddCandidate {
        candidate: Option<Candidate>,
    },
    AddTransceiver {
        kind: Kind,
        direction: Direction,
        #[serde(default)]
        streams: Vec<String>,
        #[serde(default)]
        track_id: Option<String>,
        /// The layers of a simulcast; none for a single encoding.
        #[serde(default)]
        rids: Vec<String>,
        #[serde(default)]
        by_add_track: bool,
    },
    PreferCodecs {
        transceiver: TransceiverId,
        /// MIME types in lower case, the most wanted first.
        codecs: Vec<String>,
    },
    PlayTone {
        transceiver: TransceiverId,
        tone: char,
        /// Milliseconds.
        duration: u32,
    },
    SetDirection {
        transceiver: TransceiverId,
        direction: Direction,
    },
    StopTransceiver {
        transceiver: TransceiverId,
    },
    /// Milliseconds; `None` for as few as the network allows.
    SetJitterBufferTarget {
        transceiver: TransceiverId,
        target: Option<f64>,
    },
    SetSender {
        transceiver: TransceiverId,
        track_id: Option<String>,
        #[serde(default)]
        streams: Vec<String>,
        /// `addTrack` does it: rolling the section back must not take the transceiver away.
        #[serde(default)]
        by_add_track: bool,
    },
    CreateChannel(ChannelInit),
    RestartIce,
    SetConfiguration {
        configuration: Configuration,
    },
    /// `after`: the worker's report of this number is to be in it, and is on its way.
    GetStats {
        #[serde(default)]
        after: Option<u32>,
    },
}

/// `RTCDataChannelInit` with the label.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelInit {
    pub label: String,
    #[serde(default = "yes")]
    pub ordered: bool,
    #[serde(default)]
    pub max_retransmits: Option<u16>,
    #[serde(default)]
    pub max_packet_life_time: Option<u16>,
    #[serde(default)]
    pub protocol: String,
    #[serde(default)]
    pub negotiated: bool,
    #[serde(default)]
    pub id: Option<u16>,
}

fn yes() -> bool {
    true
}

/// What a session looks like after a description was applied.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub signaling_state: &'static str,
    pub current_local: Option<Description>,
    pub pending_local: Option<Description>,
    pub current_remote: Option<Description>,
    pub pending_remote: Option<Description>,
    pub ice_gathering_state: &'static str,
    pub sctp: Option<Sctp>,
    pub transceivers: Vec<TransceiverSnapshot>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sctp {
    /// Bytes.
    pub max_message_size: u32,
    /// Our end of DTLS, once agreed: `client` or `server`.
    pub role: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransceiverSnapshot {
    pub transceiver: TransceiverId,
    pub mid: Option<String>,
    pub kind: Kind,
    pub direction: Direction,
    pub current_direction: Option<Direction>,
    pub stopped: bool,
    /// The remote's msid streams.
    pub streams: Vec<String>,
    /// The remote's msid track.
    pub track_id: Option<String>,
    pub codecs: Vec<String>,
    /// What of H.264 the remote takes, if that is agreed on.
    pub h264: Option<H264Level>,
    /// The layers of a simulcast that are offered or agreed on.
    pub rids: Vec<String>,
    /// What is sent: the SSRC of each layer, or that of the one encoding.
    pub ssrcs: Vec<u32>,
}

/// What an end takes of H.264 (RFC 6184, 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct H264Level {
    /// `level_idc`
    pub level: u8,
    /// More macroblocks in a picture, and in a second, than its level has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_mbps: Option<u32>,
}

/// Why a server gave no candidate: a STUN error code, or 701 where it could not be reached.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerError {
    pub url: String,
    pub error_code: u16,
    pub error_text: String,
}

impl std::fmt::Debug for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerError({}, [hidden])", self.error_code)
    }
}

/// What Rust tells the page, in order.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    IceCandidate {
        pc: PcId,
        candidate: Option<Candidate>,
    },
    /// A STUN or TURN server gave no candidate.
    IceCandidateError {
        pc: PcId,
        #[serde(flatten)]
        error: ServerError,
    },
    IceGatheringState {
        pc: PcId,
        state: &'static str,
    },
    IceConnectionState {
        pc: PcId,
        state: &'static str,
    },
    ConnectionState {
        pc: PcId,
        state: &'static str,
    },
    DtlsState {
        pc: PcId,
        state: &'static str,
    },
    /// `connected` once channels can be used, `closed` when the remote ends them all.
    SctpState {
        pc: PcId,
        state: &'static str,
    },
    /// What is known of a transport once it is up.
    Transport {
        pc: PcId,
        pair: Option<Pair>,
        /// The remote's: DER in Base64.
        certificates: Vec<String>,
        max_channels: Option<u16>,
    },
}

/// The selected candidates as attribute values.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    pub local: String,
    pub remote: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair([hidden])")
    }
}

/// One encoding of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EncodingId {
    pub transceiver: TransceiverId,
    /// The place of its layer in the simulcast as it was first proposed, which it keeps when others are rejected; 0
    /// where there is no simulcast.
    pub layer: u8,
}

impl EncodingId {
    /// The one encoding of a sender without simulcast.
    pub fn only(transceiver: TransceiverId) -> Self {
        Self { transceiver, layer: 0 }
    }
}
