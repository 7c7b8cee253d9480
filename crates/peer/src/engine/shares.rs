//! Who may send how much of what the path takes: voices first, then videos, none of them more than it can use. The layers
//! of a simulcast share what their video gets, the lowest first, and one that would get too little pauses.

use crate::wire::{EncodingId, Kind, TransceiverId};

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
/// What a layer is not worth sending without, as a share of what it wants: to go on, and to begin again.
const ENOUGH: f64 = 0.25;
const ENOUGH_TO_BEGIN: f64 = 0.35;
/// The same where the path cannot be probed.
const LITTLE: f64 = 0.1;
const LITTLE_TO_BEGIN: f64 = 0.13;

/// What an encoding asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    pub encoding: EncodingId,
    pub kind: Kind,
    /// Bits per second beyond which more would be of no use; `None` until the worker has said so. Of a voice those that it
    /// takes whatever the path does; `None` if it adapts.
    pub wanted: Option<u32>,
    /// It has been told to pause.
    pub paused: bool,
    /// What the path takes can be probed for with what was sent before.
    pub probed: bool,
}

/// Bits per second, each for an encoder, and what all of them could use on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    pub wanted: f64,
    /// 0 for a layer that has to pause.
    pub shares: Vec<(EncodingId, u32)>,
}

/// The encodings of one sender that want something, by what they want.
struct Video {
    layers: Vec<(Demand, u32)>,
    wanted: u32,
}

/// Divides `target` bits per second on the wire among encodings, of which `loss`, 0 to 1, has to be sent again. Who wants
/// nothing keeps what it had.
pub fn shares(demands: &[Demand], target: u32, loss: f64) -> Shares {
    let voices = || demands.iter().filter(|one| one.kind == Kind::Audio);
    let videos = videos(demands);
    let voice = if target < NARROW { VOICE_LEAST } else { VOICE };
    let spoken = |voice: u32| {
        let each = voices().map(|one| one.wanted.unwrap_or(voice).saturating_add(VOICE_HEADERS));
        each.fold(0, u32::saturating_add)
    };
    let wanted: f64 = videos.iter().map(|video| f64::from(video.wanted)).sum();
    // What loss makes be sent again is part of the path's load.
    let room = f64::from(target.saturating_sub(spoken(voice))) * (1.0 - VIDEO_HEADERS) * (1.0 - loss.clamp(0.0, 0.3));
    let mut shares: Vec<(EncodingId, u32)> = voices()
        .map(|one| (one.encoding, one.wanted.unwrap_or(voice)))
        .collect();
    for (video, share) in level(videos, room) {
        shares.extend(layered(&video, share));
    }
    Shares {
        wanted: wanted / (1.0 - VIDEO_HEADERS) + f64::from(spoken(VOICE)),
        shares,
    }
}

fn videos(demands: &[Demand]) -> Vec<Video> {
    let mut senders: Vec<(TransceiverId, Vec<Demand>)> = Vec::new();
    for one in demands.iter().filter(|one| one.kind == Kind::Video) {
        match senders.iter_mut().find(|(id, _)| *id == one.encoding.transceiver) {
            Some((_, layers)) => layers.push(*one),
            None => senders.push((one.encoding.transceiver, vec![*one])),
        }
    }
    let video = |(_, layers): (TransceiverId, Vec<Demand>)| {
        let count = layers.len();
        // Each of the usual layers is twice as wide and high as the one before.
        let usual = |index: usize| VIDEO >> (2 * (count - 1 - index)).min(8);
        let known = |(index, one): (usize, Demand)| (one, one.wanted.unwrap_or_else(|| usual(index)));
        let mut layers: Vec<_> = layers.into_iter().enumerate().map(known).collect();
        layers.retain(|(_, wanted)| *wanted > 0);
        layers.sort_by_key(|(_, wanted)| *wanted);
        let wanted = layers
            .iter()
            .fold(0_u32, |sum, (_, wanted)| sum.saturating_add(*wanted));
        Video { layers, wanted }
    };
    let all = senders.into_iter().map(video);
    all.filter(|video| !video.layers.is_empty()).collect()
}

