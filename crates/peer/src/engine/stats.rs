//! `get-stats`: standard objects from what is counted here, what the engine knows and what the worker reports.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use webrtc::peer_connection::RTCStatsReport;

use super::counters::{Inbound, Outbound, Reported, Sent};
use super::tap::{Shared, lock};
use crate::jsep::Described;
use crate::jsep::codecs::Codecs;
use crate::jsep::formats::Format;
use crate::jsep::transceiver::{Layer, Transceiver};
use crate::jsep::transport::Setup;
use crate::wire::{EncodingId, Kind, Pipeline, Side, TransceiverId};

/// What the worker reported last, by encoding; 0 for what is received.
pub type Reports = HashMap<(TransceiverId, Side, u8), Pipeline>;

/// Milliseconds from 1900, where NTP begins, to 1970.
const NTP_OFFSET: f64 = 2_208_988_800_000.0;
/// The one transport's id.
const TRANSPORT: &str = "T01";

/// All objects of a report.
pub fn collect(
    report: &RTCStatsReport,
    described: Option<&Described>,
    transceivers: &[Transceiver],
    shared: &Shared,
    reports: &Reports,
) -> Vec<Value> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
    let mut all = super::engine_stats::collect(report, now, TRANSPORT);
    if let Some(described) = described {
        complete_transport(&mut all, described, now);
    }
    let available = lock(&shared.bandwidth).target();
    for pair in all
        .iter_mut()
        .filter(|one| one["type"] == "candidate-pair" && one["nominated"] == true)
    {
        pair["availableOutgoingBitrate"] = json!(available);
    }
    let counters = shared.counters();
    for one in transceivers {
        let Some(codecs) = &one.codecs else { continue };
        let mid = one.mid.clone().unwrap_or_default();
        let about = About {
            now,
            mid: &mid,
            codecs,
            transceiver: one,
        };
        let received = counters.inbound.get(&one.id).filter(|inbound| inbound.packets > 0);
        // What is agreed to be sent has its object before anything is (webrtc-stats, 8.4).
        let unsent = Outbound::default();
        let encodings = one.sender.encodings();
        let sent = encodings.iter().enumerate().filter_map(|(index, layer)| {
            let id = EncodingId {
                transceiver: one.id,
                layer: layer.place,
            };
            let known = counters.outbound.get(&id);
            let outbound = known.or_else(|| one.sends_now().then_some(&unsent))?;
            let report = reports.get(&(one.id, Side::Send, layer.place));
            (outbound.packets > 0 || one.sends_now()).then_some((index, layer, outbound, report))
        });
        let sent: Vec<_> = sent.collect();
        if received.is_some() || !sent.is_empty() {
            let came = received.and_then(|inbound| codecs.of_payload_type(inbound.payload_type));
            let went = sent
                .iter()
                .filter_map(|(_, _, outbound, _)| codecs.of_payload_type(outbound.payload_type?));
            let mut used: Vec<&Format> = vec![&codecs.first];
            for format in came.into_iter().chain(went) {
                if !used.contains(&format) {
                    used.push(format);
                }
            }
            all.extend(used.into_iter().map(|format| about.codec(format)));
        }
        if let Some(inbound) = received {
            let pipeline = reports.get(&(one.id, Side::Receive, 0)).map(|report| &report.rtp);
            all.push(about.inbound(inbound, pipeline));
            all.extend(inbound.sent.map(|sent| about.remote_outbound(inbound, sent)));
        }
        let source = sent.iter().find_map(|(.., report)| report.as_ref()?.source.as_ref());
        all.extend(source.map(|source| about.source(source)));
        for (index, layer, outbound, report) in sent {
            let encoding = Encoding { index, layer };
            all.extend(about.outbound(outbound, &encoding, report, source.is_some()));
        }
    }
    all
}

