//! Writing descriptions.

use std::fmt::Write as _;

use super::codecs::Codecs;
use super::sdp::{Section, sends};
use super::transceiver::Transceiver;
use super::transport::{SCTP_PORT, Setup, Transport};
use crate::wire::Direction;

/// The largest data-channel message this side takes, in bytes.
pub const MAX_MESSAGE_SIZE: u32 = 262_144;

/// The head of a description and what all sections share.
pub struct Composer<'a> {
    pub session_id: u64,
    pub version: u64,
    /// The canonical name of our end (RFC 3550).
    pub cname: &'a str,
    pub transport: &'a Transport,
    pub setup: Setup,
}

impl Composer<'_> {
    /// Puts the sections together. `bundled` are the mids that are not rejected.
    pub fn description(&self, bundled: &[&str], sections: &[String]) -> String {
        let mut sdp = format!(
            "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
            self.session_id, self.version
        );
        if !bundled.is_empty() {
            let _ = write!(sdp, "a=group:BUNDLE {}\r\n", bundled.join(" "));
        }
        sdp.push_str("a=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n");
        // Candidates belong to the section whose transport the others share.
        let mut candidates: Vec<_> = self
            .transport
            .candidates
            .iter()
            .map(|one| format!("a=candidate:{one}\r\n"))
            .collect();
        if self.transport.complete {
            candidates.push("a=end-of-candidates\r\n".to_owned());
        }
        for section in sections {
            sdp.push_str(section);
            if section.split(' ').nth(1) != Some("0") {
                candidates.drain(..).for_each(|line| sdp.push_str(&line));
            }
        }
        sdp
    }

    pub fn media(&self, mid: &str, transceiver: &Transceiver, codecs: &Codecs, direction: Direction) -> String {
        let kind = match codecs.kind {
            crate::wire::Kind::Audio => "audio",
            crate::wire::Kind::Video => "video",
        };
        let mut lines = vec![
            format!("m={kind} 9 UDP/TLS/RTP/SAVPF {}", codecs.formats()),
            "c=IN IP4 0.0.0.0".to_owned(),
            "a=rtcp:9 IN IP4 0.0.0.0".to_owned(),
        ];
        lines.extend(self.transport.lines(self.setup));
        lines.push(format!("a=mid:{mid}"));
        let name = match direction {
            Direction::Sendrecv => "sendrecv",
            Direction::Sendonly => "sendonly",
            Direction::Recvonly => "recvonly",
            Direction::Inactive | Direction::Stopped => "inactive",
        };
        lines.push(format!("a={name}"));
        lines.push("a=rtcp-mux".to_owned());
        lines.push("a=rtcp-rsize".to_owned());
        lines.extend(codecs.lines());
        if sends(direction) {
            lines.extend(self.sender(transceiver, codecs));
        }
        lines.join("\r\n") + "\r\n"
    }

    fn sender(&self, transceiver: &Transceiver, codecs: &Codecs) -> Vec<String> {
        let sender = &transceiver.sender;
        let streams = if sender.streams.is_empty() {
            &["-".to_owned()][..]
        } else {
            &sender.streams[..]
        };
        let mut lines: Vec<String> = streams
            .iter()
            .map(|stream| format!("a=msid:{stream} {}", sender.msid))
            .collect();
        if sender.layers.len() > 1 {
            // The layers tell themselves apart by their rids.
            let rids: Vec<&str> = sender.layers.iter().map(|layer| layer.rid.as_str()).collect();
            lines.extend(rids.iter().map(|rid| format!("a=rid:{rid} send")));
            lines.push(format!("a=simulcast:send {}", rids.join(";")));
            return lines;
        }
        let mut ssrcs = vec![sender.ssrc];
        if codecs.first.repair.is_some() {
            lines.push(format!("a=ssrc-group:FID {} {}", sender.ssrc, sender.repair_ssrc));
            ssrcs.push(sender.repair_ssrc);
        }
        for ssrc in ssrcs {
            lines.push(format!("a=ssrc:{ssrc} cname:{}", self.cname));
            lines.push(format!("a=ssrc:{ssrc} msid:{} {}", streams[0], sender.msid));
        }
        lines
    }

    pub fn data(&self, mid: &str) -> String {
        let mut lines = vec![
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel".to_owned(),
            "c=IN IP4 0.0.0.0".to_owned(),
        ];
        lines.extend(self.transport.lines(self.setup));
        lines.push(format!("a=mid:{mid}"));
        lines.push(format!("a=sctp-port:{SCTP_PORT}"));
        lines.push(format!("a=max-message-size:{MAX_MESSAGE_SIZE}"));
        lines.join("\r\n") + "\r\n"
    }

    /// A section that says no, in the form of the one it answers or that was there before.
    pub fn rejected(&self, mid: &str, kind: &str, protocol: &str, formats: &str) -> String {
        let mut lines = vec![
            format!("m={kind} 0 {protocol} {formats}"),
            "c=IN IP4 0.0.0.0".to_owned(),
        ];
        lines.push(format!("a=mid:{mid}"));
        if kind == "application" {
            lines.push(format!("a=sctp-port:{SCTP_PORT}"));
        } else {
            lines.push("a=inactive".to_owned());
        }
        lines.join("\r\n") + "\r\n"
    }

    pub fn refusal(&self, mid: &str, section: &Section) -> String {
        self.rejected(mid, &section.kind, &section.protocol, &section.formats.join(" "))
    }
}
