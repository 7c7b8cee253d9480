//! Echo cancellation, noise suppression and gain control on the pair of what was played and what a microphone took.

use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, NoiseSuppression, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::{BLOCK, Block, RATE};

/// What a track's constraints ask for (mediacapture-streams, 4.3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processing {
    pub echo_cancellation: bool,
    pub noise_suppression: bool,
    pub auto_gain_control: bool,
}

impl Processing {
    pub const ALL: Self = Self {
        echo_cancellation: true,
        noise_suppression: true,
        auto_gain_control: true,
    };
    pub const NONE: Self = Self {
        echo_cancellation: false,
        noise_suppression: false,
        auto_gain_control: false,
    };

    fn config(self) -> Config {
        Config {
            pipeline: Pipeline {
                multi_channel_render: false,
                multi_channel_capture: false,
                ..Pipeline::default()
            },
            high_pass_filter: (self != Self::NONE).then(HighPassFilter::default),
            echo_canceller: self.echo_cancellation.then(EchoCanceller::default),
            noise_suppression: self.noise_suppression.then(NoiseSuppression::default),
            gain_controller2: self.auto_gain_control.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        }
    }
}

/// What is known about the echo.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Echo {
    /// Decibels by which the room weakens what is played.
    pub return_loss: Option<f64>,
    /// Decibels by which the canceller weakens it further.
    pub enhancement: Option<f64>,
}

/// One microphone's processing.
pub struct Processor {
    processing: Processing,
    inner: Option<Box<AudioProcessing>>,
}

impl Processor {
    pub fn new(processing: Processing) -> Self {
        let stream = StreamConfig::new(RATE as u32, 1);
        let inner = (processing != Processing::NONE).then(|| {
            let builder = AudioProcessing::builder().config(processing.config());
            Box::new(builder.capture_config(stream).render_config(stream).build())
        });
        Self { processing, inner }
    }

    pub fn processing(&self) -> Processing {
        self.processing
    }

    /// Works on 10 ms that a microphone took while `played` left the loudspeaker.
    pub fn process(&mut self, block: &mut Block, played: &Block) {
        let Some(inner) = &mut self.inner else { return };
        let (captured, played, mut done) = (to_float(block), to_float(played), [0.0; BLOCK]);
        let mut heard = [0.0; BLOCK];
        let result = inner
            .process_render_f32(&[&played], &mut [&mut heard])
            .and_then(|()| inner.process_capture_f32(&[&captured], &mut [&mut done]));
        match result {
            Ok(()) => {
                for (to, from) in block.iter_mut().zip(done) {
                    *to = (from * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
                }
            }
            Err(error) => tracing::debug!(?error, "audio processing"),
        }
    }

    pub fn echo(&self) -> Echo {
        self.inner.as_ref().map_or_else(Echo::default, |inner| {
            let stats = inner.statistics();
            Echo {
                return_loss: stats.echo_return_loss,
                enhancement: stats.echo_return_loss_enhancement,
            }
        })
    }
}

fn to_float(block: &Block) -> [f32; BLOCK] {
    block.map(|sample| f32::from(sample) / 32_768.0)
}
