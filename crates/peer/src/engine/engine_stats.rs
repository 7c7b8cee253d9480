//! The part of `get-stats` that the engine knows: transport, certificates, candidates and pairs. The page counts its data
//! channels itself.

use rtc::statistics::report::RTCStatsReportEntry as Entry;
use serde_json::{Value, json};
use webrtc::peer_connection::RTCStatsReport;

/// Translates the engine's objects; `transport` replaces its transport's id.
pub fn collect(report: &RTCStatsReport, now: f64, transport: &str) -> Vec<Value> {
    report
        .iter()
        .filter_map(|entry| object(entry, now, transport))
        .collect()
}

fn object(entry: &Entry, now: f64, transport: &str) -> Option<Value> {
    // What is not listed here is counted on our side, or says nothing.
    let (mut value, kind) = match entry {
        Entry::Transport(stats) => (serde_json::to_value(stats), "transport"),
        Entry::IceCandidatePair(stats) => (serde_json::to_value(stats), "candidate-pair"),
        Entry::LocalCandidate(stats) => (serde_json::to_value(stats), "local-candidate"),
        Entry::RemoteCandidate(stats) => (serde_json::to_value(stats), "remote-candidate"),
        Entry::Certificate(stats) => (serde_json::to_value(stats), "certificate"),
        Entry::PeerConnection(stats) => (serde_json::to_value(stats), "peer-connection"),
        _ => return None,
    };
    let value = value.as_mut().ok()?.as_object_mut()?;
    value.insert("type".to_owned(), json!(kind));
    value.insert("timestamp".to_owned(), json!(now));
    if kind == "transport" {
        value.insert("id".to_owned(), json!(transport));
    }
    if value.contains_key("transportId") {
        value.insert("transportId".to_owned(), json!(transport));
    }
    // Empty strings and times of never mean that there is no such member.
    value.retain(|name, member| {
        let never = name.ends_with("Timestamp") && member.as_f64().is_none_or(|time| time <= 0.0);
        let nothing = member
            .as_str()
            .is_some_and(|text| text.is_empty() || text.eq_ignore_ascii_case("unspecified"));
        !member.is_null() && !nothing && !never
    });
    Some(Value::Object(std::mem::take(value)))
}
