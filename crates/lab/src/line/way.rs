use super::impairment::{Impairment, millis};
use super::loss::Loss;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

/// Frames on their way behind the queue, which only a long delay without a rate can make many.
const TRAVELLING: usize = 16_384;

/// One direction of a line: loss, then copies, then the bottleneck with its queue, then the distance. No socket and no clock.
#[derive(Debug)]
pub(crate) struct Way {
    how: Impairment,
    dice: StdRng,
    loss: Loss,
    /// Before the bottleneck; the first is passing it.
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    /// When the first one has passed.
    passed: Option<Instant>,
    travelling: BinaryHeap<Reverse<Travelling>>,
    /// When the last one arrives that was not held back.
    latest: Option<Instant>,
    /// Tells apart what arrives at the same moment.
    order: u64,
    counts: Counts,
}

/// What became of the frames; but for `queued`, since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) entered: u64,
    pub(crate) lost: u64,
    /// They found the queue full.
    pub(crate) dropped: u64,
    pub(crate) duplicated: u64,
    pub(crate) held_back: u64,
    pub(crate) left: u64,
    pub(crate) bytes: u64,
    /// Bytes that wait now.
    pub(crate) queued: u64,
}

/// Compared by when it arrives.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Travelling {
    due: Instant,
    order: u64,
    frame: Vec<u8>,
}

