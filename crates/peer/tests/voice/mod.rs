//! Voices and rooms for tests of audio: made by arithmetic, the same in every run.
//!
//! `SPEECH_DIR=DIR` takes recordings instead: `far.wav` and `near.wav`, 48 kHz, mono, 16 bit.

#![allow(dead_code)]

use std::f64::consts::{PI, TAU};

pub const RATE: usize = 48_000;
pub const BLOCK: usize = 480;

/// Numbers that look random.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// -1 to 1.
    pub fn noise(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }
}

/// One formant.
#[derive(Default, Clone, Copy)]
struct Resonance {
    a: f64,
    b: f64,
    gain: f64,
    past: (f64, f64),
}

impl Resonance {
    fn tune(&mut self, frequency: f64, width: f64) {
        let radius = (-PI * width / RATE as f64).exp();
        let angle = TAU * frequency / RATE as f64;
        (self.a, self.b) = (2.0 * radius * angle.cos(), -radius * radius);
        self.gain = 1.0 - self.a - self.b;
    }

    fn step(&mut self, input: f64) -> f64 {
        let out = self.gain * input + self.a * self.past.0 + self.b * self.past.1;
        self.past = (out, self.past.0);
        out
    }
}

/// Speech without words: syllables of vowels and hisses with a melody, and pauses; -23 dBov or so while it speaks.
pub fn speech(seed: u64, pitch: f64, seconds: f64) -> Vec<f64> {
    let vowels = [
        [730.0, 1_090.0, 2_440.0],
        [270.0, 2_290.0, 3_010.0],
        [300.0, 870.0, 2_240.0],
        [530.0, 1_840.0, 2_480.0],
        [570.0, 840.0, 2_410.0],
    ];
    let mut dice = Dice::new(seed);
    let mut formants = [Resonance::default(); 4];
    let total = (seconds * RATE as f64) as usize;
    let mut samples = Vec::with_capacity(total);
    let (mut phase, mut glottis, mut former) = (0.0_f64, 0.0, 0.0);
    let mut syllables = 0;
    while samples.len() < total {
        if syllables == 0 {
            syllables = 3 + (dice.unit() * 6.0) as usize;
            let pause = ((0.15 + 0.35 * dice.unit()) * RATE as f64) as usize;
            samples.extend((0..pause).map(|_| 0.0));
        }
        syllables -= 1;
        let vowel = vowels[(dice.unit() * vowels.len() as f64) as usize];
        for (formant, (frequency, width)) in formants.iter_mut().zip(vowel.into_iter().zip([80.0, 90.0, 120.0])) {
            formant.tune(frequency * (0.95 + 0.1 * dice.unit()), width);
        }
        formants[3].tune(3_600.0, 200.0);
        let hiss = ((0.03 + 0.05 * dice.unit()) * RATE as f64) as usize;
        let loud = if dice.unit() < 0.6 { 0.05 } else { 0.0 };
        for index in 0..hiss {
            let noise = dice.noise();
            let bright = noise - 0.9 * former;
            former = noise;
            samples.push(loud * bright * (PI * index as f64 / hiss as f64).sin());
        }
        let length = ((0.12 + 0.15 * dice.unit()) * RATE as f64) as usize;
        let tone = pitch * (0.85 + 0.3 * dice.unit());
        let glide = 0.9 + 0.2 * dice.unit();
        for index in 0..length {
            let part = index as f64 / length as f64;
            phase += tone * (1.0 + (glide - 1.0) * part) * (1.0 + 0.01 * dice.noise()) / RATE as f64;
            let pulse = if phase >= 1.0 {
                phase -= 1.0;
                1.0
            } else {
                0.0
            };
            glottis = 0.96 * glottis + pulse;
            let mut voice = glottis - 0.4 + 0.02 * dice.noise();
            for formant in &mut formants {
                voice = formant.step(voice);
            }
            let envelope = (part * 12.0).min(1.0) * ((1.0 - part) * 6.0).min(1.0);
            samples.push(voice * envelope * 0.5);
        }
    }
    samples.truncate(total);
    let loud: Vec<f64> = samples.iter().copied().filter(|sample| sample.abs() > 1e-4).collect();
    let scale = 0.07 / rms(&loud).max(1e-9);
    samples
        .iter()
        .map(|sample| (sample * scale).clamp(-0.95, 0.95))
        .collect()
}

