//! One direction of a link.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rtc::interceptor::{Packet, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::marshal::MarshalSize;

use crate::engine::tap::Tap;

/// Packets come out after `delay` and the time that they take at `rate`, unless they are lost.
pub struct Link {
    pub delay: Duration,
    /// More delay, of up to so many milliseconds, at random; packets overtake each other.
    pub jitter: u64,
    /// Bits per second.
    pub rate: f64,
    /// Lost out of a thousand.
    pub loss: u64,
    /// Packets of media that were lost, in whatever form they were sent.
    pub lost: u64,
    pub media: u64,
    pub bytes: u64,
    flying: BTreeMap<(Instant, u64), TaggedPacket>,
    busy: Option<Instant>,
    random: u64,
    count: u64,
}

/// Bytes around an RTP packet.
const HEADERS: usize = 44;

impl Link {
    pub fn new(delay: u64, loss: u64, seed: u64) -> Self {
        Self {
            delay: Duration::from_millis(delay),
            jitter: 0,
            rate: 10e6,
            loss,
            lost: 0,
            media: 0,
            bytes: 0,
            flying: BTreeMap::new(),
            busy: None,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            count: 0,
        }
    }

    pub fn send(&mut self, msg: TaggedPacket, now: Instant) {
        let (media, size) = match &msg.message.packet {
            Packet::Rtp(packet) => (true, packet.marshal_size() + HEADERS),
            _ => (false, 100),
        };
        self.media += u64::from(media);
        self.bytes += size as u64;
        if self.draw(1_000) < self.loss {
            self.lost += u64::from(media);
            return;
        }
        let start = self.busy.map_or(now, |busy| busy.max(now));
        let end = start + Duration::from_secs_f64(size as f64 * 8.0 / self.rate);
        self.busy = Some(end);
        let jitter = if self.jitter == 0 { 0 } else { self.draw(self.jitter) };
        let at = end + self.delay + Duration::from_millis(jitter);
        self.count += 1;
        self.flying.insert((at, self.count), msg);
    }

    /// What has come out by now.
    fn next(&mut self, now: Instant) -> Option<TaggedPacket> {
        let (at, count) = *self.flying.first_key_value()?.0;
        if at > now {
            return None;
        }
        self.flying.remove(&(at, count))
    }

    /// Hands what has come out to the tap at its end, which keeps all of it to itself.
    pub fn deliver(&mut self, to: &mut Tap, now: Instant) {
        while let Some(mut msg) = self.next(now) {
            msg.now = now;
            to.handle_read(msg).unwrap();
            assert!(to.poll_read().is_none());
        }
    }

    /// A number below `limit` (xorshift*).
    pub fn draw(&mut self, limit: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}