/// Those who want least are served first, with no more than an equal part of what is left.
fn level(mut videos: Vec<Video>, mut room: f64) -> Vec<(Video, f64)> {
    videos.sort_by_key(|video| video.wanted);
    let count = videos.len();
    let serve = |(index, video): (usize, Video)| {
        let part = room / (count - index) as f64;
        let share = part.min(f64::from(video.wanted));
        room -= share;
        (video, share)
    };
    videos.into_iter().enumerate().map(serve).collect()
}

/// The lowest layer is always sent; each further one if what is left is enough for it, and none above one that pauses.
fn layered(video: &Video, mut room: f64) -> Vec<(EncodingId, u32)> {
    if video.layers.iter().any(|(one, _)| !one.probed) {
        return unprobed(video, room);
    }
    let mut pausing = false;
    let serve = |(index, (one, wanted)): (usize, &(Demand, u32))| {
        let wants = f64::from(*wanted);
        let enough = wants * if one.paused { ENOUGH_TO_BEGIN } else { ENOUGH };
        pausing |= index > 0 && room < enough;
        if pausing {
            return (one.encoding, 0);
        }
        let share = room.min(wants);
        room -= share;
        (one.encoding, (share as u32).max(VIDEO_LEAST.min(*wanted)))
    };
    video.layers.iter().enumerate().map(serve).collect()
}