/// The far and the near voice: recordings if there are, else made ones.
pub fn voices(seconds: f64) -> (Vec<f64>, Vec<f64>) {
    let Some(directory) = std::env::var_os("SPEECH_DIR") else {
        return (speech(1, 120.0, seconds), speech(2, 210.0, seconds));
    };
    let read = |name: &str| {
        let bytes = std::fs::read(std::path::Path::new(&directory).join(name)).unwrap();
        let samples = bytes[44..].chunks_exact(2);
        let samples: Vec<f64> = samples
            .map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
            .collect();
        samples
            .into_iter()
            .cycle()
            .take((seconds * RATE as f64) as usize)
            .collect()
    };
    (read("far.wav"), read("near.wav"))
}

/// A room between a loudspeaker and a microphone: a delay, a direct path and what walls throw back for 250 ms.
pub struct Room(Vec<(usize, f64)>);

impl Room {
    /// `delay` in milliseconds; `gain` is the loudness of the echo against what is played.
    pub fn new(seed: u64, delay: usize, gain: f64) -> Self {
        let mut dice = Dice::new(seed);
        let mut taps = vec![(delay * RATE / 1_000, 1.0)];
        for _ in 0..160 {
            let time = dice.unit() * 0.25;
            let fall = 10_f64.powf(-3.0 * time / 0.35);
            let tap = delay * RATE / 1_000 + (time * RATE as f64) as usize;
            taps.push((tap, 0.22 * fall * dice.noise()));
        }
        let power: f64 = taps.iter().map(|(_, tap)| tap * tap).sum();
        taps.iter_mut().for_each(|(_, tap)| *tap *= gain / power.sqrt());
        Self(taps)
    }

    pub fn echo(&self, played: &[f64]) -> Vec<f64> {
        let mut heard = vec![0.0; played.len()];
        for (delay, gain) in &self.0 {
            for (to, from) in heard.iter_mut().skip(*delay).zip(played) {
                *to += gain * from;
            }
        }
        heard
    }
}

pub fn add(to: &mut [f64], other: &[f64]) {
    to.iter_mut().zip(other).for_each(|(to, other)| *to += other);
}

pub fn rms(samples: &[f64]) -> f64 {
    (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

pub fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-9).log10()
}

pub fn to_block(samples: &[f64]) -> [i16; BLOCK] {
    let mut block = [0; BLOCK];
    for (to, from) in block.iter_mut().zip(samples) {
        *to = (from * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
    }
    block
}

pub fn from_block(block: &[i16]) -> impl Iterator<Item = f64> {
    block.iter().map(|sample| f64::from(*sample) / 32_768.0)
}

/// How alike two signals are, 0 to 1.
pub fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let length = one.len().min(other.len());
    let mean = |samples: &[f64]| samples[..length].iter().sum::<f64>() / length as f64;
    let (a, b) = (mean(one), mean(other));
    let (mut cross, mut ones, mut others) = (0.0, 0.0, 0.0);
    for (x, y) in one.iter().zip(other) {
        cross += (x - a) * (y - b);
        ones += (x - a).powi(2);
        others += (y - b).powi(2);
    }
    cross / (ones * others).sqrt().max(1e-12)
}

/// The loudness of every 10 ms.
pub fn loudness(samples: &[f64]) -> Vec<f64> {
    samples.chunks(BLOCK).map(rms).collect()
}

/// The loudness of two signals alike, the second one up to `most` blocks later; and by how many.
pub fn likeness(one: &[f64], other: &[f64], most: usize) -> (f64, usize) {
    let (one, other) = (loudness(one), loudness(other));
    let at = |lag: usize| correlation(&one[..one.len().min(other.len() - lag)], &other[lag..]);
    (0..most)
        .map(|lag| (at(lag), lag))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, 0))
}
