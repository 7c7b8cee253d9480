//! Which stream belongs to which transceiver, as negotiated; shared with the tap.

use rtc::interceptor::{RTCPFeedback, RTPHeaderExtension, StreamInfo};
use tokio::sync::mpsc;

use super::receive::Input;
use crate::jsep::codecs::{Codecs, MID_URI, TRANSPORT_CC_URI};
use crate::jsep::sdp::{receives, sends};
use crate::jsep::transceiver::Transceiver;
use crate::wire::{Kind, TransceiverId};

/// The streams of a connection.
#[derive(Default)]
pub struct Plan {
    pub receiving: Vec<Receiving>,
    pub sending: Vec<Sending>,
}

/// What a transceiver receives.
#[derive(Clone)]
pub struct Receiving {
    pub transceiver: TransceiverId,
    pub mid: String,
    pub codecs: Codecs,
    pub sources: Vec<u32>,
    /// `(media, repair)`
    pub repairs: Vec<(u32, u32)>,
    /// The media streams it belongs to: what is in the same one is in step.
    pub streams: Vec<String>,
    pub sink: mpsc::Sender<Input>,
}

/// What a transceiver sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    pub transceiver: TransceiverId,
    pub mid: String,
    pub codecs: Codecs,
    pub ssrc: u32,
    pub repair_ssrc: u32,
}

impl Receiving {
    pub fn of(one: &Transceiver, sink: mpsc::Sender<Input>) -> Option<Self> {
        let codecs = one
            .codecs
            .clone()
            .filter(|_| one.current.is_some_and(receives) && !one.stopped)?;
        Some(Self {
            transceiver: one.id,
            mid: one.mid.clone()?,
            codecs,
            sources: one.remote.sources.clone(),
            repairs: one.remote.repairs.clone(),
            streams: one.remote.streams.clone(),
            sink,
        })
    }
}

impl Sending {
    pub fn of(one: &Transceiver) -> Option<Self> {
        let codecs = one
            .codecs
            .clone()
            .filter(|_| one.current.is_some_and(sends) && !one.stopped)?;
        Some(Self {
            transceiver: one.id,
            mid: one.mid.clone()?,
            codecs,
            ssrc: one.sender.ssrc,
            repair_ssrc: one.sender.repair_ssrc,
        })
    }
}

/// A stream as interceptors want it described.
pub fn stream_info(codecs: &Codecs, ssrc: u32, repair_ssrc: Option<u32>) -> StreamInfo {
    let feedback = |on: bool, typ: &str, parameter: &str| {
        on.then(|| RTCPFeedback {
            typ: typ.to_owned(),
            parameter: parameter.to_owned(),
        })
    };
    let extension = |id: Option<u8>, uri: &str| {
        id.map(|id| RTPHeaderExtension {
            uri: uri.to_owned(),
            id: u16::from(id),
        })
    };
    let repair = repair_ssrc.zip(codecs.repair);
    StreamInfo {
        ssrc,
        ssrc_rtx: repair.map(|(ssrc, _)| ssrc),
        payload_type: codecs.payload_type,
        payload_type_rtx: repair.map(|(_, payload_type)| payload_type),
        rtp_header_extensions: [
            extension(codecs.mid_extension, MID_URI),
            extension(
                codecs.transport_cc_extension.filter(|_| codecs.transport_cc),
                TRANSPORT_CC_URI,
            ),
        ]
        .into_iter()
        .flatten()
        .collect(),
        mime_type: match codecs.kind {
            Kind::Video => "video/VP8".to_owned(),
            Kind::Audio => "audio/opus".to_owned(),
        },
        clock_rate: codecs.clock_rate(),
        channels: if codecs.kind == Kind::Audio { 2 } else { 0 },
        rtcp_feedback: [
            feedback(codecs.nack, "nack", ""),
            feedback(codecs.pli, "nack", "pli"),
            feedback(codecs.transport_cc, "transport-cc", ""),
        ]
        .into_iter()
        .flatten()
        .collect(),
        ..StreamInfo::default()
    }
}
