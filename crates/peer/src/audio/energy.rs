//! Audio levels as webrtc-stats and RFC 6464 define them.

/// Level and energy of everything that went by.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Energy {
    /// 0 to 1, of what came last.
    pub level: f64,
    /// Squared level times seconds.
    pub total: f64,
    /// Seconds.
    pub duration: f64,
}

impl Energy {
    pub fn add(&mut self, samples: &[i16]) {
        if samples.is_empty() {
            return;
        }
        let mean = mean_square(samples);
        let seconds = samples.len() as f64 / super::RATE as f64;
        self.level = mean.sqrt().min(1.0);
        self.total += mean * seconds;
        self.duration += seconds;
    }
}

/// The mean of the squares, full scale being 1.
pub fn mean_square(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    sum / samples.len().max(1) as f64 / 32_768_f64.powi(2)
}

/// The level in -dBov: 0 for the loudest, 127 for silence (RFC 6464, 3).
pub fn dbov(samples: &[i16]) -> u8 {
    let mean = mean_square(samples);
    if mean <= 0.0 {
        return 127;
    }
    (-10.0 * mean.log10()).round().clamp(0.0, 127.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_definition() {
        assert_eq!(dbov(&[0; 480]), 127);
        assert_eq!(dbov(&[i16::MIN; 480]), 0);
        assert_eq!(dbov(&[3_277; 480]), 20);
        let mut energy = Energy::default();
        energy.add(&[16_384; 48_000]);
        assert!((energy.level - 0.5).abs() < 1e-9 && (energy.total - 0.25).abs() < 1e-9);
        assert!((energy.duration - 1.0).abs() < 1e-9);
    }
}