/// Says of the transport what is known before it is up: it has its object from the first description on (webrtc-stats, 8.8).
fn complete_transport(all: &mut Vec<Value>, described: &Described, now: f64) {
    if all.iter().all(|one| one["type"] != "transport") {
        all.push(json!({ "id": TRANSPORT, "type": "transport", "timestamp": now }));
    }
    let role = match described.setup {
        Some(Setup::Active) => "client",
        Some(Setup::Passive) => "server",
        Some(Setup::Actpass) | None => "unknown",
    };
    for transport in all.iter_mut().filter(|one| one["type"] == "transport") {
        for (member, value) in [
            ("iceState", json!("new")),
            (
                "iceRole",
                json!(if described.controlling {
                    "controlling"
                } else {
                    "controlled"
                }),
            ),
            ("iceLocalUsernameFragment", json!(described.fragment)),
            ("dtlsState", json!("new")),
            ("dtlsRole", json!(role)),
            ("selectedCandidatePairChanges", json!(0)),
            ("packetsSent", json!(0)),
            ("packetsReceived", json!(0)),
            ("bytesSent", json!(0)),
            ("bytesReceived", json!(0)),
        ] {
            if transport.get(member).is_none_or(|known| *known == "unknown") {
                transport[member] = value;
            }
        }
    }
}

/// One encoding, and its index among those of the page.
struct Encoding<'a> {
    index: usize,
    layer: &'a Layer,
}

struct About<'a> {
    now: f64,
    mid: &'a str,
    codecs: &'a Codecs,
    transceiver: &'a Transceiver,
}

