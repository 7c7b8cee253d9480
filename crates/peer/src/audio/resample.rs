//! From 48 kHz to the 8 kHz of the telephone, and back: one low-pass filter, cut into phases.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::{FRAME, RATE};

/// Samples for each of the slower clock's.
pub const FACTOR: usize = 6;
/// Samples of a packet on the slower clock.
pub const NARROW: usize = FRAME / FACTOR;
/// Flat to 3.4 kHz, and from 4.6 kHz on 60 dB down: what falls back from in between lies above 3.4 kHz.
const TAPS: usize = 24 * FACTOR;
const CUTOFF: f64 = 4_000.0;
/// Kaiser's parameter for 60 dB.
const BETA: f64 = 5.65;

static FILTER: LazyLock<[f32; TAPS]> = LazyLock::new(filter);

fn filter() -> [f32; TAPS] {
    let half = (TAPS - 1) as f64 / 2.0;
    let taps: [f64; TAPS] = std::array::from_fn(|index| {
        let at = index as f64 - half;
        let angle = 2.0 * PI * CUTOFF / RATE as f64 * at;
        // Their number is even: no tap is in the middle.
        let window = bessel(BETA * (1.0 - (at / half).powi(2)).max(0.0).sqrt());
        angle.sin() / angle * window
    });
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| (tap / sum) as f32)
}

/// The modified Bessel function of order zero.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let terms = (1..30).map(|n| {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        term
    });
    1.0 + terms.sum::<f64>()
}

/// Takes away what 8 kHz cannot carry, and five of six samples.
pub struct Downsampler {
    past: Vec<f32>,
}

impl Default for Downsampler {
    fn default() -> Self {
        Self { past: vec![0.0; TAPS] }
    }
}

impl Downsampler {
    pub fn take(&mut self, frame: &[i16; FRAME]) -> [i16; NARROW] {
        self.past.extend(frame.iter().map(|sample| f32::from(*sample)));
        let narrow = std::array::from_fn(|index| {
            let from = (index + 1) * FACTOR;
            let window = self.past[from..from + TAPS].iter().zip(FILTER.iter());
            // Saturates.
            window.map(|(sample, tap)| sample * tap).sum::<f32>().round() as i16
        });
        self.past.drain(..FRAME);
        narrow
    }
}

/// Puts five samples behind each.
#[derive(Default)]
pub struct Upsampler {
    /// The last samples, the latest first.
    past: [f32; TAPS / FACTOR],
}

impl Upsampler {
    pub fn take(&mut self, sample: i16) -> [i16; FACTOR] {
        self.past.rotate_right(1);
        self.past[0] = f32::from(sample);
        std::array::from_fn(|phase| {
            let taps = FILTER[phase..].iter().step_by(FACTOR);
            let sum: f32 = self.past.iter().zip(taps).map(|(sample, tap)| sample * tap).sum();
            (sum * FACTOR as f32).round() as i16
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How loud a tone of amplitude 8,000 is in 48 kHz and back, against itself.
    fn passes(frequency: f64) -> f64 {
        let (mut down, mut up) = (Downsampler::default(), Upsampler::default());
        let mut power = 0.0;
        for number in 0..50 {
            let frame = std::array::from_fn(|index| {
                let time = (number * FRAME + index) as f64 / RATE as f64;
                ((time * frequency * 2.0 * PI).sin() * 8_000.0) as i16
            });
            let out = down.take(&frame).into_iter().flat_map(|sample| up.take(sample));
            let squares: f64 = out.map(|sample| f64::from(sample).powi(2)).sum();
            power += if number >= 10 { squares } else { 0.0 };
        }
        (power / (40 * FRAME) as f64 / 32e6).sqrt()
    }

    #[test]
    fn speech_passes_and_what_would_be_mirrored_does_not() {
        for frequency in [100.0, 300.0, 1_000.0, 3_000.0, 3_400.0] {
            let gain = passes(frequency);
            assert!((0.97..1.03).contains(&gain), "{frequency}: {gain}");
        }
        for frequency in [4_700.0, 5_000.0, 7_000.0, 9_000.0, 15_500.0, 20_000.0] {
            assert!(passes(frequency) < 0.002, "{frequency}: {}", passes(frequency));
        }
    }

    #[test]
    fn the_loudest_does_not_wrap() {
        let mut down = Downsampler::default();
        for frame in [[i16::MAX; FRAME], [i16::MIN; FRAME], [i16::MAX; FRAME]] {
            let narrow = down.take(&frame);
            assert_eq!(narrow[NARROW - 1].signum(), frame[0].signum());
        }
    }
}
