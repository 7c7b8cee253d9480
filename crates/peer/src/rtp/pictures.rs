//! What a receiver of video does: packets in, frames out, and requests for key frames when it cannot go on without.

use std::time::{Duration, Instant};

use super::video::VideoAssembler;
use super::{Assembled, Packet};

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
    /// The stream, to complain to.
    ssrc: Option<u32>,
    asked: Option<Instant>,
    /// The decoder cannot go on.
    wanted: bool,
    trip: Duration,
}

impl Pictures {
    /// Takes a packet; true if it comes from another sender than the former ones, of which nothing fits together with it.
    pub fn push(&mut self, packet: Packet, ssrc: u32, at: Instant) -> bool {
        let other = self.ssrc.replace(ssrc).is_some_and(|former| former != ssrc);
        if other {
            self.order = VideoAssembler::new();
            self.order.set_round_trip(self.trip);
        }
        self.order.push(packet, at);
        other
    }

    /// The decoder needs a key frame.
    pub fn want_key(&mut self) {
        self.wanted = true;
    }

    /// How long it takes to have a packet sent again.
    pub fn set_round_trip(&mut self, trip: Duration) {
        self.trip = trip;
        self.order.set_round_trip(trip);
    }

    /// Frames that were given up.
    pub fn dropped(&self) -> u64 {
        self.order.dropped()
    }

    /// The next frame that can be decoded.
    pub fn poll(&mut self, now: Instant) -> Option<Assembled> {
        let frame = self.order.poll(now)?;
        self.wanted &= !frame.key;
        Some(frame)
    }

    /// The stream of which a key frame is to be asked for now.
    pub fn ask(&mut self, now: Instant) -> Option<u32> {
        let ssrc = self.ssrc?;
        if !self.lacks_key(now) || self.asked.is_some_and(|asked| now < asked + self.pause()) {
            return None;
        }
        self.asked = Some(now);
        Some(ssrc)
    }

    /// When `poll` or `ask` may have something that they do not have now.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let ask = (self.ssrc.is_some() && self.lacks_key(now))
            .then(|| self.asked.map_or(now, |asked| (asked + self.pause()).max(now)));
        [self.order.deadline(now), ask].into_iter().flatten().min()
    }

    fn lacks_key(&self, now: Instant) -> bool {
        self.wanted || self.order.needs_key(now)
    }

    fn pause(&self) -> Duration {
        (self.trip * 3 / 2 + MAKING).clamp(PAUSE_MIN, PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_is_asked_for_until_it_comes_but_not_all_the_time() {
        let (mut pictures, start) = (Pictures::default(), Instant::now());
        let packet = |sequence, first| Packet {
            sequence,
            timestamp: 3_000 * u32::from(sequence),
            marker: true,
            payload: bytes::Bytes::copy_from_slice(&[0x10, first]),
        };
        pictures.want_key();
        assert_eq!((pictures.ask(start), pictures.deadline(start)), (None, None));
        pictures.push(packet(1, 1), 7, start);
        assert_eq!(pictures.ask(start), Some(7));
        let again = start + PAUSE_MIN;
        assert_eq!((pictures.ask(start), pictures.deadline(start)), (None, Some(again)));
        assert_eq!(pictures.ask(again), Some(7));
        pictures.push(packet(2, 0), 7, again);
        assert!(pictures.poll(again).is_some_and(|frame| frame.key));
        assert_eq!(pictures.ask(again + PAUSE_MAX), None);
        assert!(pictures.push(packet(9, 1), 8, again));
        assert_eq!(pictures.ask(again + PAUSE_MAX), Some(8));
    }
}
