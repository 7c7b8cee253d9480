//! The part of `get-stats` that the engine knows: transport, certificates, candidates and pairs. The page counts its data
//! channels itself.

use std::collections::{BTreeMap, HashSet};

use rtc::statistics::report::RTCStatsReportEntry as Entry;
use serde_json::{Value, json};
use webrtc::peer_connection::RTCStatsReport;

/// Translates the engine's objects; `transport` replaces its transport's id.
pub fn collect(report: &RTCStatsReport, now: f64, transport: &str) -> Vec<Value> {
    let mut all: Vec<Value> = report
        .iter()
        .filter_map(|entry| object(entry, now, transport))
        .collect();
    // Pairs name a candidate without the prefix that its object has. Those that only showed in checks have no object.
    let known: HashSet<String> = all.iter().filter_map(|one| text(one, "id")).collect();
    let mut unknown = BTreeMap::new();
    for pair in all.iter_mut().filter(|one| one["type"] == "candidate-pair") {
        for (member, kind, prefix) in [
            ("localCandidateId", "local-candidate", "RTCLocalIceCandidate_"),
            ("remoteCandidateId", "remote-candidate", "RTCRemoteIceCandidate_"),
        ] {
            let Some(id) = text(pair, member).filter(|id| !known.contains(id)) else {
                continue;
            };
            let whole = format!("{prefix}{id}");
            if known.contains(&whole) {
                pair[member] = json!(whole);
            } else {
                unknown.insert(id, kind);
            }
        }
    }
    all.extend(unknown.into_iter().map(|(id, kind)| {
        json!({
            "id": id, "type": kind, "timestamp": now, "transportId": transport, "candidateType": "prflx",
            "protocol": "udp",
        })
    }));
    all
}

fn text(of: &Value, member: &str) -> Option<String> {
    of.get(member).and_then(Value::as_str).map(str::to_owned)
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
        let fresh = |member: &str| {
            let state = value.get(member).and_then(Value::as_str).unwrap_or_default();
            ["", "new", "unspecified"].contains(&state.to_ascii_lowercase().as_str())
        };
        if fresh("iceState") && fresh("dtlsState") {
            // There is none before something is described.
            return None;
        }
        value.insert("id".to_owned(), json!(transport));
        // webrtc-stats wants the version as it is on the wire (RFC 6347).
        if value.get("tlsVersion").and_then(Value::as_str) == Some("DTLS 1.2") {
            value.insert("tlsVersion".to_owned(), json!("FEFD"));
        }
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