impl Way {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            how: Impairment::default(),
            dice: StdRng::seed_from_u64(seed),
            loss: Loss::default(),
            queue: VecDeque::new(),
            queued: 0,
            passed: None,
            travelling: BinaryHeap::new(),
            latest: None,
            order: 0,
            counts: Counts::default(),
        }
    }

    /// From now on; what is in the queue stays there, and passes at the new rate.
    pub(crate) fn set(&mut self, how: Impairment, now: Instant) {
        self.advance(now);
        self.how = how;
        let passage = self.queue.front().map(|frame| self.how.passage(frame.len()));
        self.passed = passage.map(|passage| now + passage);
        // A shorter way is not kept long by those that are on it.
        self.latest = None;
    }

    /// A frame comes in at this end.
    pub(crate) fn push(&mut self, frame: Vec<u8>, now: Instant) {
        self.advance(now);
        self.counts.entered += 1;
        if self.loss.hits(&self.how, &mut self.dice) {
            self.counts.lost += 1;
            return;
        }
        if self.happens(self.how.duplicate) {
            self.counts.duplicated += 1;
            self.enqueue(frame.clone(), now);
        }
        self.enqueue(frame, now);
    }

    /// The next frame that is out by now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.advance(now);
        if self.travelling.peek()?.0.due > now {
            return None;
        }
        let Reverse(Travelling { frame, .. }) = self.travelling.pop()?;
        self.counts.left += 1;
        self.counts.bytes += frame.len() as u64;
        Some(frame)
    }

    /// When to look again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let due = self.travelling.peek().map(|next| next.0.due);
        [self.passed, due].into_iter().flatten().min()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            queued: self.queued as u64,
            ..self.counts
        }
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.dice.random_bool(share)
    }

    fn enqueue(&mut self, frame: Vec<u8>, now: Instant) {
        // Whatever is so narrow that nothing fits holds one frame.
        if !self.queue.is_empty() && !self.how.holds(self.queued + frame.len()) {
            self.counts.dropped += 1;
            return;
        }
        self.queued += frame.len();
        if self.queue.is_empty() {
            self.passed = Some(now + self.how.passage(frame.len()));
        }
        self.queue.push_back(frame);
        self.advance(now);
    }

    /// What has passed the bottleneck sets out.
    fn advance(&mut self, now: Instant) {
        while let Some(at) = self.passed.filter(|at| *at <= now)
            && let Some(frame) = self.queue.pop_front()
        {
            self.queued -= frame.len();
            self.passed = self.queue.front().map(|next| at + self.how.passage(next.len()));
            self.travel(frame, at);
        }
    }

    fn travel(&mut self, frame: Vec<u8>, at: Instant) {
        if self.travelling.len() >= TRAVELLING {
            self.counts.dropped += 1;
            return;
        }
        let jitter = self.how.jitter_ms * self.dice.random_range(0.0..=1.0);
        let mut due = at + millis(self.how.delay_ms + jitter);
        due = self.latest.map_or(due, |latest| latest.max(due));
        if self.happens(self.how.reorder) {
            self.counts.held_back += 1;
            due += millis(self.how.held_back_ms);
        } else {
            self.latest = Some(due);
        }
        let order = self.order;
        self.order += 1;
        self.travelling.push(Reverse(Travelling { due, order, frame }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Frames of this size, one after the other `apart`; which came out, and when.
    fn pass(how: Impairment, frames: u32, size: usize, apart: Duration) -> (Vec<(u32, Duration)>, Counts) {
        let start = Instant::now();
        let mut way = Way::new(7);
        way.set(how, start);
        let mut out = Vec::new();
        let mut take = |way: &mut Way, until: Option<Instant>| {
            while let Some(at) = way.deadline().filter(|at| until.is_none_or(|until| *at <= until)) {
                while let Some(frame) = way.next(at) {
                    out.push((number(&frame), at - start));
                }
            }
        };
        for n in 0..frames {
            let now = start + apart * n;
            take(&mut way, Some(now));
            way.push(frame(n, size), now);
        }
        take(&mut way, None);
        let counts = way.counts();
        (out, counts)
    }

    fn frame(number: u32, size: usize) -> Vec<u8> {
        let mut frame = number.to_be_bytes().to_vec();
        frame.resize(size, 0);
        frame
    }

    fn number(frame: &[u8]) -> u32 {
        u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]])
    }

    const TEN: Duration = Duration::from_millis(10);

    #[test]
    fn a_good_line_passes_everything_at_once() {
        let (out, counts) = pass(Impairment::default(), 100, 1_000, TEN);
        let wanted: Vec<_> = (0..100).map(|n| (n, TEN * n)).collect();
        assert_eq!(out, wanted);
        assert_eq!((counts.entered, counts.left, counts.bytes), (100, 100, 100_000));
    }

    #[test]
    fn what_is_delayed_unevenly_stays_in_order() {
        let how = Impairment {
            delay_ms: 50.0,
            jitter_ms: 30.0,
            ..Impairment::default()
        };
        let (out, _) = pass(how, 1_000, 100, TEN);
        assert!(out.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
        let delays: Vec<_> = out.iter().map(|(n, at)| *at - TEN * *n).collect();
        let (least, most) = (delays.iter().min().expect("one"), delays.iter().max().expect("one"));
        assert!(*least >= millis(50.0) && *least < millis(55.0), "{least:?}");
        assert!(*most <= millis(80.0) && *most > millis(75.0), "{most:?}");
    }

    #[test]
    fn who_is_held_back_is_overtaken() {
        let how = Impairment {
            reorder: 0.1,
            held_back_ms: 25.0,
            ..Impairment::default()
        };
        let (out, counts) = pass(how, 1_000, 100, TEN);
        let overtaken = out.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
        assert_eq!(out.len(), 1_000);
        assert!((60..140).contains(&counts.held_back), "{counts:?}");
        assert!(overtaken > 50, "{overtaken}");
    }

    #[test]
    fn copies_are_made_of_some() {
        let how = Impairment {
            duplicate: 0.2,
            ..Impairment::default()
        };
        let (out, counts) = pass(how, 1_000, 100, TEN);
        assert_eq!(out.len() as u64, 1_000 + counts.duplicated);
        assert!((150..250).contains(&counts.duplicated), "{counts:?}");
    }

    #[test]
    fn a_narrow_line_passes_its_rate_and_drops_what_does_not_fit_before_it() {
        let how = Impairment {
            kbits: 100.0,
            queue_ms: 200.0,
            ..Impairment::default()
        };
        // 1 kB every 10 ms are 800 kbit/s.
        let (out, counts) = pass(how, 1_000, 1_000, TEN);
        let last = out.last().expect("one").1;
        let kbits = counts.bytes as f64 * 8.0 / last.as_secs_f64() / 1_000.0;
        assert!((kbits - 100.0).abs() < 1.0, "{kbits}");
        assert_eq!(counts.left + counts.dropped, 1_000);
        let longest = out.iter().map(|(n, at)| *at - TEN * *n).max().expect("one");
        assert!(
            longest <= millis(200.0 + 80.0) && longest > millis(150.0),
            "{longest:?}"
        );
    }

    #[test]
    fn a_line_that_gets_wide_passes_what_waited() {
        let start = Instant::now();
        let mut way = Way::new(1);
        let narrow = Impairment {
            kbits: 8.0,
            queue_ms: 60_000.0,
            ..Impairment::default()
        };
        way.set(narrow, start);
        for n in 0..10 {
            way.push(frame(n, 1_000), start);
        }
        assert_eq!((way.next(start + TEN), way.counts().queued), (None, 10_000));
        way.set(Impairment::default(), start + TEN);
        let out: Vec<_> = std::iter::from_fn(|| way.next(start + TEN)).collect();
        assert_eq!(
            out.iter().map(|frame| number(frame)).collect::<Vec<_>>(),
            Vec::from_iter(0..10)
        );
        assert_eq!((way.deadline(), way.counts().queued), (None, 0));
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let how = Impairment {
            loss: 0.1,
            burst: 3.0,
            jitter_ms: 20.0,
            reorder: 0.05,
            duplicate: 0.05,
            ..Impairment::default()
        };
        let run = || pass(how.clone(), 500, 200, TEN);
        assert_eq!(run(), run());
    }
}
