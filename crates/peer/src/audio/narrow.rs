//! Voices in G.711: a byte for each sample of 8 kHz, no pauses, and no memory but that of the filters.

use bytes::Bytes;

use super::energy::{dbov, mean_square};
use super::g711::{compress, expand};
use super::jitter::stretch::{PITCHED, fade, pitch};
use super::resample::{Downsampler, FACTOR, NARROW, Upsampler};
use super::speech::{Speech, VOICE};
use super::{FRAME, MS};
use crate::rtp::codec::Law;

/// Bits per second, always.
pub const BITRATE: u32 = 64_000;
/// What is made up for a loss is as loud as what was before it for so long, and silent from then on (G.711, appendix I).
const LOUD: usize = 10 * MS;
const SILENT: usize = 60 * MS;
/// The way from what was made up to what is true.
const BACK: usize = 5 * MS;

/// Writes one source.
pub struct NarrowSpeaker {
    law: Law,
    down: Downsampler,
    begun: bool,
}

impl NarrowSpeaker {
    pub fn new(law: Law) -> Self {
        Self {
            law,
            down: Downsampler::default(),
            begun: false,
        }
    }

    pub fn take(&mut self, frame: &[i16; FRAME]) -> Speech {
        let narrow = self.down.take(frame).map(|sample| compress(self.law, sample));
        Speech {
            payload: Bytes::copy_from_slice(&narrow),
            level: dbov(frame),
            voice: mean_square(frame) > VOICE,
            first: !std::mem::replace(&mut self.begun, true),
        }
    }
}

/// Samples of 48 kHz in a packet; `None` if there are none, or too many.
pub fn duration(packet: &[u8]) -> Option<usize> {
    (1..=6 * NARROW)
        .contains(&packet.len())
        .then_some(packet.len() * FACTOR)
}

/// Reads one voice.
pub struct NarrowDecoder {
    law: Law,
    up: Upsampler,
    /// What was read last.
    past: [i16; PITCHED],
    /// Samples made up since then, and those of a period of what is repeated for it.
    made: usize,
    period: usize,
}

impl NarrowDecoder {
    pub fn new(law: Law) -> Self {
        Self {
            law,
            up: Upsampler::default(),
            past: [0; PITCHED],
            made: 0,
            period: 1,
        }
    }

    pub fn law(&self) -> Law {
        self.law
    }

    /// Appends a packet's samples; gives their number.
    pub fn decode(&mut self, packet: &[u8], into: &mut Vec<i16>) -> usize {
        let start = into.len();
        for byte in packet {
            into.extend(self.up.take(expand(self.law, *byte)));
        }
        let read = &mut into[start..];
        if self.made > 0 {
            for (index, sample) in read.iter_mut().take(BACK).enumerate() {
                *sample = fade(self.repeat(), *sample, index, BACK);
            }
            self.made = 0;
        }
        let new = read.len().min(PITCHED);
        self.past.rotate_left(new);
        self.past[PITCHED - new..].copy_from_slice(&read[read.len() - new..]);
        read.len()
    }

    /// Appends `samples` that go on from the last ones: their last period again and again, softer and softer.
    pub fn make_up(&mut self, samples: usize, into: &mut Vec<i16>) -> usize {
        if self.made == 0 {
            self.period = pitch(&self.past);
        }
        into.extend((0..samples).map(|_| self.repeat()));
        samples
    }

    fn repeat(&mut self) -> i16 {
        let sample = self.past[PITCHED - self.period + self.made % self.period];
        let left = SILENT.saturating_sub(self.made).min(SILENT - LOUD);
        self.made += 1;
        (i32::from(sample) * left as i32 / (SILENT - LOUD) as i32) as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::RATE;

    fn tone(number: usize) -> [i16; FRAME] {
        std::array::from_fn(|index| {
            let time = (number * FRAME + index) as f64 / RATE as f64;
            ((time * 200.0 * std::f64::consts::TAU).sin() * 8_000.0) as i16
        })
    }

    fn rms(samples: &[i16]) -> f64 {
        mean_square(samples).sqrt() * 32_768.0
    }

    /// The share of its power that lies at a frequency.
    fn share(samples: &[i16], frequency: f64) -> f64 {
        let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
        for (index, sample) in samples.iter().enumerate() {
            let angle = index as f64 / RATE as f64 * frequency * std::f64::consts::TAU;
            let sample = f64::from(*sample);
            sine += sample * angle.sin();
            cosine += sample * angle.cos();
            power += sample * sample;
        }
        2.0 * (sine * sine + cosine * cosine) / (power * samples.len() as f64)
    }

    #[test]
    fn a_tone_comes_back_as_high_and_as_loud() {
        for law in [Law::Mu, Law::A] {
            let (mut speaker, mut decoder) = (NarrowSpeaker::new(law), NarrowDecoder::new(law));
            let mut heard = Vec::new();
            for number in 0..50 {
                let speech = speaker.take(&tone(number));
                assert_eq!((speech.payload.len(), speech.first), (160, number == 0));
                assert!(speech.voice && speech.level == 15, "{}", speech.level);
                assert_eq!(duration(&speech.payload), Some(FRAME));
                assert_eq!(decoder.decode(&speech.payload, &mut heard), FRAME);
            }
            let heard = &heard[4_800..];
            let loud = rms(heard) / (8_000.0 / 2_f64.sqrt());
            assert!((0.98..1.02).contains(&loud), "{loud}");
            assert!(share(heard, 200.0) > 0.998, "{}", share(heard, 200.0));
        }
    }

    #[test]
    fn what_is_lost_sounds_like_what_was_before_and_fades_out() {
        let (mut speaker, mut decoder) = (NarrowSpeaker::new(Law::Mu), NarrowDecoder::new(Law::Mu));
        let mut heard = Vec::new();
        for number in 0..10 {
            decoder.decode(&speaker.take(&tone(number)).payload, &mut heard);
        }
        let lost = heard.len();
        assert_eq!(decoder.make_up(100 * MS, &mut heard), 100 * MS);
        let made = &heard[lost..];
        assert!(rms(&made[..10 * MS]) > 5_000.0 && share(&made[..10 * MS], 200.0) > 0.95);
        let half = rms(&made[30 * MS..40 * MS]);
        assert!((1_500.0..4_000.0).contains(&half), "{half}");
        assert_eq!(made[SILENT..].iter().max(), Some(&0));
        for number in 15..20 {
            decoder.decode(&speaker.take(&tone(number)).payload, &mut heard);
        }
        assert!(rms(&heard[heard.len() - 20 * MS..]) > 5_000.0);
        // Neither end of it is a click.
        let step = |pair: &[i16]| (i32::from(pair[1]) - i32::from(pair[0])).abs();
        let roughest = heard[4_800..].windows(2).map(step).max();
        assert!(roughest < Some(900), "{roughest:?}");
    }

    #[test]
    fn packets_are_neither_empty_nor_endless() {
        assert_eq!(duration(&[]), None);
        assert_eq!(duration(&[0; 80]), Some(10 * MS));
        assert_eq!(duration(&[0; 960]), Some(120 * MS));
        assert_eq!(duration(&[0; 961]), None);
    }
}
