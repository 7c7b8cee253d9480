//! The texts among the frames of the worker's socket, and of that of data channels.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ChannelId, PcId, TransceiverId};

/// Text from Rust to the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ToWorker {
    /// The remote asked for a key frame of an encoding.
    KeyFrame {
        pc: PcId,
        transceiver: TransceiverId,
        layer: u8,
    },
    /// The encoder's new bitrate, in bits per second; 0 for a layer that has to pause.
    Target {
        pc: PcId,
        transceiver: TransceiverId,
        layer: u8,
        bitrate: u32,
    },
    /// The remote made a channel.
    Channel {
        pc: PcId,
        channel: ChannelId,
        label: String,
        ordered: bool,
        max_retransmits: Option<u16>,
        max_packet_life_time: Option<u16>,
        protocol: String,
        id: Option<u16>,
    },
    ChannelState {
        pc: PcId,
        channel: ChannelId,
        /// `open`, `closing` or `closed`.
        state: &'static str,
        id: Option<u16>,
        /// With `closed`: the remote ended the whole connection.
        aborted: bool,
    },
    /// So many more payload bytes of this channel have left Rust.
    Flow { pc: PcId, channel: ChannelId, amount: u64 },
}

/// Text from the worker to Rust.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum FromWorker {
    KeyFrameWanted {
        pc: PcId,
        transceiver: TransceiverId,
    },
    CloseChannel {
        pc: PcId,
        channel: ChannelId,
    },
    Pipeline {
        pc: PcId,
        transceiver: TransceiverId,
        side: Side,
        stats: Pipeline,
    },
    /// All of the report that the page asked for by this number has been said.
    Reported {
        report: u32,
    },
    /// A microphone begins, or its constraints change.
    AudioSource {
        source: u32,
        echo_cancellation: bool,
        noise_suppression: bool,
        auto_gain_control: bool,
    },
    AudioEnabled {
        source: u32,
        enabled: bool,
    },
    AudioGone {
        source: u32,
    },
    /// A microphone is heard by a sender; `max_bitrate` in bits per second, the codec as descriptions name it.
    AudioSend {
        source: u32,
        pc: PcId,
        transceiver: TransceiverId,
        active: bool,
        max_bitrate: Option<f64>,
        codec: Option<String>,
    },
    AudioStop {
        pc: PcId,
        transceiver: TransceiverId,
    },
    /// The page transforms a voice, or no longer.
    VoiceTransform {
        pc: PcId,
        transceiver: TransceiverId,
        side: Side,
        active: bool,
    },
}

/// Members of webrtc-stats that only an encoder or a decoder knows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Pipeline {
    /// For `outbound-rtp` or `inbound-rtp`.
    pub rtp: Map<String, Value>,
    /// For `media-source`.
    pub source: Option<Map<String, Value>>,
    /// Bits per second beyond which an encoder has no use for more.
    pub wanted: Option<u32>,
    /// Of which encoding this is.
    pub layer: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Send,
    Receive,
}
