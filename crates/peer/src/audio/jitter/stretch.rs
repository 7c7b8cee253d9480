//! Makes a voice last shorter or longer by one period, without changing its pitch (overlap and add).

use crate::audio::MS;

/// Periods that are looked for, in samples: 400 Hz to 66 Hz.
const SHORTEST: usize = 5 * MS / 2;
const LONGEST: usize = 15 * MS;
/// Samples that must be at hand to shorten.
pub const TO_SHORTEN: usize = 2 * LONGEST;
/// Samples that must be at hand, and must have been played, to lengthen.
pub const TO_LENGTHEN: usize = LONGEST;
/// Samples of which the last period can be found.
pub const PITCHED: usize = 2 * LONGEST;
/// Every which sample the search looks at first.
const COARSE: usize = 4;
/// The likeness of two periods at which joining them is not heard, and that which must do when there is hurry.
const ALIKE: f64 = 0.9;
const HURRIED: f64 = 0.5;
/// Mean square below which nothing is heard anyway: -55 dBov.
const SILENT: f64 = 3_400.0;

/// Takes one period off the beginning of `ahead`. Gives the samples removed, 0 if that would be heard.
pub fn shorten(ahead: &mut Vec<i16>, hurry: bool) -> usize {
    if ahead.len() < TO_SHORTEN {
        return 0;
    }
    let Some(period) = period(&ahead[..TO_SHORTEN], 0, LONGEST, hurry, |lag| lag) else {
        return 0;
    };
    for index in 0..period {
        ahead[period + index] = fade(ahead[index], ahead[period + index], index, period);
    }
    ahead.drain(..period);
    period
}

/// Puts one more period at the beginning of `ahead`, made of the end of `past`. Gives the samples added, 0 if that would
/// be heard.
pub fn lengthen(past: &[i16], ahead: &mut Vec<i16>, hurry: bool) -> usize {
    if past.len() < LONGEST || ahead.len() < TO_LENGTHEN {
        return 0;
    }
    let mut joined = past[past.len() - LONGEST..].to_vec();
    joined.extend_from_slice(&ahead[..TO_LENGTHEN]);
    let Some(period) = period(&joined, LONGEST, LONGEST, hurry, |lag| LONGEST - lag) else {
        return 0;
    };
    let again = &joined[LONGEST - period..LONGEST];
    let added: Vec<i16> = again
        .iter()
        .enumerate()
        .map(|(index, old)| fade(ahead[index], *old, index, period))
        .collect();
    ahead.splice(..0, added);
    // What follows the period that was faded to is the beginning of what was ahead.
    period
}

/// The period that `past` ends with, in samples, however much or little it is one.
pub fn pitch(past: &[i16; PITCHED]) -> usize {
    alike(past, LONGEST, LONGEST, |lag| LONGEST - lag).map_or(LONGEST, |(_, lag)| lag)
}

/// The lag at which joining `samples` is not heard.
fn period(samples: &[i16], at: usize, room: usize, hurry: bool, other: impl Fn(usize) -> usize) -> Option<usize> {
    let ((alike, power), lag) = alike(samples, at, room, other)?;
    let silent = power / (room as f64 / 2.0) < SILENT;
    (silent || alike > if hurry { HURRIED } else { ALIKE }).then_some(lag)
}

/// The lag at which `samples` are most like themselves, those at `at` against those at `other(lag)`; how much, from -1 to 1,
/// and the power of every second one.
fn alike(samples: &[i16], at: usize, room: usize, other: impl Fn(usize) -> usize) -> Option<((f64, f64), usize)> {
    let likeness = |lag: usize, step: usize| {
        let (mut cross, mut one, mut two) = (0.0, 0.0, 0.0);
        let other = other(lag);
        for index in (0..room.min(samples.len() - at.max(other))).step_by(step) {
            let (a, b) = (f64::from(samples[at + index]), f64::from(samples[other + index]));
            cross += a * b;
            one += a * a;
            two += b * b;
        }
        (cross / (one * two).sqrt().max(1.0), one)
    };
    let best = |lags: &mut dyn Iterator<Item = usize>, step: usize| {
        lags.map(|lag| (likeness(lag, step), lag))
            .max_by(|(a, _), (b, _)| a.0.total_cmp(&b.0))
    };
    let (_, near) = best(&mut (SHORTEST..=LONGEST).step_by(COARSE), COARSE)?;
    let range = near.saturating_sub(COARSE - 1).max(SHORTEST)..=(near + COARSE - 1).min(LONGEST);
    best(&mut range.into_iter(), 2)
}

/// A sample on the way from one signal to another, at `index` of `length`.
pub fn fade(from: i16, to: i16, index: usize, length: usize) -> i16 {
    let weight = (index as f32 + 0.5) / length as f32;
    (f32::from(from) * (1.0 - weight) + f32::from(to) * weight).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(from: usize, count: usize) -> Vec<i16> {
        let sample = |n: usize| (n as f64 * 200.0 * std::f64::consts::TAU / 48_000.0).sin() * 8_000.0;
        (from..from + count).map(|n| sample(n) as i16).collect()
    }

    /// The largest step between two neighbours.
    fn roughness(samples: &[i16]) -> i32 {
        let pairs = samples.windows(2);
        pairs
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    }

    #[test]
    fn a_tone_is_shortened_by_whole_periods_without_a_step() {
        let (mut ahead, before) = (tone(480, 1_440), roughness(&tone(0, 1_440)));
        let removed = shorten(&mut ahead, false);
        assert!(removed > 0 && removed.is_multiple_of(240), "{removed}");
        assert_eq!(ahead.len(), 1_440 - removed);
        let joined: Vec<i16> = tone(0, 480).into_iter().chain(ahead).collect();
        assert!(roughness(&joined) <= before * 5 / 4);
    }

    #[test]
    fn a_tone_is_lengthened_by_whole_periods_without_a_step() {
        let (past, mut ahead) = (tone(0, 960), tone(960, 960));
        let added = lengthen(&past, &mut ahead, false);
        assert!(added > 0 && added.is_multiple_of(240), "{added}");
        assert_eq!(ahead.len(), 960 + added);
        let joined: Vec<i16> = past.into_iter().chain(ahead).collect();
        assert!(roughness(&joined) <= roughness(&tone(0, 1_440)) * 5 / 4);
    }

    #[test]
    fn noise_is_left_alone_and_silence_is_not() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 18) as i16 - 8_192
        };
        let mut ahead: Vec<i16> = (0..1_440).map(|_| noise()).collect();
        assert_eq!(shorten(&mut ahead, false), 0);
        assert!(shorten(&mut vec![0; 1_440], false) > 0);
        assert_eq!(shorten(&mut vec![0; 1_439], false), 0);
    }
}