/// Where only what is sent tells what the path takes, a layer that waited for more than that would wait for ever. So each
/// begins with little, and the lowest are filled first.
fn unprobed(video: &Video, mut room: f64) -> Vec<(EncodingId, u32)> {
    let mut pausing = false;
    let begin = |(index, (one, wanted)): (usize, &(Demand, u32))| {
        let wants = f64::from(*wanted);
        let enough = wants * if one.paused { LITTLE_TO_BEGIN } else { LITTLE };
        pausing |= index > 0 && room < enough;
        let share = if pausing { 0.0 } else { wants * LITTLE };
        room -= share;
        (one.encoding, *wanted, share)
    };
    let begun: Vec<_> = video.layers.iter().enumerate().map(begin).collect();
    let fill = |(encoding, wanted, share): (EncodingId, u32, f64)| {
        if share == 0.0 {
            return (encoding, 0);
        }
        let more = room.max(0.0).min(f64::from(wanted) - share);
        room -= more;
        (encoding, ((share + more) as u32).max(VIDEO_LEAST.min(wanted)))
    };
    begun.into_iter().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(transceiver: TransceiverId, kind: Kind, wanted: Option<u32>) -> Demand {
        Demand {
            encoding: EncodingId::only(transceiver),
            kind,
            wanted,
            paused: false,
            probed: true,
        }
    }

    fn layer(layer: u8, wanted: u32, paused: bool) -> Demand {
        let transceiver = 7;
        Demand {
            encoding: EncodingId { transceiver, layer },
            kind: Kind::Video,
            wanted: Some(wanted),
            paused,
            probed: true,
        }
    }

    fn given(all: &Shares) -> Vec<(u32, u32)> {
        all.shares.iter().map(|(id, share)| (id.transceiver, *share)).collect()
    }

    #[test]
    fn voices_come_first_and_videos_share_the_rest_by_what_they_want() {
        let demands = [
            one(1, Kind::Video, Some(2_000_000)),
            one(2, Kind::Audio, None),
            one(3, Kind::Video, Some(100_000)),
            one(4, Kind::Video, None),
        ];
        let all = shares(&demands, 1_000_000, 0.0);
        assert_eq!(given(&all)[..2], [(2, VOICE), (3, 100_000)]);
        let (first, second) = (all.shares[2].1, all.shares[3].1);
        assert!(
            first.abs_diff(second) <= 1 && (380_000..400_000).contains(&first),
            "{first} {second}"
        );
        assert!(all.wanted > 4_600_000.0);
        assert!(shares(&demands, 1_000_000, 0.2).shares[2].1 < first * 4 / 5 + 1);
    }

    #[test]
    fn a_narrow_path_still_gives_each_a_little_and_the_silent_nothing() {
        let demands = [
            one(1, Kind::Video, Some(0)),
            one(2, Kind::Audio, None),
            one(3, Kind::Video, None),
        ];
        let all = shares(&demands, 80_000, 0.0);
        assert_eq!(given(&all), [(2, VOICE_LEAST), (3, VIDEO_LEAST)]);
    }

    #[test]
    fn a_voice_that_does_not_adapt_gets_what_it_takes() {
        let demands = [one(1, Kind::Video, None), one(2, Kind::Audio, Some(64_000))];
        let all = shares(&demands, 200_000, 0.0);
        assert_eq!(given(&all)[0], (2, 64_000));
        let video = f64::from(200_000 - 64_000 - VOICE_HEADERS) * (1.0 - VIDEO_HEADERS);
        assert_eq!(given(&all)[1], (1, video as u32));
    }

    #[test]
    fn layers_are_served_from_the_lowest_and_pause_where_little_is_left() {
        // In the order of the page the highest comes first here.
        let layers = |paused| {
            [
                layer(0, 2_400_000, paused),
                layer(1, 900_000, false),
                layer(2, 220_000, false),
            ]
        };
        let by_layer = |target, paused| {
            let mut all = shares(&layers(paused), target, 0.0).shares;
            all.sort_unstable();
            all.into_iter().map(|(_, share)| share).collect::<Vec<_>>()
        };
        assert_eq!(by_layer(5_000_000, false), [2_400_000, 900_000, 220_000]);
        let [high, middle, low] = by_layer(2_000_000, false)[..] else {
            panic!()
        };
        assert_eq!((middle, low), (900_000, 220_000));
        assert!((700_000..800_000).contains(&high), "{high}");
        assert_eq!(by_layer(1_500_000, false)[0], 0);
        assert_eq!(by_layer(300_000, false), [0, 0, 220_000]);
        assert_eq!(by_layer(50_000, false), [0, 0, VIDEO_LEAST]);
        // What pauses needs more to begin again than to go on.
        assert_eq!(by_layer(2_000_000, true)[0], 0);
        assert!(by_layer(2_200_000, true)[0] > 0);
    }

    #[test]
    fn where_nothing_can_be_probed_layers_begin_with_little() {
        let given = |target, paused, probed| {
            let mut layers = [layer(0, 900_000, false), layer(1, 2_500_000, paused)];
            layers[1].probed = probed;
            let all = shares(&layers, target, 0.0).shares;
            (all[0].1, all[1].1)
        };
        let (low, high) = given(700_000, true, false);
        assert_eq!(high, 250_000);
        assert!((400_000..420_000).contains(&low), "{low}");
        assert_eq!(given(4_000_000, true, false), (900_000, 2_500_000));
        assert_eq!(given(300_000, false, false).1, 0);
        assert_eq!(given(700_000, true, true).1, 0);
    }

    #[test]
    fn a_simulcast_counts_as_one_video_and_its_inactive_layers_as_nothing() {
        let demands = [
            layer(0, 200_000, false),
            layer(1, 800_000, false),
            layer(2, 0, false),
            one(1, Kind::Video, Some(2_000_000)),
        ];
        let all = shares(&demands, 1_600_000, 0.0);
        let simulcast: u32 = all
            .shares
            .iter()
            .filter(|(id, _)| id.transceiver == 7)
            .map(|(_, share)| share)
            .sum();
        assert_eq!(all.shares.len(), 3);
        assert!((740_000..=753_000).contains(&simulcast), "{simulcast}");
    }
}