impl About<'_> {
    fn kind(&self) -> &'static str {
        match self.codecs.kind {
            Kind::Audio => "audio",
            Kind::Video => "video",
        }
    }

    fn video(&self) -> bool {
        self.codecs.kind == Kind::Video
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.transceiver.id)
    }

    fn codec(&self, format: &Format) -> Value {
        let mut codec = json!({
            "id": self.codec_id(format.payload_type), "type": "codec", "timestamp": self.now,
            "transportId": TRANSPORT, "payloadType": format.payload_type, "clockRate": format.codec.clock_rate(),
            "mimeType": format.codec.mime_type(),
        });
        if let Some(channels) = format.codec.channels() {
            codec["channels"] = json!(channels);
        }
        if let Some(line) = format.parameters() {
            codec["sdpFmtpLine"] = json!(line);
        }
        codec
    }

    fn codec_id(&self, payload_type: u8) -> String {
        format!("{}-{payload_type}", self.id("C"))
    }

    /// What is sent is of the first format, unless the page has named another.
    fn sent_codec(&self, of: &Outbound) -> String {
        self.codec_id(of.payload_type.unwrap_or(self.codecs.first.payload_type))
    }

    fn inbound(&self, of: &Inbound, pipeline: Option<&Map<String, Value>>) -> Value {
        let remote = &self.transceiver.remote;
        let mut stats = json!({
            "id": self.id("I"), "type": "inbound-rtp", "timestamp": self.now, "transportId": TRANSPORT,
            "codecId": self.codec_id(of.payload_type), "kind": self.kind(), "mediaType": self.kind(), "mid": self.mid, "ssrc": of.ssrc,
            "trackIdentifier": remote.track_id, "packetsReceived": of.packets, "packetsLost": of.lost(),
            "jitter": of.jitter, "bytesReceived": of.bytes, "headerBytesReceived": of.header_bytes,
            "retransmittedPacketsReceived": of.retransmitted_packets,
            "retransmittedBytesReceived": of.retransmitted_bytes, "nackCount": of.nacks,
            "packetsDuplicated": of.duplicates,
        });
        if of.sent.is_some() {
            stats["remoteId"] = json!(self.id("RO"));
        }
        if let Some(last) = of.last {
            stats["lastPacketReceivedTimestamp"] = json!(self.now - last.elapsed().as_secs_f64() * 1_000.0);
        }
        if self.video() {
            let counted = json!({
                "framesReceived": of.frames, "framesDropped": of.frames_dropped, "framesDecoded": 0,
                "jitterBufferDelay": of.waited.as_secs_f64(), "jitterBufferEmittedCount": of.frames,
                "jitterBufferTargetDelay": of.waited_target.as_secs_f64(),
                "jitterBufferMinimumDelay": of.waited_least.as_secs_f64(),
                "packetsDiscarded": of.packets_discarded,
                "keyFramesDecoded": 0, "pliCount": of.plis, "firCount": 0,
                "frameWidth": of.width, "frameHeight": of.height,
            });
            merge(&mut stats, counted.as_object());
        }
        merge(&mut stats, pipeline);
        stats
    }

    fn source(&self, members: &Map<String, Value>) -> Value {
        let mut media = json!({
            "id": self.id("S"), "type": "media-source", "timestamp": self.now, "kind": self.kind(),
            "trackIdentifier": self.transceiver.sender.msid,
        });
        merge(&mut media, Some(members));
        media
    }

    /// The id of an object about one encoding.
    fn id_of(&self, prefix: &str, encoding: &Encoding) -> String {
        match encoding.layer.place {
            0 => self.id(prefix),
            place => format!("{}-{place}", self.id(prefix)),
        }
    }

    fn outbound(&self, of: &Outbound, encoding: &Encoding, report: Option<&Pipeline>, source: bool) -> Vec<Value> {
        let layer = encoding.layer;
        let mut stats = json!({
            "id": self.id_of("O", encoding), "type": "outbound-rtp", "timestamp": self.now, "transportId": TRANSPORT,
            "codecId": self.sent_codec(of), "kind": self.kind(), "mediaType": self.kind(), "mid": self.mid,
            "ssrc": layer.ssrc, "active": self.transceiver.sends_now(),
            "packetsSent": of.packets, "bytesSent": of.bytes, "headerBytesSent": of.header_bytes,
            "retransmittedPacketsSent": of.retransmitted_packets, "retransmittedBytesSent": of.retransmitted_bytes,
            "nackCount": of.nacks,
        });
        if self.video() {
            let counted = json!({
                "rtxSsrc": self.codecs.first.repair.map(|_| layer.repair_ssrc), "encodingIndex": encoding.index,
                "framesEncoded": of.frames, "framesSent": of.frames, "keyFramesEncoded": of.key_frames,
                "pliCount": of.plis, "firCount": of.firs, "frameWidth": of.width, "frameHeight": of.height,
            });
            merge(&mut stats, counted.as_object());
            if let Some(target) = of.target {
                stats["targetBitrate"] = json!(target);
            }
        }
        if !layer.rid.is_empty() {
            stats["rid"] = json!(layer.rid);
        }
        let mut all = Vec::new();
        if source {
            stats["mediaSourceId"] = json!(self.id("S"));
        }
        if let Some(remote) = of.remote {
            stats["remoteId"] = json!(self.id_of("R", encoding));
            all.push(self.remote_inbound(&remote, of, encoding));
        }
        merge(&mut stats, report.map(|report| &report.rtp));
        all.push(stats);
        all
    }

    fn remote_outbound(&self, of: &Inbound, sent: Sent) -> Value {
        json!({
            "id": self.id("RO"), "type": "remote-outbound-rtp", "timestamp": self.now, "transportId": TRANSPORT,
            "codecId": self.codec_id(of.payload_type), "localId": self.id("I"), "kind": self.kind(), "ssrc": of.ssrc,
            "packetsSent": sent.packets, "bytesSent": sent.bytes, "reportsSent": sent.reports,
            "remoteTimestamp": milliseconds(sent.ntp), "totalRoundTripTime": 0, "roundTripTimeMeasurements": 0,
        })
    }

    fn remote_inbound(&self, of: &Reported, sent: &Outbound, encoding: &Encoding) -> Value {
        let mut stats = json!({
            "id": self.id_of("R", encoding), "type": "remote-inbound-rtp", "timestamp": self.now,
            "transportId": TRANSPORT, "codecId": self.sent_codec(sent), "localId": self.id_of("O", encoding),
            "kind": self.kind(), "mid": self.mid,
            "ssrc": encoding.layer.ssrc, "fractionLost": of.fraction_lost, "packetsLost": of.lost,
            "jitter": of.jitter, "totalRoundTripTime": of.total_round_trip.as_secs_f64(),
            "roundTripTimeMeasurements": of.measurements,
        });
        if let Some(trip) = of.round_trip {
            stats["roundTripTime"] = json!(trip.as_secs_f64());
        }
        stats
    }
}

/// Milliseconds since 1970 of an NTP time.
fn milliseconds(ntp: u64) -> f64 {
    ntp as f64 * 1_000.0 / 4_294_967_296.0 - NTP_OFFSET
}

/// Adds members; those that identify the object stay as they are.
fn merge(into: &mut Value, members: Option<&Map<String, Value>>) {
    let (Some(into), Some(members)) = (into.as_object_mut(), members) else {
        return;
    };
    for (name, value) in members {
        if !matches!(name.as_str(), "id" | "type" | "timestamp" | "ssrc" | "mid" | "kind") {
            into.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_remote_clock_is_told_in_milliseconds() {
        let time = Duration::from_millis(1_800_000_000_250);
        let told = milliseconds(crate::rtp::wall::ntp(time));
        assert!((told - 1_800_000_000_250.0).abs() < 0.01, "{told}");
    }
}
