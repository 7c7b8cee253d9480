//! Which stream belongs to which transceiver, as negotiated; shared with the tap.

use rtc::interceptor::{RTCPFeedback, RTPHeaderExtension, StreamInfo};
use tokio::sync::mpsc;

use super::receive::Input;
use crate::jsep::codecs::{Codecs, MID_URI, TRANSPORT_CC_URI};
use crate::jsep::sdp::{receives, sends};
use crate::jsep::transceiver::{Layer, Transceiver};
use crate::wire::{EncodingId, TransceiverId};

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

/// One encoding that a transceiver sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    pub encoding: EncodingId,
    pub mid: String,
    /// The name of its layer in a simulcast.
    pub rid: Option<String>,
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
    /// The encodings of a transceiver, in the order of the page; none while nothing is to be sent.
    pub fn all(one: &Transceiver) -> Vec<Self> {
        let sending = one.current.is_some_and(sends) && !one.stopped;
        let Some((codecs, mid)) = one.codecs.as_ref().zip(one.mid.as_ref()).filter(|_| sending) else {
            return Vec::new();
        };
        let sending = |layer: Layer| Self {
            encoding: EncodingId {
                transceiver: one.id,
                layer: layer.place,
            },
            mid: mid.clone(),
            rid: Some(layer.rid).filter(|rid| !rid.is_empty()),
            codecs: codecs.clone(),
            ssrc: layer.ssrc,
            repair_ssrc: layer.repair_ssrc,
        };
        one.sender.encodings().into_iter().map(sending).collect()
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
    let repair = repair_ssrc.zip(codecs.first.repair);
    StreamInfo {
        ssrc,
        ssrc_rtx: repair.map(|(ssrc, _)| ssrc),
        payload_type: codecs.first.payload_type,
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
        mime_type: codecs.first.codec.mime_type(),
        clock_rate: codecs.clock_rate(None),
        channels: codecs.first.codec.channels().unwrap_or(0),
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
