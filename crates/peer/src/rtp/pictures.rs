//! What a receiver of video does: packets in, frames out, and requests for key frames when it cannot go on without.

use std::time::{Duration, Instant};

use super::video::VideoAssembler;
use super::{Assembled, Packet, Source};

/// A request and the key frame that it brings take a round trip, and this long to be encoded and to be sent.
const MAKING: Duration = Duration::from_millis(150);
/// Key frames are asked for no more often than this, as browsers make none within 300 ms of the last one, and no less
/// often until one comes.
const PAUSE_MIN: Duration = Duration::from_millis(350);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The pictures of one transceiver.
#[derive(Debug, Default)]
pub struct Pictures {
    order: VideoAssembler,
    /// Where the packets come from, to complain to, and the number of the last one.
    source: Option<(Source, u16)>,
    asked: Option<Instant>,
    /// The decoder cannot go on.
    wanted: bool,
    /// What was given up of former senders and codecs: frames, and packets.
    former: (u64, u64),
    trip: Option<Duration>,
}

impl Pictures {
    /// Takes a packet; true if it comes from another sender than the former ones, of which nothing fits together with it.
    pub fn push(&mut self, packet: Packet, source: Source, at: Instant) -> bool {
        let former = self.source;
        if let Some((former, last)) = former
            && former.ssrc == source.ssrc
            && former.codec != source.codec
            && packet.sequence.wrapping_sub(last) >= 0x8000
        {
            // What is late of the codec before has no frame to be part of any more.
            return false;
        }
        if former.is_none_or(|(former, _)| former != source) {
            self.former = (self.dropped(), self.discarded());
            self.order = VideoAssembler::new(source);
            if let Some(trip) = self.trip {
                self.order.set_round_trip(trip);
            }
        }
        let late = |(_, last): &(Source, u16)| packet.sequence.wrapping_sub(*last) >= 0x8000;
        let last = former.filter(|one| one.0 == source && late(one));
        self.source = last.or(Some((source, packet.sequence)));
        self.order.push(packet, at);
        former.is_some_and(|(former, _)| former.ssrc != source.ssrc)
    }

    /// The decoder needs a key frame.
    pub fn want_key(&mut self) {
        self.wanted = true;
    }

    /// How long it takes to have a packet sent again.
    pub fn set_round_trip(&mut self, trip: Duration) {
        self.trip = Some(trip);
        self.order.set_round_trip(trip);
    }

    /// Frames that were given up.
    pub fn dropped(&self) -> u64 {
        self.former.0 + self.order.dropped()
    }

    /// Packets that came too late, or were given up with their frames.
    pub fn discarded(&self) -> u64 {
        self.former.1 + self.order.discarded()
    }

    /// The next frame that can be decoded.
    pub fn poll(&mut self, now: Instant) -> Option<Assembled> {
        let frame = self.order.poll(now)?;
        self.wanted &= !frame.key;
        Some(frame)
    }

    /// The stream of which a key frame is to be asked for now.
    pub fn ask(&mut self, now: Instant) -> Option<u32> {
        let (source, _) = self.source?;
        if !self.lacks_key(now) || self.asked.is_some_and(|asked| now < asked + self.pause()) {
            return None;
        }
        self.asked = Some(now);
        Some(source.ssrc)
    }

    /// When `poll` or `ask` may have something that they do not have now.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let ask = (self.source.is_some() && self.lacks_key(now))
            .then(|| self.asked.map_or(now, |asked| (asked + self.pause()).max(now)));
        [self.order.deadline(now), ask].into_iter().flatten().min()
    }

    fn lacks_key(&self, now: Instant) -> bool {
        self.wanted || self.order.needs_key(now)
    }

    fn pause(&self) -> Duration {
        (self.trip.unwrap_or_default() * 3 / 2 + MAKING).clamp(PAUSE_MIN, PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::format::VideoCodec;

    fn packet(sequence: u16, payload: &[u8]) -> Packet {
        Packet {
            sequence,
            timestamp: 3_000 * u32::from(sequence),
            marker: true,
            payload: bytes::Bytes::copy_from_slice(payload),
        }
    }

    #[test]
    fn a_key_frame_is_asked_for_until_it_comes_but_not_all_the_time() {
        let (mut pictures, start) = (Pictures::default(), Instant::now());
        let packet = |sequence, first| packet(sequence, &[0x10, first]);
        let from = |ssrc| Source {
            ssrc,
            codec: VideoCodec::Vp8,
        };
        pictures.want_key();
        assert_eq!((pictures.ask(start), pictures.deadline(start)), (None, None));
        pictures.push(packet(1, 1), from(7), start);
        assert_eq!(pictures.ask(start), Some(7));
        let again = start + PAUSE_MIN;
        assert_eq!((pictures.ask(start), pictures.deadline(start)), (None, Some(again)));
        assert_eq!(pictures.ask(again), Some(7));
        pictures.push(packet(2, 0), from(7), again);
        assert!(pictures.poll(again).is_some_and(|frame| frame.key));
        assert_eq!(pictures.ask(again + PAUSE_MAX), None);
        assert!(pictures.push(packet(9, 1), from(8), again));
        assert_eq!(pictures.ask(again + PAUSE_MAX), Some(8));
        assert!(!pictures.push(packet(10, 0), from(8), again));
        assert_eq!(pictures.poll(again).map(|frame| frame.source), Some(from(8)));
    }

    #[test]
    fn another_codec_begins_anew_and_what_is_late_of_the_former_changes_nothing() {
        let (mut pictures, now) = (Pictures::default(), Instant::now());
        let from = |codec| Source { ssrc: 7, codec };
        let (vp8, vp9, h264) = (from(VideoCodec::Vp8), from(VideoCodec::Vp9), from(VideoCodec::H264));
        let mut next = |packet, source| {
            assert!(!pictures.push(packet, source, now));
            pictures.poll(now).map(|frame| (frame.source.codec, frame.key))
        };
        assert_eq!(next(packet(1, &[0x10, 0]), vp8), Some((VideoCodec::Vp8, true)));
        assert_eq!(next(packet(4, &[0x08, 1]), vp9), Some((VideoCodec::Vp9, true)));
        assert_eq!(next(packet(2, &[0x10, 0]), vp8), None);
        assert_eq!(next(packet(5, &[0x48, 1]), vp9), Some((VideoCodec::Vp9, false)));
        // A picture without its parameters is no beginning.
        assert_eq!(next(packet(6, &[0x65, 1]), h264), None);
        let parameters = packet(7, &[0x78, 0, 1, 0x67, 0, 1, 0x68, 0, 2, 0x65, 1]);
        assert_eq!(next(parameters, h264), Some((VideoCodec::H264, true)));
        assert_eq!(next(packet(8, &[0x41, 1]), h264), Some((VideoCodec::H264, false)));
    }
}
