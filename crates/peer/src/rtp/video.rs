//! Video packets to frames: in order, whole, and never after something missing without a key frame.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::format::Head;
use super::sequence::Sequence;
use super::{Assembled, OUTAGE, Packet, Source};

/// How long a missing packet is waited for, at least, before a key frame is as good.
const HOLD: Duration = Duration::from_millis(120);
/// And at most: a picture that stands still for longer is worse than one that begins anew.
const HOLD_MAX: Duration = Duration::from_millis(600);
/// Until it has been measured, asking for a packet again is taken to last this long.
const TRIP: Duration = Duration::from_millis(100);
/// What has not come after this time comes no more, be it a packet or a key frame.
const GIVE_UP: Duration = Duration::from_secs(2);
/// Packets that may wait: over a second of 4 Mbit/s.
const CAPACITY: usize = 1_024;
/// A jump further than this is a new beginning, not a loss.
const JUMP: i64 = 3_000;

/// Puts the frames of one stream together.
#[derive(Debug)]
pub struct VideoAssembler {
    source: Source,
    sequence: Sequence,
    waiting: BTreeMap<i64, (Packet, Instant)>,
    /// The packet that continues what was delivered.
    next: Option<i64>,
    /// Nothing can be delivered before a key frame.
    needs_key: bool,
    gap: bool,
    dropped: u64,
    discarded: u64,
    hold: Duration,
}

impl Default for VideoAssembler {
    fn default() -> Self {
        Self {
            source: Source::default(),
            sequence: Sequence::default(),
            waiting: BTreeMap::new(),
            next: None,
            needs_key: true,
            gap: false,
            dropped: 0,
            discarded: 0,
            hold: hold(TRIP),
        }
    }
}

impl VideoAssembler {
    pub fn new(source: Source) -> Self {
        Self {
            source,
            ..Self::default()
        }
    }

    /// How long it takes to have a packet sent again: three attempts are waited for.
    pub fn set_round_trip(&mut self, trip: Duration) {
        self.hold = hold(trip);
    }

    /// Frames that were given up.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Packets that came too late, or were given up with their frames.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Whether the stream goes on with a key frame only, or sooner than without, and none is on its way.
    pub fn needs_key(&self, now: Instant) -> bool {
        let stuck = self.stuck().is_some_and(|since| now >= since + self.patience());
        (stuck || self.needs_key) && self.coming().is_none_or(|until| now >= until)
    }

    /// Takes a packet; duplicates and late ones are ignored.
    pub fn push(&mut self, packet: Packet, now: Instant) {
        let number = self.sequence.unwrap(packet.sequence);
        if let Some(next) = self.next {
            if number > next + JUMP || number < next - JUMP {
                self.discarded += self.waiting.len() as u64;
                self.waiting.clear();
                self.lose();
                self.next = None;
            } else if number < next {
                self.discarded += 1;
                return;
            }
        }
        self.waiting.entry(number).or_insert((packet, now));
        while self.waiting.len() > CAPACITY {
            self.waiting.pop_first();
            self.discarded += 1;
            self.lose();
        }
    }

    /// The next frame that is complete. What is missing is waited for until it comes, or until a later key frame is
    /// complete and patience at its end.
    pub fn poll(&mut self, now: Instant) -> Option<Assembled> {
        loop {
            if let Some(frame) = self.complete() {
                return Some(frame);
            }
            let since = self.stuck()?;
            if now < since + self.patience() {
                return None;
            }
            if self.jump() {
                continue;
            }
            if now < since + GIVE_UP {
                return None;
            }
            self.skip();
        }
    }

    /// When, later than now, something is to be done though no packet came.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let since = self.stuck();
        let all = [
            since.map(|since| since + self.patience()),
            since.map(|since| since + GIVE_UP),
            self.coming(),
        ];
        all.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Before a key frame nothing can be shown, and after an outage nothing comes: there is nothing to wait for but the
    /// next one.
    fn patience(&self) -> Duration {
        let first = self.waiting.first_key_value().map(|(number, _)| *number);
        let outage = self.next.zip(first).is_some_and(|(next, first)| first - next > OUTAGE);
        if self.next.is_none() || self.needs_key || outage {
            Duration::ZERO
        } else {
            self.hold
        }
    }

    /// Since when packets have been waiting for one that is missing.
    fn stuck(&self) -> Option<Instant> {
        // Packets that wait while nothing is missing are the beginning of a frame whose end has not come yet.
        let mut expected = match self.next {
            Some(next) => next,
            None if self.headless() => i64::MIN,
            None => *self.waiting.first_key_value()?.0,
        };
        for number in self.waiting.keys() {
            if *number != expected {
                // Those in front of it may have been sent again and be the last ones that came.
                return self.waiting.range(number..).map(|(_, (_, arrived))| *arrived).min();
            }
            expected = number + 1;
        }
        None
    }

