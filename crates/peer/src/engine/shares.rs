//! Who may send how much of what the path takes: voices first, then videos, none of them more than it can use.

use crate::wire::{Kind, TransceiverId};

/// Bits per second of a voice, and of one on a path that takes little.
const VOICE: u32 = 40_000;
const VOICE_LEAST: u32 = 20_000;
/// What headers add to a voice's packets, in bits per second, and to a video's, as a share.
const VOICE_HEADERS: u32 = 26_000;
const VIDEO_HEADERS: f64 = 0.06;
/// What a video gets at least, and what one wants that has not said so.
const VIDEO_LEAST: u32 = 60_000;
const VIDEO: u32 = 2_500_000;
/// A path that takes less carries slim voices.
const NARROW: u32 = 250_000;

/// Bits per second, each for an encoder, and what all of them could use on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    pub wanted: f64,
    pub shares: Vec<(TransceiverId, u32)>,
}

/// Divides `target` bits per second on the wire among senders that want so many bits per second, of which `loss`, 0 to
/// 1, has to be sent again. Who wants nothing keeps what it had.
pub fn shares(senders: &[(TransceiverId, Kind, Option<u32>)], target: u32, loss: f64) -> Shares {
    let voices: Vec<TransceiverId> = of(senders, Kind::Audio).map(|(id, _)| id).collect();
    let videos: Vec<(TransceiverId, u32)> = of(senders, Kind::Video)
        .map(|(id, wanted)| (id, wanted.unwrap_or(VIDEO)))
        .collect();
    let voice = if target < NARROW { VOICE_LEAST } else { VOICE };
    let count = u32::try_from(voices.len()).unwrap_or(u32::MAX);
    let spoken = count.saturating_mul(voice + VOICE_HEADERS);
    let wanted: f64 = videos.iter().map(|(_, wanted)| f64::from(*wanted)).sum();
    // What loss makes be sent again is part of the path's load.
    let room = f64::from(target.saturating_sub(spoken)) * (1.0 - VIDEO_HEADERS) * (1.0 - loss.clamp(0.0, 0.3));
    let mut shares: Vec<(TransceiverId, u32)> = voices.into_iter().map(|id| (id, voice)).collect();
    shares.extend(level(videos, room).into_iter().filter(|(_, share)| *share > 0));
    Shares {
        wanted: wanted / (1.0 - VIDEO_HEADERS) + f64::from(count.saturating_mul(VOICE + VOICE_HEADERS)),
        shares,
    }
}

/// Those who want least are served first, with no more than an equal part of what is left.
fn level(mut videos: Vec<(TransceiverId, u32)>, mut room: f64) -> Vec<(TransceiverId, u32)> {
    videos.sort_by_key(|(_, wanted)| *wanted);
    let count = videos.len();
    let serve = |(index, (id, wanted)): (usize, (TransceiverId, u32))| {
        let part = room / (count - index) as f64;
        let share = part.min(f64::from(wanted));
        room -= share;
        (id, (share as u32).max(VIDEO_LEAST.min(wanted)))
    };
    videos.into_iter().enumerate().map(serve).collect()
}

fn of(
    senders: &[(TransceiverId, Kind, Option<u32>)],
    kind: Kind,
) -> impl Iterator<Item = (TransceiverId, Option<u32>)> {
    let same = move |one: &&(TransceiverId, Kind, Option<u32>)| one.1 == kind;
    senders.iter().filter(same).map(|(id, _, wanted)| (*id, *wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voices_come_first_and_videos_share_the_rest_by_what_they_want() {
        let senders = [
            (1, Kind::Video, Some(2_000_000)),
            (2, Kind::Audio, None),
            (3, Kind::Video, Some(100_000)),
            (4, Kind::Video, None),
        ];
        let all = shares(&senders, 1_000_000, 0.0);
        assert_eq!(all.shares[0], (2, VOICE));
        assert_eq!(all.shares[1], (3, 100_000));
        let (first, second) = (all.shares[2].1, all.shares[3].1);
        assert!(
            first.abs_diff(second) <= 1 && (380_000..400_000).contains(&first),
            "{first} {second}"
        );
        assert!(all.wanted > 4_600_000.0);
        assert!(shares(&senders, 1_000_000, 0.2).shares[2].1 < first * 4 / 5 + 1);
    }

    #[test]
    fn a_narrow_path_still_gives_each_a_little_and_the_silent_nothing() {
        let senders = [
            (1, Kind::Video, Some(0)),
            (2, Kind::Audio, None),
            (3, Kind::Video, None),
        ];
        let all = shares(&senders, 80_000, 0.0);
        assert_eq!(all.shares, [(2, VOICE_LEAST), (3, VIDEO_LEAST)]);
    }
}
