//! DTMF tones as events in a stream of voice (RFC 4733).

use std::time::Duration;

use bytes::Bytes;

/// From packet to packet of a tone.
pub const STEP: Duration = Duration::from_millis(20);
/// How often the last packet is sent, as nothing makes up for its loss (RFC 4733, 2.5.1.4).
const LAST: u8 = 3;
/// How loud: 10 dB below the loudest (RFC 4733, 2.3.4).
const VOLUME: u8 = 10;
const END: u8 = 0x80;

/// The number of a tone (RFC 4733, 3.2).
fn event(tone: char) -> Option<u8> {
    match tone {
        '0'..='9' => Some(tone as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'A'..='D' => Some(tone as u8 - b'A' + 12),
        _ => None,
    }
}

/// One packet of a tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// RTP ticks since the tone began.
    pub offset: u32,
    pub marker: bool,
    pub payload: Bytes,
}

/// A tone that is being sent.
#[derive(Debug)]
pub struct Tone {
    event: u8,
    /// RTP ticks: of all of it, of a step, and what has been told.
    length: u32,
    step: u32,
    told: u32,
    /// Where the part begins that is told now: a duration has 16 bits (RFC 4733, 2.5.1.3).
    part: u32,
    over: bool,
}

impl Tone {
    /// Of so many milliseconds, on a clock of so many ticks a second.
    pub fn new(tone: char, millis: u32, rate: u32) -> Option<Self> {
        let ticks = |millis: u128| u32::try_from(millis * u128::from(rate) / 1_000).ok();
        Some(Self {
            event: event(tone)?,
            length: ticks(u128::from(millis))?,
            step: ticks(STEP.as_millis())?.max(1),
            told: 0,
            part: 0,
            over: false,
        })
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The packets of the next step; none when it is over.
    pub fn advance(&mut self) -> Vec<Beat> {
        if self.over {
            return Vec::new();
        }
        let first = self.told == 0;
        self.told = (self.told + self.step).min(self.length);
        self.over = self.told == self.length;
        let most = u32::from(u16::MAX);
        let mut beats = Vec::new();
        if self.told - self.part > most {
            // What was so long is told to be so long, and goes on.
            beats.push(self.beat(most, false, false));
            self.part += most;
        }
        for _ in 0..if self.over { LAST } else { 1 } {
            beats.push(self.beat(self.told - self.part, first && beats.is_empty(), self.over));
        }
        beats
    }

    fn beat(&self, duration: u32, marker: bool, end: bool) -> Beat {
        let [_, _, high, low] = duration.to_be_bytes();
        Beat {
            offset: self.part,
            marker,
            payload: Bytes::copy_from_slice(&[self.event, VOLUME | if end { END } else { 0 }, high, low]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut tone: Tone) -> Vec<Beat> {
        let mut beats = Vec::new();
        loop {
            let next = tone.advance();
            if next.is_empty() {
                return beats;
            }
            beats.extend(next);
        }
    }

    #[test]
    fn a_tone_grows_and_ends_three_times() {
        let beats = all(Tone::new('#', 70, 48_000).unwrap());
        let told: Vec<_> = beats
            .iter()
            .map(|beat| {
                (
                    beat.marker,
                    beat.payload[1] & END != 0,
                    u16::from_be_bytes([beat.payload[2], beat.payload[3]]),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (true, false, 960),
                (false, false, 1_920),
                (false, false, 2_880),
                (false, true, 3_360),
                (false, true, 3_360),
                (false, true, 3_360)
            ]
        );
        assert!(beats.iter().all(|beat| beat.offset == 0 && beat.payload[0] == 11));
    }

    #[test]
    fn a_long_one_is_told_in_parts_without_a_hole() {
        let beats = all(Tone::new('A', 6_000, 48_000).unwrap());
        let end = |beat: &Beat| beat.offset + u32::from(u16::from_be_bytes([beat.payload[2], beat.payload[3]]));
        assert!(beats.windows(2).all(|pair| pair[1].offset <= end(&pair[0])));
        assert!(beats.iter().skip(1).all(|beat| !beat.marker));
        assert_eq!(beats.last().map(end), Some(288_000));
        assert_eq!(beats.iter().filter(|beat| beat.payload[1] & END != 0).count(), 3);
    }

    #[test]
    fn there_are_sixteen() {
        let events: Vec<_> = "0123456789*#ABCD".chars().filter_map(event).collect();
        assert_eq!(events, (0..16).collect::<Vec<_>>());
        assert!(Tone::new(',', 100, 8_000).is_none() && Tone::new('e', 100, 8_000).is_none());
        let none = Tone::new('1', 0, 8_000).unwrap();
        assert_eq!(all(none).len(), 3);
    }
}
