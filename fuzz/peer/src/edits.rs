//! Changes to a text of lines, from bytes: what a remote makes of a good description.

/// What descriptions are made of, so that a change of one byte can bring a whole line.
const LINES: [&str; 32] = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "m=video 0 UDP/TLS/RTP/SAVPF 96",
    "m=text 9 RTP/AVP 0",
    "a=group:BUNDLE 0 1 2",
    "a=group:BUNDLE",
    "a=bundle-only",
    "a=mid:0",
    "a=mid:1",
    "a=mid:4294967295",
    "a=mid:",
    "a=sendonly",
    "a=recvonly",
    "a=inactive",
    "a=setup:active",
    "a=setup:holdconn",
    "a=ice-lite",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    "a=fingerprint:sha-256 00",
    "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host",
    "a=end-of-candidates",
    "a=rtpmap:97 VP8/90000",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:97 apt=96",
    "a=extmap:14 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=ssrc-group:FID 4294967295 0",
    "a=ssrc:4294967295 cname:x",
    "a=simulcast:recv a;~b,c;d",
    "a=msid:- t",
    "a=max-message-size:0",
];

/// Lines after which nothing is added: copies of copies would be too many.
const MOST: usize = 2_000;

/// Applies changes of three bytes or more each.
pub fn edited(text: &str, mut changes: &[u8]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    while let [what, at, by, rest @ ..] = changes {
        changes = rest;
        if lines.is_empty() || lines.len() > MOST {
            break;
        }
        let index = usize::from(*at) % lines.len();
        match what % 8 {
            0 => drop(lines.remove(index)),
            1 => lines[index] = LINES[usize::from(*by) % LINES.len()].to_owned(),
            2 => lines.insert(index, LINES[usize::from(*by) % LINES.len()].to_owned()),
            3 => {
                let other = usize::from(*by) % lines.len();
                lines.swap(index, other);
            }
            4 => {
                let again = lines[index].clone();
                lines.extend(std::iter::repeat_n(again, usize::from(by % 16)));
            }
            5 => {
                let (length, left) = (usize::from(*by).min(rest.len()), rest);
                let (own, left) = left.split_at(length);
                lines[index] = String::from_utf8_lossy(own).into_owned();
                changes = left;
            }
            6 => {
                let cut = lines[index].char_indices().map(|(at, _)| at).nth(usize::from(*by));
                if let Some(cut) = cut {
                    lines[index].truncate(cut);
                }
            }
            _ => {
                // The section as a whole, again.
                let section = |line: &String| line.starts_with("m=");
                let start = lines[..=index].iter().rposition(section).unwrap_or(index);
                let end = lines[start + 1..]
                    .iter()
                    .position(section)
                    .map_or(lines.len(), |next| start + 1 + next);
                let copy = lines[start..end].to_vec();
                for _ in 0..by % 8 {
                    lines.extend(copy.iter().cloned());
                }
            }
        }
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}