    /// Until when a key frame of which parts are here may still become whole.
    fn coming(&self) -> Option<Instant> {
        let key = self.waiting.values().rev().find(|(packet, _)| self.begins(packet));
        key.map(|(_, arrived)| *arrived + self.hold)
    }

    /// Whether what waits begins in the middle of a frame.
    fn headless(&self) -> bool {
        let first = self.waiting.first_key_value();
        first.is_some_and(|(_, (packet, _))| !self.begins(packet))
    }

    /// Whether a key frame begins with this packet.
    fn begins(&self, packet: &Packet) -> bool {
        self.source
            .codec
            .head(&packet.payload)
            .is_some_and(|head| head.start && head.key)
    }

    fn complete(&mut self) -> Option<Assembled> {
        loop {
            let (first, end) = self.extent()?;
            let came: Vec<(Packet, Instant)> = (first..end).filter_map(|number| self.waiting.remove(&number)).collect();
            let (packets, times): (Vec<Packet>, Vec<Instant>) = came.into_iter().unzip();
            self.next = Some(end);
            let payloads = packets.iter().map(|packet| &packet.payload);
            let heads: Vec<Head> = payloads.clone().filter_map(|one| self.source.codec.head(one)).collect();
            let Some(head) = heads.first() else { continue };
            let key = heads.iter().any(|head| head.key);
            if !head.start || (self.needs_key && !key) {
                self.dropped += 1;
                self.discarded += packets.len() as u64;
                self.gap = true;
                self.needs_key = true;
                continue;
            }
            let timestamp = packets.iter().find(|packet| !packet.payload.is_empty())?.timestamp;
            let came = times.into_iter().min()?;
            let gap = std::mem::take(&mut self.gap);
            self.needs_key = false;
            return Some(Assembled {
                source: self.source,
                key,
                gap,
                timestamp,
                came,
                payload: self.source.codec.join(payloads),
            });
        }
    }

    /// The numbers of the packets up to the end of the frame that comes next, if all of them are here.
    fn extent(&self) -> Option<(i64, i64)> {
        let first = match self.next {
            Some(next) => next,
            None => *self.waiting.first_key_value()?.0,
        };
        if self.next.is_none() && self.headless() {
            return None;
        }
        self.frame_from(first)
    }

    fn frame_from(&self, first: i64) -> Option<(i64, i64)> {
        let mut timestamp = None;
        let mut number = first;
        loop {
            let (packet, _) = self.waiting.get(&number)?;
            if packet.payload.is_empty() {
                // Padding belongs to no frame; between frames it is simply passed.
                if timestamp.is_none() {
                    return Some((first, number + 1));
                }
            } else if timestamp.is_some_and(|timestamp| timestamp != packet.timestamp) {
                return Some((first, number));
            } else {
                timestamp = Some(packet.timestamp);
                if packet.marker {
                    return Some((first, number + 1));
                }
            }
            number += 1;
        }
    }

    /// Goes on with a key frame that is complete, if there is one; the last one is the best.
    fn jump(&mut self) -> bool {
        let floor = self.next.unwrap_or(i64::MIN);
        let key = self.keys(floor).rev().find(|key| self.frame_from(*key).is_some());
        if let Some(key) = key {
            self.go_on(key);
        }
        key.is_some()
    }

    /// Gives up what is missing: goes on with the next key frame that has begun, or empties the queue.
    fn skip(&mut self) {
        let floor = self.next.unwrap_or(i64::MIN);
        let key = self.keys(floor).next();
        let end = self.waiting.last_key_value().map(|(number, _)| number + 1);
        if let Some(next) = key.or(end) {
            self.go_on(next);
        }
    }

    /// The first packets of the key frames beyond a number.
    fn keys(&self, floor: i64) -> impl DoubleEndedIterator<Item = i64> {
        let again = |number: i64, packet: &Packet| {
            let former = self.waiting.get(&(number - 1)).map(|(former, _)| former);
            former.is_some_and(|former| former.timestamp == packet.timestamp && self.begins(former))
        };
        let all = self.waiting.iter().filter(move |(number, _)| **number > floor);
        all.filter(move |(number, (packet, _))| self.begins(packet) && !again(**number, packet))
            .map(|(number, _)| *number)
    }

    /// Gives up all that is before a number.
    fn go_on(&mut self, next: i64) {
        let rest = self.waiting.split_off(&next);
        let mut last = None;
        let given_up = std::mem::replace(&mut self.waiting, rest);
        self.discarded += given_up.len() as u64;
        for (packet, _) in given_up.values() {
            if last.replace(packet.timestamp) != Some(packet.timestamp) {
                self.dropped += 1;
            }
        }
        self.lose();
        self.next = Some(next);
    }

    fn lose(&mut self) {
        self.dropped += 1;
        self.needs_key = true;
        self.gap = true;
    }
}

/// Three attempts to have a packet sent again.
fn hold(trip: Duration) -> Duration {
    (trip * 15 / 4 + Duration::from_millis(40)).clamp(HOLD, HOLD_MAX)
}

#[cfg(test)]
mod tests;
