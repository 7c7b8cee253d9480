//! What an Opus packet says about itself (RFC 6716, 3), and the decoder.

use ropus::{Channels, DecodeMode, Decoder};

use super::{MS, RATE};

/// Samples of the longest packet, 120 ms.
pub const LONGEST: usize = 120 * MS;
/// A packet this short says that nothing follows for a while (DTX).
const QUIET: usize = 2;

/// The samples of a packet; `None` if that is no Opus.
pub fn duration(packet: &[u8]) -> Option<usize> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        silk @ 0..12 => [10, 20, 40, 60][usize::from(silk & 3)] * MS,
        hybrid @ 12..16 => [10, 20][usize::from(hybrid & 1)] * MS,
        celt => (5 * MS / 2) << (celt & 3),
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet.get(1)? & 0x3f),
    };
    let samples = frame * frames;
    (1..=LONGEST).contains(&samples).then_some(samples)
}

/// Whether a packet begins a pause of the sender.
pub fn is_quiet(packet: &[u8]) -> bool {
    packet.len() <= QUIET
}

/// Whether a packet of one frame repeats the one before it (in-band FEC, RFC 6716, 4.2.4).
pub fn repeats_former(packet: &[u8]) -> bool {
    let &[toc, first, ..] = packet else { return false };
    if toc >> 3 >= 16 || toc & 3 != 0 {
        return false;
    }
    // Voice activity of each 20 ms, then the flag.
    let frames = match toc >> 3 {
        silk @ 0..12 => [1, 1, 2, 3][usize::from(silk & 3)],
        _ => 1,
    };
    first >> (7 - frames) & 1 == 1
}

/// A decoder of one voice.
pub struct OpusDecoder(Option<Decoder>);

impl Default for OpusDecoder {
    fn default() -> Self {
        let decoder = Decoder::new(RATE as u32, Channels::Mono);
        Self(
            decoder
                .inspect_err(|error| tracing::error!(%error, "no Opus decoder"))
                .ok(),
        )
    }
}

impl OpusDecoder {
    /// Appends a packet's samples; gives their number, 0 if they could not be made out.
    pub fn decode(&mut self, packet: &[u8], into: &mut Vec<i16>) -> usize {
        self.append(packet, LONGEST, DecodeMode::Normal, into)
    }

    /// Appends the `samples` before `packet`, from what it repeats of them.
    pub fn decode_former(&mut self, packet: &[u8], samples: usize, into: &mut Vec<i16>) -> usize {
        self.append(packet, samples, DecodeMode::Fec, into)
    }

    /// Appends `samples` that go on from the last ones: made up after a loss, comfort noise in a pause.
    pub fn make_up(&mut self, samples: usize, into: &mut Vec<i16>) -> usize {
        self.append(&[], samples, DecodeMode::Normal, into)
    }

    fn append(&mut self, packet: &[u8], room: usize, mode: DecodeMode, into: &mut Vec<i16>) -> usize {
        let Some(decoder) = &mut self.0 else { return 0 };
        let start = into.len();
        into.resize(start + room, 0);
        let made = decoder
            .decode(packet, &mut into[start..], mode)
            .unwrap_or_else(|error| {
                tracing::debug!(%error, "Opus");
                0
            });
        into.truncate(start + made.min(room));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_its_duration() {
        // Hybrid fullband 20 ms; CELT 2.5 ms; SILK 60 ms twice; code 3 with none and with too many frames.
        assert_eq!(duration(&[15 << 3]), Some(20 * MS));
        assert_eq!(duration(&[16 << 3]), Some(120));
        assert_eq!(duration(&[3 << 3 | 1]), Some(120 * MS));
        assert_eq!(duration(&[1 << 3 | 3, 0]), None);
        assert_eq!(duration(&[1 << 3 | 3, 7]), None);
        assert_eq!(duration(&[]), None);
    }
}
