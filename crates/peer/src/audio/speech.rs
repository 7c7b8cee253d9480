//! One voice into packets of 20 ms: of Opus, with in-band FEC as the loss demands and nothing in pauses (DTX).

use bytes::Bytes;
use ropus::{Application, Bitrate, Channels, Encoder, InbandFec, Signal};

use super::energy::{dbov, mean_square};
use super::opus::is_quiet;
use super::{FRAME, RATE};

/// Bits per second when nobody asks for less.
pub const BITRATE: u32 = 32_000;
const LEAST: u32 = 8_000;
/// Bytes of the largest packet (RFC 6716, 3.4).
const PACKET: usize = 1_275;
/// What speech costs in work: the reference's own scale, 0 to 10.
const COMPLEXITY: u8 = 5;
/// The loss that is always prepared for, in percent: below 6 the encoder keeps its bits for bandwidth and repeats nothing.
const LOSS: u8 = 10;
/// Mean square of what may be a voice: -50 dBov.
pub const VOICE: f64 = 1e-5;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    pub payload: Bytes,
    /// -dBov (RFC 6464).
    pub level: u8,
    /// Somebody may be speaking.
    pub voice: bool,
    /// The first one after a pause (RFC 3551, 4.1).
    pub first: bool,
}

/// The encoder of one source.
pub struct Speaker {
    encoder: Option<Encoder>,
    packet: Vec<u8>,
    bitrate: u32,
    loss: u8,
    /// Nothing was sent last.
    pausing: bool,
}

impl Default for Speaker {
    fn default() -> Self {
        let encoder = Encoder::builder(RATE as u32, Channels::Mono, Application::Voip)
            .bitrate(Bitrate::Bits(BITRATE))
            .complexity(COMPLEXITY)
            .signal(Signal::Voice)
            .inband_fec(InbandFec::Enabled)
            .packet_loss_perc(LOSS)
            .dtx(true)
            .build()
            .inspect_err(|error| tracing::error!(%error, "no Opus encoder"))
            .ok();
        Self {
            encoder,
            packet: vec![0; PACKET],
            bitrate: BITRATE,
            loss: LOSS,
            pausing: true,
        }
    }
}

impl Speaker {
    /// Gives a packet, unless there is nothing to be heard.
    pub fn take(&mut self, frame: &[i16; FRAME]) -> Option<Speech> {
        let encoder = self.encoder.as_mut()?;
        let written = encoder.encode(frame, &mut self.packet);
        let size = written
            .inspect_err(|error| tracing::warn!(%error, "Opus"))
            .ok()?
            .min(PACKET);
        let quiet = is_quiet(&self.packet[..size]);
        // The first packet of a pause tells the remote of it.
        let silent = std::mem::replace(&mut self.pausing, quiet);
        if quiet && silent {
            return None;
        }
        Some(Speech {
            payload: Bytes::copy_from_slice(&self.packet[..size]),
            level: dbov(frame),
            voice: mean_square(frame) > VOICE,
            first: silent,
        })
    }

    /// Bits per second, and the share of packets that get lost.
    pub fn adapt(&mut self, bitrate: u32, loss: f64) {
        let Some(encoder) = &mut self.encoder else { return };
        let bitrate = bitrate.clamp(LEAST, 128_000);
        let loss = ((loss * 100.0).ceil().clamp(0.0, 30.0) as u8).max(LOSS);
        if bitrate != self.bitrate {
            self.bitrate = bitrate;
            if let Err(error) = encoder.set_bitrate(Bitrate::Bits(bitrate)) {
                tracing::warn!(%error, bitrate, "Opus");
            }
        }
        if loss != self.loss {
            self.loss = loss;
            if let Err(error) = encoder.set_packet_loss_perc(loss) {
                tracing::warn!(%error, loss, "Opus");
            }
        }
    }

    pub fn bitrate(&self) -> u32 {
        self.bitrate
    }
}
