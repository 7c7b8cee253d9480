//! The two laws of ITU-T G.711: a sample of 16 bits in a byte of a sign, three bits of exponent and four of mantissa.

use crate::rtp::codec::Law;

/// What is added before μ-law takes the logarithm, so that each segment is twice as wide as the one before.
const BIAS: i32 = 0x84;
/// The loudest that μ-law knows.
const CLIP: i32 = 0x7f7b;
/// A-law turns every second bit over, so that silence is no long run of zeros.
const EVEN: u8 = 0x55;
const SIGN: u8 = 0x80;

/// The byte of a sample.
pub fn compress(law: Law, sample: i16) -> u8 {
    match law {
        Law::Mu => {
            let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
            let sign = if sample < 0 { SIGN } else { 0 };
            // All bits are turned over on the line.
            !(sign | segment(magnitude))
        }
        Law::A => {
            // Negative samples are those of one's complement.
            let (sign, magnitude) = if sample < 0 { (0, !sample) } else { (SIGN, sample) };
            let magnitude = i32::from(magnitude);
            let byte = if magnitude < 0x100 {
                (magnitude >> 4) as u8
            } else {
                segment(magnitude)
            };
            (sign | byte) ^ EVEN
        }
    }
}

/// The sample of a byte.
pub fn expand(law: Law, byte: u8) -> i16 {
    match law {
        Law::Mu => {
            let byte = !byte;
            let magnitude = ((i16::from(byte & 0x0f) << 3) + BIAS as i16) << (byte >> 4 & 7);
            let sample = magnitude - BIAS as i16;
            if byte & SIGN != 0 { -sample } else { sample }
        }
        Law::A => {
            let byte = byte ^ EVEN;
            // In the middle of the interval.
            let mantissa = (i16::from(byte & 0x0f) << 4) + 8;
            let magnitude = match byte >> 4 & 7 {
                0 => mantissa,
                exponent => (mantissa + 0x100) << (exponent - 1),
            };
            if byte & SIGN != 0 { magnitude } else { -magnitude }
        }
    }
}

/// Exponent and mantissa of a magnitude between 2^7 and 2^15: the place of its first bit, and the four bits behind that.
fn segment(magnitude: i32) -> u8 {
    let exponent = (24 - magnitude.leading_zeros()) as u8;
    exponent << 4 | (magnitude >> (exponent + 3)) as u8 & 0x0f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_for_the_values_of_the_recommendation() {
        // G.711, tables 1a to 2b, in steps of 16 bits rather than of 13 (A) and 14 (μ).
        for (byte, sample) in [
            (0xff, 0),
            (0x7f, 0),
            (0xfe, 8),
            (0xef, 132),
            (0xdf, 396),
            (0x8f, 16_764),
            (0x80, 32_124),
            (0x00, -32_124),
            (0x7e, -8),
        ] {
            assert_eq!(expand(Law::Mu, byte), sample, "{byte:#x}");
        }
        for (byte, sample) in [
            (0xd5, 8),
            (0x55, -8),
            (0xd4, 24),
            (0xc5, 264),
            (0xf5, 528),
            (0xaa, 32_256),
            (0x2a, -32_256),
        ] {
            assert_eq!(expand(Law::A, byte), sample, "{byte:#x}");
        }
    }

    #[test]
    fn every_byte_comes_back_and_every_sample_as_near_as_its_segment_allows() {
        for law in [Law::Mu, Law::A] {
            for byte in 0..=u8::MAX {
                // μ-law has two zeros.
                if (law, byte) != (Law::Mu, 0x7f) {
                    assert_eq!(compress(law, expand(law, byte)), byte, "{law:?} {byte:#x}");
                }
            }
            for sample in i16::MIN..=i16::MAX {
                let off = (i32::from(expand(law, compress(law, sample))) - i32::from(sample)).abs();
                // Half of the sixteenth of a segment, and of 16 where those are finer.
                let most = (i32::from(sample).abs() + BIAS) / 32;
                assert!(off <= most.max(8), "{law:?} {sample} {off}");
                assert!((sample < 0) == (compress(law, sample) & SIGN == 0), "{law:?} {sample}");
            }
        }
    }
}
